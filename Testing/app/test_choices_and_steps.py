"""What the user chose, the jobs that follow from it, and what is next."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.steps import create_steps, retrain_steps, suggest_steps
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project import LabelSchema, Project, Segment
from Testing.app.conftest import SCHEMA, WHOLE

Key = Callable[[int], str]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_choices_come_back_as_they_were() -> None:
    wanted = Choices(budget=4, strategy_parameters={"alpha": 0.5}, epochs=30, cross_validate=False)
    assert Choices.from_json(wanted.to_json()) == wanted
    assert Choices.from_json(None) == Choices()


@given(
    st.dictionaries(st.sampled_from([*Choices().to_json(), "from the future"]), json_values)
    | json_values
)
def test_choices_of_another_version_never_stop_a_project(values: object) -> None:
    read = Choices.from_json(values)
    for name, value in read.to_json().items():
        default = Choices().to_json()[name]
        assert value == default or (isinstance(values, dict) and value == values[name])
    assert isinstance(read.budget, int)
    assert isinstance(read.strategy, str)


def test_a_project_made_by_the_step_opens(images: Path, tmp_path: Path) -> None:
    schema = LabelSchema(
        (Segment(2, "lung, left", "#e69f00"), Segment(9, "Leber 肝 #1", "#56b4e9"))
    )
    (step,) = create_steps(tmp_path / "made", images, schema, test_fraction=0.3)
    made = JOBS[step.job](step.params, Progress())
    assert made["cases"] == 7
    session = Session.open(tmp_path / "made")
    assert session.schema == schema
    assert session.counts()["test"] == 2
    session.close()


def test_a_schema_may_come_from_the_label_maps(
    session: Session, images: Path, key: Key, tmp_path: Path
) -> None:
    session.save(key(0), WHOLE, 0, done=True)
    labels = session.project.labels_folder
    (step,) = create_steps(tmp_path / "made", images, labels=labels)
    JOBS[step.job](step.params, Progress())
    with Project.open(tmp_path / "made") as made:
        assert made.schema.values == SCHEMA.values
        assert len(made.training_labels()) == 1


def test_the_steps_run_as_they_are(session: Session) -> None:
    choices = Choices(budget=2, seed=44, map_method="pca", strategy="random")
    (step,) = suggest_steps(session, choices)
    result = JOBS[step.job](step.params, Progress())
    assert len(result["picks"]) == 2
    assert session.what_next().sentence == "Label the 2 cases of the queue."
    (round_one,) = session.project.rounds()
    assert (round_one.strategy, round_one.seed) == ("random", 44)


def test_a_budget_beyond_the_pool_takes_what_is_left(session: Session, key: Key) -> None:
    session.exclude(key(0))
    session.project.set_problem(key(1), "It is damaged.")
    (step,) = suggest_steps(session, Choices(budget=100))
    assert step.params["budget"] == 4
    for number in range(2, 6):
        session.skip(key(number))
    with pytest.raises(InputError, match="No case is left to choose"):
        suggest_steps(session, Choices())
    assert [s.job for s in retrain_steps(session, Choices())] == [
        "train",
        "predict",
        "cross-validate",
    ]


def test_a_model_is_cross_validated_only_where_no_test_case_can_tell(
    session: Session, key: Key
) -> None:
    jobs = [step.job for step in retrain_steps(session, Choices(epochs=7))]
    assert jobs == ["train", "predict", "suggest", "cross-validate"]
    assert "cross-validate" not in [
        step.job for step in retrain_steps(session, Choices(cross_validate=False))
    ]
    session.save(key(6), WHOLE, 0, done=True)
    steps = retrain_steps(session, Choices(epochs=7, device="cpu"))
    assert [step.job for step in steps] == ["train", "predict", "suggest"]
    assert steps[0].params["settings"] == {"seed": 43, "device": "cpu", "epochs": 7}
    assert all(step.params["session"] == session.project.session for step in steps)
    assert all(step.title for step in steps)


def test_every_step_names_a_job_that_takes_its_parameters(session: Session) -> None:
    """Nothing is labelled: each job gets as far as saying so, or runs."""
    for step in retrain_steps(session, Choices(strategy="random", map_method="pca")):
        try:
            JOBS[step.job](step.params, Progress())
        except InputError as error:
            assert "yet" in str(error)  # noqa: PT017


def test_what_is_next_goes_round_the_loop(
    session: Session, key: Key, select: Callable[..., int], add_model: Callable[..., str]
) -> None:
    def is_next(action: str, words: str) -> bool:
        step = session.what_next()
        assert step.sentence.endswith(".")
        return (step.action, words in step.sentence) == (action, True)

    assert is_next("suggest", "Suggest the first cases")
    select(0, 1)
    assert is_next("label", "the 2 cases of the queue")
    session.save(key(0), WHOLE, 0, done=True)
    assert is_next("label", "the 1 case of the queue")
    session.project.set_problem(key(1), "It is damaged.")  # nobody can label that one
    assert is_next("retrain", "a first model on the 1 label map")
    session.project.start_model({}, {})
    assert is_next("retrain", "that was interrupted")
    add_model()
    assert is_next("suggest", "Suggest the next cases")
    changed = WHOLE.array.copy()
    changed[0, 0, 0] = 1
    session.save(key(0), type(WHOLE)(changed, WHOLE.geometry), 0, done=True)
    assert is_next("retrain", "1 label map the model has not seen")
    session.save(key(2), WHOLE, 0, done=True)
    assert is_next("retrain", "2 label maps the model has not seen")
    add_model()
    for number in (3, 4, 5):
        session.exclude(key(number))
    assert is_next("rescan", "No case is left to choose")
