"""`activeseed demo`: the whole loop on a generated cohort, and on real images if they are there."""

import os
from argparse import Namespace
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.benchmark.config import Benchmark, DataSet
from ActiveSeedLib.benchmark.statistics import Paired, Summary, compare_rows, summarise_rows
from ActiveSeedLib.cli.benchmark import carry_out
from ActiveSeedLib.cli.output import print_json, table
from ActiveSeedLib.cli.running import Runner, runner
from ActiveSeedLib.cli.view import INSTALL_VIEWER, VIEW_DEFAULTS, missing_viewer, view
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status
from ActiveSeedLib.project.store import DATABASE
from ActiveSeedLib.selection.strategy import DEFAULT_STRATEGY


@dataclass(frozen=True)
class Cohort:
    """Images with label maps that play the annotator in the demo."""

    images: Path
    labels: Path
    patients: Path
    segments: str
    budgets: tuple[int, ...]
    settings: dict[str, Any]


def demo(options: Namespace) -> None:
    """Run the loop, leave a project, the map and a learning curve, and say what happened.

    What an earlier call has finished is not done again.
    """
    out = Path(options.out).absolute()
    talk = _silent if options.json else print
    with runner(options, logs=out / "logs") as run:
        talk("Making a cohort of small abdominal volumes with several sub-populations.")
        run.run("cohort", {"folder": str(out / "cohort"), "cases": 60, "seed": 0})
        made = _generated(out / "cohort")
        loops = [_loop(run, out / "project", made, talk, "The loop on the generated cohort.")]
        _fill_queue(run, out / "project", made, talk)
        real = _real_images()
        if real is not None:
            title = "The cold start on real MR volumes (hippocampus)."
            loops.append(_loop(run, out / "project-hippocampus", real, talk, title))
        talk("\nThe same loop against random choice, on the same splits and seeds.")
    results = carry_out(_against_random(made), out / "against-random", quiet=options.json)
    comparison = compare_rows(results.rows)
    if options.json:
        print_json({"loops": loops, "comparison": [asdict(one) for one in comparison]})
        return
    print(f"\n{table([_shown(one) for one in summarise_rows(results.rows)])}\n")
    for one in comparison:
        print(_say_comparison(one))
    print("Three seeds on sixty small volumes show how to compare; they prove nothing.")
    print(_closing(out, loops))
    if options.serve and not os.environ.get("CI"):
        _serve(out / "project", options)


def _serve(root: Path, options: Namespace) -> None:
    """Show the project in a browser, if what that takes is installed."""
    if missing_viewer():
        print(f"\nTo see it in a browser: {INSTALL_VIEWER}; activeseed view {root}")
        return
    print("\nAnd now in a browser: a case to correct, the map, the next round.")
    view(Namespace(**{**vars(options), **VIEW_DEFAULTS, "project": str(root)}))


def _generated(folder: Path) -> Cohort:
    return Cohort(
        images=folder / "images",
        labels=folder / "labels",
        patients=folder / "patients.csv",
        segments="1=liver,2=kidney",
        budgets=(6, 12),
        settings={"epochs": 25, "spacing": [7.5, 8.0, 8.0]},
    )


def _real_images() -> Cohort | None:
    """Return the hippocampus volumes where they lie beside a clone, or None."""
    beside = Path(__file__).resolve().parents[2].parent / "shared"
    folder = Path(os.environ.get("ACTIVESEED_DATA", beside)) / "data" / "hippocampus"
    if not (folder / "dataset.json").is_file():
        return None
    return Cohort(
        images=folder / "images",
        labels=folder / "labels",
        patients=folder / "dataset.json",
        segments="1=anterior,2=posterior",
        budgets=(8,),
        settings={"epochs": 30},
    )


def _loop(run: Runner, root: Path, cohort: Cohort, talk: Any, title: str) -> dict[str, Any]:
    """Go round the loop once a budget, with the label maps in the annotator's place."""
    talk(f"\n{title}")
    if not (root / DATABASE).exists():
        made = run.run(
            "init",
            {
                "project": str(root),
                "images": str(cohort.images),
                "patients": str(cohort.patients),
                "segments": cohort.segments,
                "test_fraction": 0.2,
            },
        )
        talk(f"   {made['cases']} cases; {made['test']} kept for testing, whole patients only.")
    with Project.open(root, write=False) as project:
        tests = [record.case.key for record in project.cases(Status.TEST)]
    run.on_project("import-labels", str(root), {"labels": str(cohort.labels), "cases": tests})
    chosen = 0
    for number, budget in enumerate(cohort.budgets, 1):
        _round(run, root, cohort, number, budget - chosen, talk)
        chosen = budget
    picture = root / "map.png"
    run.on_project("map", str(root), {"out": str(picture)})
    with Project.open(root, write=False) as project:
        scores = [m.scores["test"]["means"] for m in project.models() if "test" in m.scores]
    talk(f"   The map of the pool: {picture}")
    return {"project": str(root), "map": str(picture), "test": scores}


def _round(run: Runner, root: Path, cohort: Cohort, number: int, budget: int, talk: Any) -> None:
    """Suggest, label, train; skip what the project has done already."""
    with Project.open(root, write=False) as project:
        rounds = len(project.rounds())
        finished = sum(model.state == "finished" for model in project.models())
    if rounds < number:
        suggested = run.on_project("suggest", str(root), {"budget": budget})
        first = suggested["picks"][0]
        talk(f"   Round {number} suggests {budget} cases; the first is {first['case']}.")
        talk(f"   Why: {first['reason']}")
    with Project.open(root, write=False) as project:
        waiting = [item.record.case.key for item in project.queue()]
    if waiting:
        run.on_project("import-labels", str(root), {"labels": str(cohort.labels), "cases": waiting})
    if finished < number:
        trained = run.on_project("train", str(root), {"settings": cohort.settings})
        test = trained["test"]
        talk(
            f"   Trained on {trained['used']} label maps: "
            f"test Dice {test['dice']:.3f}, HD95 {test['hd95']:.2f} mm."
        )


def _fill_queue(run: Runner, root: Path, cohort: Cohort, talk: Any) -> None:
    """Suggest the next cases, for a person this time, and leave quick choices for the round."""
    budget = cohort.budgets[0]
    with Project.open(root, write=False) as project:
        waiting = len(project.queue())
    if waiting:
        return
    suggested = run.on_project("suggest", str(root), {"budget": budget})
    talk(f"   {len(suggested['picks'])} more cases wait to be labelled, by you this time.")
    with closing(Session.open(root)) as session:
        session.keep_choices(Choices(budget=budget, epochs=cohort.settings["epochs"]))


def _against_random(made: Cohort) -> Benchmark:
    data = DataSet(
        name="generated",
        images=str(made.images),
        labels=str(made.labels),
        patients=str(made.patients),
        budgets=list(made.budgets),
        training=made.settings,
    )
    return Benchmark([DEFAULT_STRATEGY, "random"], [data], "The default against random", seeds=3)


def _shown(one: Summary) -> dict[str, Any]:
    return {
        "strategy": one.strategy,
        "labelled": one.budget,
        "seeds": one.seeds,
        "Dice mean": one.dice_mean,
        "std": one.dice_std,
        "median": one.dice_median,
        "HD95 mean (mm)": one.hd95_mean,
    }


def _say_comparison(one: Paired) -> str:
    word = "higher" if one.mean > 0 else "lower"
    return (
        f"With {one.budget} labelled, the Dice of {one.strategy} is on average {abs(one.mean):.3f} "
        f"{word} than that of random, and better in {one.better} of {one.pairs} seeds."
    )


def _closing(out: Path, loops: list[dict[str, Any]]) -> str:
    return "\n".join(
        [
            "",
            "What you have now:",
            *(f"  {loop['project']}: a project, with its map in map.png" for loop in loops),
            f"  {out / 'against-random' / 'report.html'}: the comparison with random",
            f"  {out / 'against-random' / 'results.csv'}: every run",
            "",
            "What to do next, with your own images:",
            "  activeseed init my-project --images FOLDER --segments 1=liver --test-fraction 0.2",
            "  activeseed view my-project",
            "  (or the same in 3D Slicer; or step by step: suggest, import-labels, train)",
        ]
    )


def _silent(text: str) -> None:
    """Say nothing: the JSON output speaks."""
