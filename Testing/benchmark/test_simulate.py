"""The simulated annotator: paired, repeatable, resumable."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.benchmark.minutes import annotation_minutes, minutes_by_the_labelled
from ActiveSeedLib.benchmark.protocol import Course, Protocol, parse_course, parse_strategy
from ActiveSeedLib.benchmark.runs import read_runs
from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.pool.readers import read_label, write_label
from ActiveSeedLib.progress import Progress
from Testing.features.sam_small import SMALL, write_small


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_cohort(tmp_path_factory.mktemp("cohort"), cases=10, seed=3)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of few thick slices, which a 2-D network segments."""
    folder = tmp_path_factory.mktemp("small")
    return generate_cohort(folder, cases=10, seed=3, size=(24, 20, 8))


def _simulate(
    cohort: Path,
    out: Path,
    steps: list[str] | None = None,
    notes: list[str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    def listen(kind: str, values: dict[str, Any]) -> None:
        if kind == "note" and notes is not None:
            notes.append(values["text"])
        if kind == "progress" and steps is not None:
            steps.append(values["step"])

    settings = more.pop("settings", {"epochs": 1, "channels": [8, 16], "device": "cpu"})
    data = {
        "name": "data",
        "images": str(cohort / "images"),
        "labels": str(cohort / "labels"),
        "patients": str(cohort / "patients.csv"),
        "budgets": more.pop("budgets", [2, 4]),
        "training": settings,
    }
    wanted = {"strategies": more.pop("strategies", ["levy", "levy-cold-start", "random"])}
    wanted["data"] = [{**data, **more}]
    params = {"benchmark": wanted, "out": str(out)}
    facts = JOBS["benchmark-prepare"](params, Progress(listen))
    done = JOBS["benchmark-run"]({**params, "seed": 43}, Progress(listen))
    records = [
        record
        for path in done["runs"]
        for record in json.loads(Path(path).read_text(encoding="utf-8"))["records"]
    ]
    return {"records": records, "rows": list(read_runs(out)), **facts}


def test_two_runs_agree_and_a_second_call_computes_nothing(cohort: Path, tmp_path: Path) -> None:
    once = _simulate(cohort, tmp_path / "once")
    again = _simulate(cohort, tmp_path / "again")
    steps: list[str] = []
    resumed = _simulate(cohort, tmp_path / "once", steps)

    def essence(result: dict[str, Any]) -> list[Any]:
        return [
            (r["strategy"], r["budget"], r["dice"], r["hd95"], r["picks"], r["cases"])
            for r in result["records"]
        ]

    assert essence(once) == essence(again) == essence(resumed)
    assert not any("Training" in step for step in steps)
    records = {(r["strategy"], r["budget"]): r for r in once["records"]}
    cold = records["levy", 2], records["levy-cold-start", 2]
    assert cold[0]["picks"] == cold[1]["picks"]
    assert cold[0]["dice"] == cold[1]["dice"]
    tested = {case["case"] for case in cold[0]["cases"]}
    picked = {pick["case"] for r in once["records"] for pick in r["picks"]}
    assert tested
    assert not tested & picked
    assert len(once["rows"]) == 6
    assert len({row.encoder for row in once["rows"]} - {""}) == 1


def test_a_corrected_label_map_is_trained_and_scored_anew(cohort: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(cohort, tmp_path / "mine"))
    before = _simulate(mine, tmp_path / "out")
    tested = {case["case"] for case in before["records"][0]["cases"]}
    path = next(p for p in sorted((mine / "labels").iterdir()) if p.name.split(".")[0] in tested)
    label = read_label(path)
    write_label(path, label.array[:, :, ::-1].copy(), label.geometry)
    after = _simulate(mine, tmp_path / "out")
    assert [r["dice"] for r in after["records"]] != [r["dice"] for r in before["records"]]


def test_one_label_map_that_cannot_be_used_never_stops_it(cohort: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(cohort, tmp_path / "mine"))
    short, torn = sorted((mine / "labels").iterdir())[:2]
    label = read_label(short)
    write_label(short, label.array[:-1], replace(label.geometry, size=_shorter(label.geometry)))
    torn.write_bytes(torn.read_bytes()[:200])
    notes: list[str] = []
    found = _simulate(mine, tmp_path / "out", notes=notes)
    assert found["cases"] == 8
    said = "\n".join(notes)
    assert f"Left out {short.name.split('.')[0]}: The label map of" in said
    assert f"Left out {torn.name.split('.')[0]}: " in said


def _shorter(geometry: Geometry) -> tuple[int, int, int]:
    i, j, k = geometry.size
    return (i, j, k - 1)


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ({"strategies": (), "budgets": (2,)}, "at least one strategy"),
        ({"strategies": ("random",), "budgets": (4, 2)}, "let them grow"),
        ({"strategies": ("random",), "budgets": ()}, "positive"),
        ({"strategies": ("random", "random"), "budgets": (2,)}, "named twice"),
        ({"strategies": ("levy:alpa=1",), "budgets": (2,)}, "no parameter 'alpa'"),
        ({"strategies": ("random",), "budgets": (2,), "seeds": 0}, "at least 1"),
        ({"strategies": ("margin",), "budgets": (2,)}, r"such as typiclust\+margin"),
        ({"strategies": ("distance",), "budgets": (2,)}, "cannot choose the first cases"),
        ({"strategies": ("one-a-patient:strategy=bald",), "budgets": (2,)}, "a trained model"),
        ({"strategies": ("levy+margn",), "budgets": (2, 4)}, "did you mean 'margin'"),
        ({"strategies": ("levy+fps+margin",), "budgets": (2, 4)}, "joins 3 strategies"),
        ({"strategies": ("per-minute",), "budgets": (5, 6)}, r"such as typiclust\+per-minute"),
        ({"strategies": ("random+per-minute",), "budgets": (4, 6)}, "first budget be 5 or more"),
    ],
)
def test_a_wrong_protocol_is_refused(protocol: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Protocol(**protocol)


TINY = {"epochs": 1, "channels": [4, 8], "size_2d": [32, 32], "device": "cpu"}
AUTOENCODER = {"steps": 2, "batch": 2, "channels": [4, 8], "side_3d": 16, "views": 1}


def test_any_strategy_first_and_another_later(small: Path, tmp_path: Path) -> None:
    later = ["bald", "badge", "clasp-pe", "one-a-patient"]
    params: dict[str, Any] = {
        "strategies": ["cscs", *(f"typiclust+{name}" for name in later), "random"],
        "budgets": [2, 3],
        "settings": TINY,
        "autoencoder": AUTOENCODER,
    }
    steps: list[str] = []
    once = _simulate(small, tmp_path / "once", steps, **params)
    records = {(r["strategy"], r["budget"]): r for r in once["records"]}
    assert len(records) == 2 * 6
    for name in later:
        assert records[f"typiclust+{name}", 2]["picks"] == records["typiclust+bald", 2]["picks"]
        assert records[f"typiclust+{name}", 2]["dice"] == records["typiclust+bald", 2]["dice"]
        picked = [p["case"] for b in (2, 3) for p in records[f"typiclust+{name}", b]["picks"]]
        assert len(set(picked)) == len(picked) == 3
    assert records["cscs", 2]["picks"][0]["difficulty"] > 0
    assert records["typiclust+bald", 3]["picks"][0]["measure"] == "bald"
    # Strategies that begin alike share the first training, whatever is measured after it.
    first = {s.split(":")[0] for s in steps if "seed 43, 2 labelled: " in s and "epoch" in s}
    assert 1 <= len(first) <= 3
    resumed: list[str] = []
    again = _simulate(small, tmp_path / "once", resumed, **params)
    assert [r["picks"] for r in again["records"]] == [r["picks"] for r in once["records"]]
    assert not any("epoch" in step or "Training" in step for step in resumed)


def test_measures_that_an_earlier_simulation_lacks_are_made(small: Path, tmp_path: Path) -> None:
    plain: dict[str, Any] = {"strategies": ["levy-cold-start"], "settings": TINY}
    before = _simulate(small, tmp_path / "out", **plain)
    more = {**plain, "strategies": ["levy-cold-start", "levy-cold-start+ensemble"]}
    after = _simulate(small, tmp_path / "out", **more)
    assert after["records"][2]["dice"] == before["records"][0]["dice"]
    assert after["records"][3]["picks"][0]["measure"] == "ensemble"


def test_the_model_before_is_known_from_the_third_round_on(small: Path, tmp_path: Path) -> None:
    params = {"strategies": ["levy-plus"], "budgets": [2, 3, 4], "settings": TINY}
    records = _simulate(small, tmp_path / "out", **params)["records"]
    assert [r["picks"][0]["role"] for r in records][1:] == ["score", "score"]
    assert all("uncertainty" in r["picks"][0] for r in records[1:])


def test_auto_minds_patients_and_tells_its_rule(small: Path, tmp_path: Path) -> None:
    names = sorted(path.name.split(".")[0] for path in (small / "images").iterdir())
    owner = {name: f"patient {number // 2}" for number, name in enumerate(names)}
    table = tmp_path / "pairs.csv"
    table.write_text("name,patient\n" + "".join(f"{n},{p}\n" for n, p in owner.items()), "utf-8")
    params = {"strategies": ["auto"], "budgets": [2, 3, 4], "settings": TINY}
    records = _simulate(small, tmp_path / "out", patients=str(table), **params)["records"]
    picks = [pick for record in records for pick in record["picks"]]
    assert [pick["rule"] for pick in picks][:2] == ["nothing labelled"] * 2
    assert all(pick["rule"] not in {"nothing labelled", "no model"} for pick in picks[2:])
    assert len({owner[pick["case"].split(".")[0]] for pick in picks}) == 4


def test_the_annotators_minutes_by_hand() -> None:
    label = np.zeros((4, 3, 3), dtype=np.uint8)
    assert annotation_minutes(label) == 2.0
    label[1, 0, 0], label[2, 0, 0], label[2, 1, 1] = 1, 1, 2
    assert annotation_minutes(label) == 2.0 + 3 * 0.5
    line = np.arange(8.0)[:, None]
    assert minutes_by_the_labelled(line, [0, 1, 2, 3], [1.0] * 4) is None
    found = minutes_by_the_labelled(line, [0, 1, 2, 6, 7, 3], [1.0, 1, 1, 9, 9, 9])
    assert found is not None
    assert found[[0, 7]].tolist() == [1.0, 9.0]  # of the five nearest, the labelled case among them


def test_a_strategy_that_minds_the_minutes(small: Path, tmp_path: Path) -> None:
    params = {"strategies": ["random", "random+per-minute"], "budgets": [5, 6], "settings": TINY}
    found = _simulate(small, tmp_path / "out", **params)
    records = {(r["strategy"], r["budget"]): r for r in found["records"]}
    (pick,) = records["random+per-minute", 6]["picks"]
    first, both = (records["random+per-minute", budget]["minutes"] for budget in (5, 6))
    path = next((small / "labels").glob(f"{pick['case']}.*"))
    assert both - first == annotation_minutes(read_label(path).array)
    assert pick["minutes"] >= 2.0
    assert pick["reason"].endswith("minutes of work.")
    assert records["random", 5]["minutes"] == first


def test_sams_doubt_where_the_encoder_is_sam(small: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    params: dict[str, Any] = {"strategies": ["sugfw"], "budgets": [2], "settings": TINY}
    with pytest.raises(InputError, match="let the encoder be sam"):
        _simulate(small, tmp_path / "out", **params)
    params |= {
        "encoder": "sam",
        "encoder_parameters": {"weights": str(write_small(tmp_path)), **SMALL},
    }
    (record,) = _simulate(small, tmp_path / "out", **params)["records"]
    doubts = [pick["sam_uncertainty"] for pick in record["picks"]]
    assert len(set(doubts)) == 2
    assert all(0.5 <= doubt <= 0.75 for doubt in doubts)


def test_slices_are_labelled_and_whole_volumes_scored(small: Path, tmp_path: Path) -> None:
    params = {"strategies": ["kmeans+entropy"], "budgets": [4, 7]}
    tiny = {**TINY, "size_2d": [32, 32]}
    found = _simulate(small, tmp_path / "out", settings=tiny, unit="slice", **params)
    first, second = found["records"]
    picks = [pick["case"] for record in (first, second) for pick in record["picks"]]
    assert len(set(picks)) == 7
    assert all(", slice " in name for name in picks)
    names = {path.name.split(".")[0] for path in (small / "images").iterdir()}
    scored = {case["case"] for case in second["cases"]}
    assert scored < names
    assert not scored & {name.split(",")[0] for name in picks}
    assert found["rows"][0].voxels == 4 * 24 * 20


def test_results_never_go_into_the_images_folder(cohort: Path) -> None:
    with pytest.raises(InputError, match="never written to"):
        _simulate(cohort, cohort / "images" / "results")
    assert not (cohort / "images" / "results").exists()


def test_a_strategy_may_carry_parameters() -> None:
    assert parse_strategy("levy:alpha=0.5") == ("levy", {"alpha": 0.5})
    course = parse_course("typiclust+rokach:beta=1e+1")
    assert course == Course(("typiclust", {}), ("rokach", {"beta": 10.0}))
    assert parse_course("levy:alpha=0.5") == Course(*(("levy", {"alpha": 0.5}),) * 2)
