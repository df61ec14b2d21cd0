"""How long a front end waits for each question about a project with many cases.

python Testing/benchmarks/bench_front_end.py [cases, default 10000]

Everything that a panel asks while somebody looks on should take less than 50 ms. Half of the cases
are labelled, five models have predicted the rest and are scored on a tenth.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from ActiveSeedLib.app.advice import advise
from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.map_points import COLOURINGS, map_groups, write_map_csv
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.steps import retrain_steps
from ActiveSeedLib.pool.case import Case, Geometry, Image, Pool
from ActiveSeedLib.project import LabelSchema, Project, Status

REPEATS = 9
LIMIT_MS = 50.0
GEOMETRY = Geometry((12, 10, 8))
MODELS, ROUNDS = 5, 20


def show(what: str, call: Callable[[], object]) -> None:
    """Print the median and the longest of several calls, and whether the limit holds.

    The second column, the processor's time, is what a machine with nothing else to do would need.
    """
    times, busy = [], []
    for _ in range(REPEATS):
        start, start_busy = time.perf_counter(), time.process_time()
        call()
        times.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - start_busy))
    mark = "" if median(times) < LIMIT_MS else "   above 50 ms"
    print(
        f"{what:<28} {median(times):7.1f} ms  busy {median(busy):7.1f} ms  "
        f"longest {max(times):7.1f} ms{mark}",
        flush=True,
    )


def case(number: int) -> Case:
    path = f"site/case_{number:06d}.nii.gz"
    return Case(f"{number:032x}", path[:-7].replace("/", "__"), path, "nifti", (path,), GEOMETRY)


def fill(project: Project, keys: list[str]) -> None:
    """Give the project rounds, label maps, models, predictions, scores and a map."""
    rng = np.random.default_rng(0)
    half = len(keys) // 2
    clusters = {key: int(n) for key, n in zip(keys, rng.integers(0, 30, len(keys)), strict=True)}
    for part in np.array_split(keys[:half], ROUNDS):
        provenance = {"clusters": clusters, "already_chosen": keys[:half], "candidates": half}
        picks = [(str(key), "The most typical case of group 3 of 30.", {"rank": 1}) for key in part]
        project.add_selection("levy", {}, 43, provenance, picks)
    image = Image(rng.integers(0, 3, GEOMETRY.shape, np.uint8), GEOMETRY)
    for key in keys[: half - 100]:
        project.save_label(key, image, source="user")
    points = rng.normal(size=(len(keys), 2))
    project.save_map("map", {}, dict(zip(keys, map(tuple, points.tolist()), strict=True)))
    tests = [row for row in project.rows() if row.status is Status.TEST]
    for number in range(MODELS):
        model = project.start_model({"epochs": 2}, {"labels": project.training_labels()})
        project.finish_model(model.id, {"labelled": half - 200 + 20 * number})
        dice = rng.uniform(0.7, 0.9, len(tests))
        scored = [
            {"case": row.name, "key": row.key, "dice": float(d), "hd95": 2.0, "classes": {}}
            for row, d in zip(tests, dice, strict=True)
        ]
        project.add_metrics(model.id, "test", scored, {"dice": float(dice.mean()), "hd95": 2.0})
    with project._database.transaction():  # one by one, each is written through to the disk
        for key in keys[half:]:
            facts = {"mean_entropy": float(rng.random()), "most_uncertain_slice": 3}
            project.record_prediction(key, model.id, facts)


def main(count: int) -> None:
    cases = tuple(case(number) for number in range(count))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "images").mkdir()
        root = Path(folder, "project")
        pool = Pool(f"{folder}/images", cases)
        test = [one.key for one in cases[-count // 10 :]]
        with Project.create(root, pool, LabelSchema.parse("1=a,2=b"), test=test) as project:
            fill(project, [one.key for one in cases[: -count // 10]])
        measure(root)


def measure(root: Path) -> None:
    """Print the milliseconds of every question."""

    def reopen() -> None:
        Session.open(root).close()

    show("open and close", reopen)
    session = Session.open(root)
    rows = session.rows()
    queued = [row.key for row in rows if row.queued]
    labelled = next(row.key for row in rows if row.labelled)
    free = [row.key for row in rows if row.status is Status.UNLABELLED]
    fresh = iter(free)
    show("rows", session.rows)
    show("row", lambda: session.row(queued[50]))
    show("counts", session.counts)
    show("reason", lambda: session.reason(queued[50]))
    show("next_case", lambda: session.next_case(queued[50]))
    show("what_next", session.what_next)
    show("start", lambda: session.start(next(fresh)))
    show("starting_label, saved", lambda: session.starting_label(labelled))
    show("starting_label, none", lambda: session.starting_label(free[-1]))
    show("uncertainty", lambda: session.uncertainty(free[-1]))
    show("skip and bring back", lambda: (session.skip(queued[9]), session.bring_back(queued[9])))
    show("queue_by_hand", lambda: session.queue_by_hand(next(fresh)))
    show("add_seconds", lambda: session.add_seconds(queued[50], 1.0))
    show("choices", session.choices)
    show("keep_choices", lambda: session.keep_choices(Choices(budget=4)))
    image = Image(np.ones(GEOMETRY.shape, np.uint8), GEOMETRY)
    show("check, a small label map", lambda: session.check(queued[50], image))
    show("save, a small label map", lambda: session.save(queued[50], image, 1.0, False))
    show("retrain_steps", lambda: retrain_steps(session, Choices()))
    show("provenance of a round", lambda: session.provenance(3))
    show("provenance of all rounds", session.provenance)
    for colouring in COLOURINGS:
        show(f"map_groups, {colouring}", lambda c=colouring: map_groups(session.project, c))
    show("write_map_csv", lambda: write_map_csv(root / "map.csv", session.project))
    show("advise", lambda: advise(session.project))
    session.close()
    large()


def large() -> None:
    """Print how long a label map of a whole CT takes to check."""
    from ActiveSeedLib.app.label_check import check_label

    geometry = Geometry((512, 512, 200), (0.8, 0.8, 1.5))
    array = np.zeros(geometry.shape, np.uint8)
    array[40:160, 100:350, 60:260] = 1
    array[60:120, 200:280, 300:360] = 2
    array[180, 400, 400] = 2
    schema = LabelSchema.parse("1=liver,2=kidney")
    show(
        "check_label, 512×512×200",
        lambda: check_label(Image(array, geometry), geometry, schema, ()),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
