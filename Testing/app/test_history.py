"""What trainings wrote down, in words and numbers."""

import json
from collections.abc import Callable
from pathlib import Path

from ActiveSeedLib.app.history import (
    describe_unfinished,
    read_history,
    round_finished,
    training_history,
)
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.project.records import ModelRecord
from Testing.app.conftest import WHOLE

Key = Callable[[int], str]
SCORES = {f"case_{n}": 0.8 for n in range(6)}


def start(session: Session, epochs: int) -> ModelRecord:
    """Return a training that stopped after so many epochs."""
    labels = session.project.training_labels()
    model = session.project.start_model({"epochs": 9}, {"labels": labels})
    write(model.folder / "training.jsonl", epochs)
    return model


def write(path: Path, epochs: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"epoch": n, "loss": 1 / n}) for n in range(1, epochs + 1)]
    path.write_text("\n".join(lines))


def test_a_record_whose_last_line_is_torn_is_read(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text('{"epoch": 1, "loss": 2.0}\n[1]\n{"note": "x"}\n{"epoch": 2, "lo')
    assert read_history(path) == [{"epoch": 1, "loss": 2.0}]
    assert read_history(tmp_path / "none.jsonl") == []


def test_the_history_is_that_of_the_training_that_waits_else_of_the_latest(
    session: Session, key: Key, add_model: Callable[..., str]
) -> None:
    assert training_history(session.project) == []
    session.save(key(0), WHOLE, 1, done=True)
    add_model()
    latest = session.project.latest_model()
    assert latest is not None
    write(latest.folder / "training.jsonl", 2)
    assert [one["epoch"] for one in training_history(session.project)] == [1, 2]
    waiting = start(session, 4)
    assert [one["epoch"] for one in training_history(session.project)] == [1, 2, 3, 4]
    assert [one["epoch"] for one in training_history(session.project, before=3)] == [1, 2]
    session.project.abandon_model(waiting.id)
    assert [one["epoch"] for one in training_history(session.project)] == [1, 2]


def test_an_unfinished_training_says_where_it_stopped_and_what_resume_does(
    session: Session, key: Key
) -> None:
    session.save(key(0), WHOLE, 1, done=True)
    words = describe_unfinished(start(session, 3), same_labels=True)
    assert words.startswith("Training stopped after epoch 3. Resume goes on from there")
    waiting = session.project.unfinished_model()
    assert waiting is not None
    (waiting.folder / "training.jsonl").unlink()
    words = describe_unfinished(waiting, same_labels=False)
    assert words.startswith("Training stopped in its first epoch. The label maps have changed")


def test_a_finished_round_gives_advice_only_if_its_own_model_was_scored(
    session: Session, key: Key, add_model: Callable[..., str]
) -> None:
    session.save(key(0), WHOLE, 1, done=True)
    scored = add_model("test", SCORES)
    words = round_finished(session.project, {"train": {"model": scored}})
    assert words.startswith("The round is finished. The latest model reaches Dice 0.800")
    unscored = add_model()
    words = round_finished(session.project, {"train": {"model": unscored}})
    assert "was not scored" in words
    assert "0.800" not in words
    assert "was not scored" in round_finished(session.project, {})
