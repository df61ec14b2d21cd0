"""The quick questions answer as the thorough ones do."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.project import LabelSchema, Project, Status

Key = Callable[[int], str]


@pytest.fixture
def worked_on(project: Project, key: Key, make_label: Callable[..., Image]) -> Project:
    """A project in the middle of its second round, with two models, a map and a broken image."""
    for numbers in ((3, 1), (2,)):
        picks = [(key(n), f"Reason {n}.", {"rank": n}) for n in numbers]
        provenance = {"clusters": {key(3): 0}, "already_chosen": [key(0)], "encoder": "e"}
        project.add_selection("levy", {"k": 3}, 7, provenance, picks)
    project.set_status(key(0), Status.IN_PROGRESS)
    project.save_label(key(3), make_label(0), seconds=5, source="user")
    project.save_label(key(1), make_label(1, values=2), source="user", done=False)
    project.save_label(key(5), make_label(2), source="user")
    project.set_problem(key(2), "It is damaged.")
    for _ in range(2):
        model = project.start_model({}, {"labels": project.training_labels()})
        project.finish_model(model.id, {"labelled": 1})
        project.add_metrics(model.id, "test", [{"case": "case_5", "dice": 0.5}], {"dice": 0.5})
    project.start_model({}, {})
    for number in (0, 4):
        facts = {"mean_entropy": 0.25 * number, "most_uncertain_slice": 1}
        project.record_prediction(key(number), model.id, facts)
    project.save_map("old", {}, {key(4): (9.0, 9.0)})
    project.save_map("new", {}, {key(n): (n, -n) for n in (4, 2, 0)})
    return project


def test_rows_are_the_cases(worked_on: Project) -> None:
    rows, records = worked_on.rows(), worked_on.cases()
    for row, record in zip(rows, records, strict=True):
        case = record.case
        assert row.key == case.key
        assert row.name == case.name
        for name in ("status", "round", "seconds", "problem", "note", "available", "held_out"):
            assert getattr(row, name) == getattr(record, name)
            assert type(getattr(row, name)) is type(getattr(record, name))
        assert row.labelled is (record.label is not None)
        assert row.queued is (record.status in (Status.SUGGESTED, Status.IN_PROGRESS))
        assert row.usable is (record.available and record.problem is None)
        assert worked_on.row(case.key) == row
    assert worked_on.counts() == worked_on.summary()["statuses"]
    for status in Status:
        one = [row for row in rows if row.status is status and row.usable]
        assert worked_on.count_usable(status) == len(one)
        with_label = [row for row in one if row.labelled]
        assert worked_on.count_usable(status, labelled=True) == len(with_label)


def test_the_order_is_the_queues(worked_on: Project, key: Key) -> None:
    items = worked_on.queue()
    assert worked_on.queue_order() == [item.record.case.key for item in items]
    assert worked_on.queue_order() == [key(1), key(2), key(0)]
    assert worked_on.queue_order(usable=True) == [key(1), key(0)]
    assert worked_on.queue_order(also=key(3), usable=True) == [key(3), key(1), key(0)]
    assert worked_on.queue_order(also=key(4)) == [key(1), key(2), key(0), key(4)]
    assert [worked_on.pick(item.record.case.key) for item in items] == [i.pick for i in items]
    assert worked_on.pick(key(4)) is None


def test_models_and_predictions_one_by_one(worked_on: Project, key: Key) -> None:
    models = worked_on.models()
    assert worked_on.latest_model() == models[1]
    assert worked_on.unfinished_model() == models[2]
    assert [worked_on.model(model.id) for model in models] == models
    found = worked_on.predictions(models[1].id)
    assert worked_on.entropies(models[1].id) == {k: f["mean_entropy"] for k, f in found.items()}
    assert worked_on.prediction(key(4), models[1].id) == found[key(4)]
    assert worked_on.prediction(key(4), models[0].id) is None


def test_the_latest_map_with_its_cases(worked_on: Project, key: Key) -> None:
    rows, places = worked_on.mapped_rows()
    latest = worked_on.map()
    assert latest is not None
    assert {r.key: place for r, place in zip(rows, places, strict=True)} == latest.points
    assert rows == [worked_on.row(key(n)) for n in (0, 2, 4)]


def test_rounds_without_what_is_said_of_each_case(worked_on: Project, key: Key) -> None:
    brief = worked_on.rounds_in_brief()
    for one, whole in zip(brief, worked_on.rounds(), strict=True):
        assert one.provenance == {"encoder": "e", "already_chosen": 1}
        assert (one.number, one.parameters, one.size) == (
            whole.number,
            whole.parameters,
            whole.size,
        )
    assert worked_on.rounds_in_brief(2) == brief[1:]
    assert worked_on.rounds_in_brief(3) == []
    assert worked_on.clusters() == {key(3): 0}
    worked_on.add_selection("levy", {}, 7, {"clusters": {}}, [(key(4), "Because.", {})])
    assert worked_on.clusters() == {key(3): 0}
    assert worked_on.rounds_in_brief(3)[0].provenance == {"already_chosen": 0}


def test_values_in_use_are_counted_from_the_label_maps(worked_on: Project, key: Key) -> None:
    maps, uses = worked_on.value_uses()
    found = worked_on.labels()
    assert maps == len(found) == 3
    assert uses == Counter(value for label in found.values() for value in label.voxels)
    maps, uses = worked_on.value_uses(besides=key(1))
    assert (maps, uses[2]) == (2, 2)
    assert worked_on.training_labels() == {key(3): 1}


def test_an_unfinished_label_map_is_kept_and_not_trained_on(
    project: Project, key: Key, make_label: Callable[..., Image]
) -> None:
    for number, done, status in (
        (0, False, Status.IN_PROGRESS),
        (0, True, Status.LABELLED),
        (0, False, Status.IN_PROGRESS),
        (5, False, Status.TEST),
    ):
        project.save_label(key(number), make_label(0), source="user", done=done)
        assert project.case(key(number)).status is status
        assert project.label_path(key(number)) is not None
    assert np.shape(project.label_versions(key(0))) == (1,)


def test_the_journal_is_asked_about_one_case(project: Project, key: Key) -> None:
    assert project.last_event("opened", key(0)) is None
    for number, place in ((0, 1), (1, 2), (0, 3)):
        project.log("opened", {"key": key(number), "place": place})
    event = project.last_event("opened", key(0))
    assert event is not None
    assert event.facts["place"] == 3
    assert project.last_event("closed", key(0)) is None


def test_a_schema_is_read_as_text_or_as_json() -> None:
    schema = LabelSchema.parse("1=lung, 2 = rib#112233")
    assert LabelSchema.parse(schema.to_json()) == schema
    with pytest.raises(InputError, match="not a label schema in JSON"):
        LabelSchema.parse("{}")
