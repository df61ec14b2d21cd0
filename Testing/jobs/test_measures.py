"""Every strategy in the loop: what it reads is computed once, kept, and told."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.jobs.measures import PROVIDERS
from ActiveSeedLib.jobs.passes import gradients_of
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import ModelRecord, Status
from ActiveSeedLib.selection.strategy import strategies
from ActiveSeedLib.selection.wanted import BY_PREDICTION, is_of_model, wanted
from Testing.features.sam_small import SMALL, write_small
from Testing.jobs.conftest import copy_of, do, kill_when, make_project

TINY = {"epochs": 2, "channels": [4, 8], "size_2d": [32, 32], "dropout": 0.2, "device": "cpu"}
AUTOENCODER = {
    "steps": 2,
    "batch": 2,
    "channels": [4, 8],
    "side_3d": 16,
    "rotations": 1,
    "views": 2,
}
NAMES = [entry.name for entry in strategies.entries()]


class Log:
    """What a job said, and a way to stop it."""

    def __init__(self, until: str | None = None) -> None:
        self.notes: list[str] = []
        self.steps: list[str] = []
        self._until = until
        self.progress = Progress(self._listen, self._stops)

    def _listen(self, kind: str, values: dict[str, Any]) -> None:
        if kind == "note":
            self.notes.append(values["text"])
        if kind == "progress":
            self.steps.append(values["step"])

    def _stops(self) -> bool:
        return self._until is not None and any(self._until in step for step in self.steps)

    @property
    def measured(self) -> int:
        """How many cases further passes were made for."""
        return sum(step.startswith("Measuring case") for step in self.steps)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    return generate_cohort(folder, cases=14, seed=1, size=(24, 20, 8))


@pytest.fixture(scope="module")
def fresh(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which nothing was chosen yet."""
    root = make_project(cohort, tmp_path_factory.mktemp("fresh") / "project", test_fraction=0)
    with Project.open(root) as opened:
        opened.change_settings({"autoencoder": AUTOENCODER})
    return root


@pytest.fixture(scope="module")
def first_round(fresh: Path, cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a first round of six cases, whose labelling took one to six minutes."""
    root = copy_of(fresh, tmp_path_factory.mktemp("first") / "project")
    do("suggest", project=str(root), budget=6)
    with Project.open(root) as opened:
        queue = [item.record.case for item in opened.queue()]
        for minutes, case in enumerate(queue, 1):
            opened.add_seconds(case.key, 60 * minutes)
    names = [case.name for case in queue]
    do("import-labels", project=str(root), labels=str(cohort / "labels"), cases=names)
    do("train", project=str(root), settings=TINY)
    return root


@pytest.fixture(scope="module")
def trained(first_round: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a second model of another seed, so that there is an ensemble."""
    root = copy_of(first_round, tmp_path_factory.mktemp("trained") / "project")
    do("train", project=str(root), settings={**TINY, "seed": 44})
    return root


@pytest.fixture(scope="module")
def shared(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project in which the strategies choose one after another."""
    return copy_of(trained, tmp_path_factory.mktemp("shared") / "project")


@pytest.fixture(scope="module")
def small_sam(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], dict[str, Any]]:
    """Make the parameters of a small SAM with weights by chance."""
    return lambda: {"weights": str(write_small(tmp_path_factory.mktemp("sam"))), **SMALL}


def _suggest(root: Path, strategy: str, log: Log | None = None, **more: Any) -> dict[str, Any]:
    params = {"project": str(root), "budget": 2, "strategy": strategy, **more}
    return JOBS["suggest"](params, (log or Log()).progress)


def _give_back(root: Path) -> dict[str, Any]:
    """Take the latest round's cases out of the queue again; return its provenance."""
    with Project.open(root) as opened:
        latest = opened.rounds()[-1]
        keys = [pick.key for pick in opened.selection(latest.number)]
        opened.set_status(keys, Status.UNLABELLED)
    return latest.provenance


def _latest(project: Project) -> ModelRecord:
    model = project.latest_model()
    assert model is not None
    return model


@pytest.mark.parametrize("strategy", NAMES)
def test_every_strategy_chooses_in_a_later_round(
    shared: Path, small_sam: Callable[[], dict[str, Any]], strategy: str
) -> None:
    reads = wanted(strategy)
    assert reads.needs <= set(PROVIDERS)
    with Project.open(shared, write=False) as opened:
        free = {record.case.key for record in opened.cases(Status.UNLABELLED)}
        model = _latest(opened).id
    sam = "sam_uncertainty" in reads.needs
    if sam:
        pytest.importorskip("transformers")
    encoding = {"encoder": "sam", "encoder_parameters": small_sam()} if sam else {}
    picks = _suggest(shared, strategy, **encoding)["picks"]
    provenance = _give_back(shared)
    keys = [pick["key"] for pick in picks]
    assert len(set(keys)) == len(keys) == 2
    assert set(keys) <= free
    assert all(pick["reason"].endswith(".") for pick in picks)
    measures = provenance["measures"]
    assert reads.needs <= set(measures)
    assert set(measures) <= reads.all | {"entropy"}
    for name in measures:
        if is_of_model(name):
            assert measures[name]["model"] == model
        assert measures[name].get("cases", 1) > 0


@pytest.mark.parametrize("strategy", NAMES)
def test_before_a_model_it_chooses_or_says_in_one_sentence_what_is_missing(
    fresh: Path, tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_of(fresh, tmp_path / "project")
    active = strategies.get(strategy).tags["stage"] == "active"
    reads = wanted(strategy)
    if not active and not reads.needs & {"minutes", "sam_uncertainty"}:
        assert len(_suggest(root, strategy)["picks"]) == 2
        return
    said = f"The strategy {strategy} "
    if "sam_uncertainty" in reads.needs:
        monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path / "no weights"))
        said = "activeseed download sam-vit-b"
    with pytest.raises(InputError, match=said) as caught:
        _suggest(root, strategy)
    assert "\n" not in str(caught.value)
    if reads.needs_model:
        assert "train one" in str(caught.value)
    with Project.open(root, write=False) as opened:
        assert opened.rounds() == []


def test_what_a_prediction_tells_is_kept_with_it_and_older_ones_are_completed(
    first_round: Path, tmp_path: Path
) -> None:
    root = copy_of(first_round, tmp_path / "project")
    do("predict", project=str(root))
    with Project.open(root) as opened:
        model = _latest(opened)
        new = opened.predictions(model.id)
        kept = ("mean_entropy", "foreground_entropy", "most_uncertain_slice")
        for key, facts in new.items():  # as an earlier version kept them
            opened.record_prediction(key, model.id, {name: facts[name] for name in kept})
    assert all(set(BY_PREDICTION) - {"entropy"} <= set(facts) for facts in new.values())
    assert all(len(facts["class_scores"]) == 2 for facts in new.values())
    log = Log()
    _suggest(root, "random", log)
    assert not any("Predicting" in step for step in log.steps)
    _give_back(root)
    _suggest(root, "margin", log, strategy_parameters={"over": "foreground"})
    assert sum("Predicting" in step for step in log.steps) == len(new)
    with Project.open(root, write=False) as opened:
        assert opened.predictions(model.id) == new
        assert "foreground_margin" in opened.rounds()[-1].provenance["measures"]


def test_passes_are_made_once_and_made_again_only_when_they_would_differ(
    trained: Path, tmp_path: Path
) -> None:
    root = copy_of(trained, tmp_path / "project")
    first, again, inside, ensemble = Log(), Log(), Log(), Log()
    _suggest(root, "bald", first)
    _give_back(root)
    assert first.measured == 8
    told = [note for note in first.notes if "predictions" in note]
    assert told == [
        "Measuring bald takes about 11 predictions of each of 8 cases; what is measured is kept."
    ]
    _suggest(root, "rokach", again, strategy_parameters={"measure": "bald"})
    _give_back(root)
    _suggest(root, "bald", inside, strategy_parameters={"over": "foreground"})
    _give_back(root)
    assert again.measured == inside.measured == 0
    _suggest(root, "ensemble", ensemble)
    how = _give_back(root)["measures"]["ensemble"]
    assert (how["model"], how["models"], how["cases"]) == ("model-002", ["model-001"], 8)
    do("train", project=str(root), settings={**TINY, "seed": 45, "epochs": 1})
    with pytest.raises(InputError, match=r"model-003 is alone: .* another seed .such as 46."):
        _suggest(root, "ensemble")


def test_a_network_without_dropout_is_told_before_any_image_is_read(
    fresh: Path, cohort: Path, tmp_path: Path
) -> None:
    root = copy_of(fresh, tmp_path / "project")
    do("suggest", project=str(root), budget=2)
    with Project.open(root, write=False) as opened:
        names = [item.record.case.name for item in opened.queue()]
    do("import-labels", project=str(root), labels=str(cohort / "labels"), cases=names)
    do("train", project=str(root), settings={**TINY, "epochs": 1, "dropout": 0.0})
    log = Log()
    with pytest.raises(InputError, match="drops no features"):
        _suggest(root, "bald", log)
    assert log.measured == 0


def test_a_case_that_is_lost_is_noted_and_left_out(
    trained: Path, cohort: Path, tmp_path: Path
) -> None:
    root = copy_of(trained, tmp_path / "project")
    images = copy_of(cohort / "images", tmp_path / "images")
    do("rescan", project=str(root), images=str(images))
    do("predict", project=str(root))
    with Project.open(root, write=False) as opened:
        lost = opened.cases(Status.UNLABELLED)[1].case
    (images / lost.path).write_bytes(b"spoilt")
    log = Log()
    picks = _suggest(root, "tta", log, budget=7)["picks"]
    assert any(note.startswith(f"Left out {lost.name}: ") for note in log.notes)
    assert lost.key not in {pick["key"] for pick in picks}


@pytest.mark.parametrize("strategy", ["tta", "badge"])
def test_cancelled_passes_go_on_with_the_next_case(
    trained: Path, tmp_path: Path, strategy: str
) -> None:
    root, twin = (copy_of(trained, tmp_path / name) for name in ("project", "twin"))
    with pytest.raises(CancelledError):
        _suggest(root, strategy, Log(until="Measuring case 4"))
    with Project.open(root, write=False) as opened:
        assert len(opened.rounds()) == 1
    log = Log()
    resumed = _suggest(root, strategy, log)
    assert log.measured == 5
    assert resumed["picks"] == _suggest(twin, strategy)["picks"]


def test_killed_passes_go_on_with_the_next_case(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as here, so that both round alike
    root, twin = (copy_of(trained, tmp_path / name) for name in ("project", "twin"))
    params = {"project": str(root), "budget": 2, "strategy": "bald", "device": "cpu"}
    kill_when("suggest", params, "Measuring case 4", 1, tmp_path / "logs")
    with Project.open(root, write=False) as opened:
        facts = opened.predictions(_latest(opened).id).values()
        assert len(opened.rounds()) == 1
    before = sum("bald" in one for one in facts)
    assert before == 3
    log = Log()
    resumed = _suggest(root, "bald", log)
    assert log.measured == 8 - before
    whole = _suggest(twin, "bald")
    assert resumed["picks"] == whole["picks"]


def test_gradients_are_kept_beside_the_predictions(shared: Path) -> None:
    _suggest(shared, "badge")
    _give_back(shared)
    with Project.open(shared, write=False) as opened:
        free = [record.case.key for record in opened.cases(Status.UNLABELLED)]
        labelled = [record.case.key for record in opened.cases(Status.LABELLED)]
        found = gradients_of(opened, _latest(opened), [*free, labelled[0]])
    assert np.isfinite(found[:-1]).all()
    assert np.isnan(found[-1]).all()
    assert (found[:-1] != 0).any()


def test_minutes_need_five_timed_cases(first_round: Path, tmp_path: Path) -> None:
    root = copy_of(first_round, tmp_path / "project")
    minutes = [p["why"]["minutes"] for p in _suggest(root, "per-minute")["picks"]]
    how = _give_back(root)["measures"]["minutes"]
    assert all(1 <= one <= 6 for one in minutes)
    assert (how["cases"], how["neighbours"]) == (6, 5)
    with Project.open(root) as opened:
        for record in opened.cases(Status.LABELLED)[:2]:
            opened.set_status(record.case.key, Status.UNLABELLED)
    with pytest.raises(InputError, match="known of 4 labelled cases: it takes 5"):
        _suggest(root, "per-minute")


def test_the_gate_learns_from_cross_validation_and_from_the_model_before(
    trained: Path, tmp_path: Path
) -> None:
    root = copy_of(trained, tmp_path / "project")
    with Project.open(root, write=False) as opened:
        first = opened.models()[0]
        pool = len(opened.cases(Status.UNLABELLED))
    with Project.open(root) as opened:  # as if the first model had predicted the pool, too
        for record in opened.cases(Status.UNLABELLED):
            facts = {"mean_entropy": 0.1, "foreground_entropy": len(record.case.name) / 10}
            opened.record_prediction(record.case.key, first.id, facts)
    do("cross-validate", project=str(root), folds=2)
    facts = _suggest(root, "levy-plus")["facts"]
    assert facts["trust"]["by"] == "errors"
    assert facts["trust"]["cases"] == 6
    measures = _give_back(root)["measures"]
    assert measures["error"]["cases"] == 6
    assert measures["foreground_entropy"]["cases"] == pool + 6
    assert measures["previous_foreground_entropy"]["model"] == first.id
