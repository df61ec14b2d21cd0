import json
import threading
from collections.abc import Callable

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project import Project, Status

Key = Callable[[int], str]


def select(project: Project, *keys: str) -> int:
    picks = [(one, f"Reason {i}.", {"entropy": np.float32(0.5)}) for i, one in enumerate(keys)]
    return project.add_selection("levy", {"k": 3}, 7, {"encoder": "default"}, picks)


def test_a_selection_is_kept_with_its_provenance_and_order(project: Project, key: Key) -> None:
    assert select(project, key(3), key(0)) == 1
    assert select(project, key(4)) == 2
    first, second = project.rounds()
    assert (first.number, first.strategy, first.seed, first.size) == (1, "levy", 7, 2)
    assert first.parameters == {"k": 3}
    assert first.provenance == {"encoder": "default"}
    assert second.number == 2
    assert [(p.position, p.key, p.why) for p in project.selection(1)] == [
        (1, key(3), {"entropy": 0.5}),
        (2, key(0), {"entropy": 0.5}),
    ]
    assert project.case(key(3)).status is Status.SUGGESTED
    assert project.case(key(3)).round == 1
    with pytest.raises(InputError, match="no round 3"):
        project.selection(3)


def test_a_selection_with_a_wrong_case_changes_nothing(project: Project, key: Key) -> None:
    for keys in ((key(0), key(5)), (key(0), key(0)), (), (key(0), "nobody")):
        with pytest.raises(InputError):
            select(project, *keys)
    assert project.rounds() == []
    assert project.queue() == []


def test_the_queue_follows_the_rounds_then_what_was_chosen_by_hand(
    project: Project, key: Key
) -> None:
    project.set_status(key(1), Status.IN_PROGRESS)
    select(project, key(3), key(0), key(2))
    select(project, key(4))
    project.set_status(key(0), Status.IN_PROGRESS)
    project.set_status(key(3), Status.SKIPPED)
    queue = project.queue()
    assert [item.record.case.key for item in queue] == [key(0), key(2), key(4), key(1)]
    assert [item.reason for item in queue][:2] == ["Reason 1.", "Reason 2."]
    assert queue[-1].pick is None


def test_a_case_given_back_can_be_selected_again(project: Project, key: Key) -> None:
    select(project, key(0))
    project.set_status(key(0), Status.UNLABELLED)
    assert project.case(key(0)).round is None
    assert select(project, key(0)) == 2
    assert [item.pick.position for item in project.queue() if item.pick] == [1]


def test_a_model_is_resumed_finished_and_scored(project: Project, key: Key) -> None:
    assert project.latest_model() is None
    assert project.unfinished_model() is None
    model = project.start_model({"epochs": 3}, {"labels": {key(0): "abc"}})
    assert model.folder.is_dir()
    assert project.unfinished_model() == model
    project.finish_model(model.id, {"loss": np.float64(0.25)})
    project.add_metrics(model.id, "test", [{"key": key(5), "dice": 0.9}], {"dice": 0.9})
    latest = project.latest_model()
    assert latest is not None
    assert (latest.id, latest.state, latest.metrics) == (model.id, "finished", {"loss": 0.25})
    assert latest.settings == {"epochs": 3}
    assert latest.scores == {
        "test": {"means": {"dice": 0.9}, "cases": [{"key": key(5), "dice": 0.9}]}
    }
    assert project.unfinished_model() is None


def test_a_new_training_gives_the_interrupted_one_up(project: Project) -> None:
    first = project.start_model({}, {})
    second = project.start_model({}, {})
    assert [m.state for m in project.models()] == ["abandoned", "training"]
    project.abandon_model(second.id)
    assert project.unfinished_model() is None
    assert first.id != second.id
    with pytest.raises(InputError, match="no model 'x'; it has: model-001, model-002"):
        project.finish_model("x", {})


def test_predictions_are_listed_with_their_facts(project: Project, key: Key) -> None:
    model = project.start_model({}, {})
    for number in (2, 1):
        project.record_prediction(key(number), model.id, {"mean_entropy": number / 10})
    project.record_prediction(key(2), model.id, {"mean_entropy": 0.3})
    assert project.predictions(model.id) == {
        key(1): {"mean_entropy": 0.1},
        key(2): {"mean_entropy": 0.3},
    }
    assert project.predictions("other") == {}
    paths = {project.prediction_path(key(1), model.id), project.uncertainty_path(key(1), model.id)}
    assert len(paths) == 2
    assert all(project.root / "predictions" / model.id in path.parents for path in paths)


def test_maps_are_kept_by_name_and_the_latest_is_the_default(project: Project, key: Key) -> None:
    assert project.map() is None
    project.save_map("tsne", {"seed": 1}, {key(1): (0.5, 1.5), key(0): (np.float32(2), 3)})
    project.save_map("pca", {}, {key(0): (0, 0)})
    latest, tsne = project.map(), project.map("tsne")
    assert latest is not None
    assert latest.name == "pca"
    assert tsne is not None
    assert tsne.points == {key(0): (2.0, 3.0), key(1): (0.5, 1.5)}
    project.save_map("tsne", {"seed": 2}, {key(1): (9.0, 9.0)})
    again = project.map()
    assert again is not None
    assert (again.name, again.facts, again.points) == ("tsne", {"seed": 2}, {key(1): (9.0, 9.0)})


def test_the_summary_goes_into_strict_json(project: Project, key: Key) -> None:
    select(project, key(0), key(1))
    model = project.start_model({}, {})
    project.finish_model(model.id, {})
    project.add_metrics(model.id, "test", [], {"dice": 0.5, "hd95": float("inf")})
    summary = json.loads(json.dumps(project.summary(), allow_nan=False))
    assert summary["cases"] == 6
    assert summary["statuses"]["suggested"] == 2
    assert summary["statuses"]["test"] == 1
    assert summary["rounds"] == [{"number": 1, "strategy": "levy", "seed": 7, "cases": 2}]
    assert summary["models"][0]["scores"] == {"test": {"dice": 0.5, "hd95": None}}


def test_threads_share_a_project(project: Project, key: Key) -> None:
    def work(number: int) -> None:
        for _ in range(25):
            project.add_seconds(key(number % 3), 1.0)
            project.cases()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [project.case(key(n)).seconds for n in range(3)] == [50.0, 50.0, 50.0]
