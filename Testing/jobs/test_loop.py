"""The loop: suggest, label, train, predict, suggest again."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.errors import InputError, PoolTooSmallError, ProjectLockedError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.pool.readers import read_file, read_label
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Status
from Testing.jobs.conftest import SETTINGS, copy_of, do


def _label_queue(project: Path, cohort: Path) -> list[str]:
    with Project.open(project, write=False) as opened:
        names = [item.record.case.name for item in opened.queue()]
    do("import-labels", project=str(project), labels=str(cohort / "labels"), cases=names)
    return names


def test_twice_round_the_loop(project: Path, cohort: Path) -> None:
    root = str(project)
    with Project.open(project, write=False) as opened:
        tests = {r.case.key for r in opened.cases(Status.TEST)}
        names = [r.case.name for r in opened.cases(Status.TEST)]
    assert tests
    do("import-labels", project=root, labels=str(cohort / "labels"), cases=names)

    first = do("suggest", project=root, strategy="levy", budget=3)
    assert [p["why"]["role"] for p in first["picks"]].count("medoid") >= 1
    assert all(p["reason"].endswith(".") for p in first["picks"])
    _label_queue(project, cohort)
    trained = do("train", project=root, settings=SETTINGS)
    assert trained["labelled"] == 3
    assert trained["test"]["cases"] == len(tests)
    assert 0 <= trained["test"]["dice"] <= 1

    second = do("suggest", project=root, strategy="levy", budget=2)
    keys = {p["key"] for p in first["picks"]} | {p["key"] for p in second["picks"]}
    assert len(keys) == 5
    assert not keys & tests
    highest = second["picks"][0]["why"]
    assert highest["entropy_rank"] == 1

    with Project.open(project, write=False) as opened:
        model = opened.latest_model()
        assert model is not None
        predicted = opened.predictions(model.id)
        record = next(r for r in opened.cases(Status.UNLABELLED))
        prediction = read_label(opened.prediction_path(record.case.key, model.id))
        uncertainty = read_file(opened.uncertainty_path(record.case.key, model.id))
        provenance = opened.rounds()[-1].provenance
        counts = opened.summary()["statuses"]
    assert counts["labelled"] == 3
    assert counts["suggested"] == 2
    assert prediction.geometry.is_close(record.case.geometry)
    assert set(np.unique(prediction.array)) <= {0, 1, 2}
    assert predicted[record.case.key]["mean_entropy"] == pytest.approx(
        float(uncertainty.array.mean()), abs=1e-4
    )
    assert provenance["model"] == model.id
    assert provenance["measures"]["entropy"]["model"] == model.id
    assert provenance["encoder_hash"]
    assert set(provenance["already_chosen"]) == {p["key"] for p in first["picks"]}

    picture = project / "map.png"
    counts = do("map", project=root, out=str(picture))["counts"]
    assert picture.stat().st_size > 5000
    assert counts["cold start"] == 3
    assert counts["active"] == 2
    assert counts["test"] == len(tests)


def test_whoever_chooses_nothing_gets_auto(project: Path, cohort: Path) -> None:
    first = do("suggest", project=str(project), budget=3)
    assert first["strategy"] == Choices().strategy == "auto"
    assert first["facts"]["rule"] == "nothing labelled"
    _label_queue(project, cohort)
    do("train", project=str(project), settings=SETTINGS)
    second = do("suggest", project=str(project), budget=2)
    assert second["strategy"] == "auto"
    assert second["facts"]["read"]["judged"] == second["facts"]["read"]["candidates"]
    assert second["facts"]["rule"] not in ("nothing labelled", "no model")


def test_a_reason_names_the_segment(project: Path, cohort: Path) -> None:
    root = str(project)
    do("suggest", project=root, budget=4)
    _label_queue(project, cohort)
    do("train", project=root, settings=SETTINGS)
    picks = do("suggest", project=root, strategy="clasp-pe", budget=6)["picks"]
    names = {1: "liver", 2: "kidney"}
    classes = [pick["why"]["class"] for pick in picks]
    assert set(classes) & set(names), "the model sees a segment somewhere"
    for pick, number in zip(picks, classes, strict=True):
        words = f"about {names[number]} in it" if number else "about it as a whole"
        assert words in pick["reason"]


def test_label_maps_within_the_images_folder_are_no_cases(cohort: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    made = do("init", project=str(root), images=str(cohort), labels=str(cohort / "labels"))
    assert made["cases"] == 14
    assert len(made["labels"]["imported"]) == 14
    assert do("rescan", project=str(root))["cases"] == 14


def test_one_seed_gives_the_same_picks(project: Path, tmp_path: Path) -> None:
    twin = copy_of(project, tmp_path / "twin")
    once = do("suggest", project=str(project), budget=4, seed=44)
    again = do("suggest", project=str(twin), budget=4, seed=44)
    assert once["picks"] == again["picks"]


def test_every_file_of_the_images_folder_is_as_it_was(cohort: Path, project: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in cohort.rglob("*")}
    do("suggest", project=str(project), budget=2)
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in cohort.rglob("*")}


def test_a_truncated_image_is_named_and_the_rest_goes_on(cohort: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for path in sorted((cohort / "images").glob("*.nii.gz"))[:6]:
        (images / path.name).write_bytes(path.read_bytes())
    broken = sorted(images.iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:-500])
    root = tmp_path / "project"
    do("init", project=str(root), images=str(images))
    result = do("suggest", project=str(root), budget=2)
    assert len(result["picks"]) == 2
    with Project.open(root, write=False) as opened:
        problems = {r.case.name: r.problem for r in opened.cases() if r.problem}
    assert list(problems) == [broken.name.removesuffix(".nii.gz")]
    assert "truncated" in str(problems) or "incomplete" in str(problems) or "end" in str(problems)


@pytest.mark.parametrize(
    ("job", "params", "said"),
    [
        ("train", {}, "No case of the project has a label map yet"),
        ("predict", {}, "no trained model yet"),
        ("suggest", {"budget": 0}, "budget"),
        ("suggest", {"budget": 2, "strategy": "levi"}, "did you mean 'levy'"),
        ("suggest", {"budget": 2, "strategy_parameters": {"alpha": 2.0}}, "alpha"),
        ("suggest", {"budget": 2, "encoder": "resnet"}, "no encoder called 'resnet'"),
        ("suggest", {"budget": "2"}, "must be a whole number"),
        ("suggest", {"budget": 2, "seed": -1}, "seed must be between 0"),
        ("suggest", {"budget": 2, "strategy": "margin"}, "there is none yet: label the cases"),
        (
            "suggest",
            {
                "budget": 2,
                "strategy": "one-a-patient",
                "strategy_parameters": {"strategy": "bald"},
            },
            "The strategy one-a-patient chooses by what a trained model says",
        ),
        ("suggest", {"budget": 2, "strategy": "per-minute"}, "known of 0 labelled cases"),
        ("map", {"out": "/dev/null/map.png"}, "/dev/null cannot be made"),
        ("map", {"out": "map.xyz"}, "map.xyz does not name a picture"),
        ("map", {"out": "folder"}, "folder does not name a picture"),
        ("train", {"settings": {"epoch": 3}}, "epoch"),
        ("import-labels", {"labels": "/nowhere"}, "does not exist"),
    ],
)
def test_bad_input_gets_one_sentence(
    project: Path, job: str, params: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        JOBS[job]({"project": str(project), **params}, Progress())
    assert "\n" not in str(caught.value)


def test_the_pool_must_be_large_enough_before_anything_is_encoded(project: Path) -> None:
    with pytest.raises(PoolTooSmallError, match="10000 were asked for"):
        do("suggest", project=str(project), budget=10_000)
    assert list((project / "features").iterdir()) == []


def test_a_held_project_is_for_its_session_only(project: Path) -> None:
    with Project.open(project) as holder:
        with pytest.raises(ProjectLockedError):
            do("suggest", project=str(project), budget=2)
        assert do("suggest", project=str(project), session=holder.session, budget=2)["picks"]


def test_the_map_is_not_drawn_over_an_image(project: Path, cohort: Path) -> None:
    with pytest.raises(InputError, match="lies in the images folder, which is never written to"):
        do("map", project=str(project), out=str(cohort / "images" / "new" / "case.png"))
    assert not (cohort / "images" / "new").exists()


def test_a_missing_images_folder_is_blamed_and_not_the_cases(cohort: Path, tmp_path: Path) -> None:
    images = Path(shutil.copytree(cohort / "images", tmp_path / "images"))
    root = str(tmp_path / "project")
    labels = str(cohort / "labels")
    do("init", project=root, images=str(images), labels=labels, segments="1=liver,2=kidney")
    away = images.rename(tmp_path / "away")
    for job, params in (("suggest", {"budget": 2}), ("train", {"settings": SETTINGS})):
        with pytest.raises(InputError, match=r"images is not there: .* activeseed rescan"):
            do(job, project=root, **params)
    with Project.open(Path(root), write=False) as opened:
        assert [r.problem for r in opened.cases() if r.problem] == []
        assert opened.models() == []
    assert do("rescan", project=root, images=str(away))["missing"] == 0
    assert do("encode", project=root)["unusable"] == []


def test_a_problem_is_forgotten_when_the_file_is_found_again(cohort: Path, tmp_path: Path) -> None:
    images = Path(shutil.copytree(cohort / "images", tmp_path / "images"))
    root = str(tmp_path / "project")
    do("init", project=root, images=str(images))
    one = sorted(images.iterdir())[0]
    gone = one.rename(tmp_path / one.name)
    assert [u["case"] for u in do("encode", project=root)["unusable"]] == [one.name[:-7]]
    gone.rename(one)
    do("rescan", project=root)
    with Project.open(Path(root), write=False) as opened:
        assert [r.problem for r in opened.cases() if r.problem] == []


def test_the_table_of_patients_may_be_named_from_any_folder_and_move(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "here" / "patients.csv"
    table.parent.mkdir()
    shutil.copy(cohort / "patients.csv", table)
    monkeypatch.chdir(table.parent)
    root = str(tmp_path / "project")
    do("init", project=root, images=str(cohort / "images"), patients="patients.csv")
    monkeypatch.chdir(tmp_path)
    assert do("rescan", project=root)["missing"] == 0
    moved = table.rename(tmp_path / "moved.csv")
    with pytest.raises(InputError, match="does not exist"):
        do("rescan", project=root)
    assert do("rescan", project=root, patients=str(moved))["missing"] == 0
    assert do("rescan", project=root)["missing"] == 0


def test_a_test_label_map_that_was_spoilt_does_not_stop_the_scores(
    project: Path, cohort: Path
) -> None:
    do("import-labels", project=str(project), labels=str(cohort / "labels"))
    with Project.open(project, write=False) as opened:
        tests = opened.cases(Status.TEST)
        spoilt = opened.label_path(tests[0].case.key)
    assert spoilt is not None
    spoilt.write_bytes(b"spoilt by another program")
    scores = do("train", project=str(project), settings=SETTINGS)["test"]
    assert scores["cases"] == len(tests) - 1


def test_a_map_that_lacks_a_case_is_made_again(project: Path) -> None:
    do("suggest", project=str(project), budget=2)
    with Project.open(project) as opened:
        made = opened.map()
        assert made is not None
        opened.save_map(made.name, made.facts, dict(list(made.points.items())[1:]))
    do("suggest", project=str(project), budget=2, strategy="random")
    with Project.open(project, write=False) as opened:
        again = opened.map()
        assert again is not None
        assert again.points == made.points
