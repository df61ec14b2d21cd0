"""Bytes to lines, lines to states, and the seconds left: what a front end builds on."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.errors import CancelledError, InputError, PoolTooSmallError
from ActiveSeedLib.worker.estimate import TimeLeft
from ActiveSeedLib.worker.protocol import decode, encode
from ActiveSeedLib.worker.stream import EventStream, JobFailedError, LineBuffer, error_of


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"))), st.data())
def test_lines_survive_any_cut(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(line + "\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    buffer = LineBuffer()
    got = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        got += buffer.feed(whole[start:end])
    assert got == lines


def test_an_unfinished_line_waits_and_windows_line_ends_vanish() -> None:
    buffer = LineBuffer()
    assert buffer.feed(b"one\r\ntw") == ["one"]
    assert buffer.feed(b"") == []
    assert buffer.feed(b"o\n\xff\n") == ["two", "�"]


def test_a_very_long_line_in_small_pieces_stays_linear() -> None:
    buffer = LineBuffer()
    for _ in range(200_000):  # quadratic joining would take minutes
        assert buffer.feed(b"x" * 50) == []
    assert buffer.feed(b"\n") == ["x" * 10_000_000]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON))
def test_what_is_said_is_heard_and_is_one_ascii_line(result: dict[str, object]) -> None:
    line = encode({"event": "result", "id": "1", "result": result})
    assert line.isascii()
    assert line.count(b"\n") == 1
    heard = decode(line.decode())
    assert heard is not None
    infinite = {float("inf"): None, float("-inf"): None}
    assert heard["result"] == json.loads(
        json.dumps(result), parse_constant=lambda name: infinite[float(name)]
    )


@pytest.mark.parametrize("line", ["", "[1]", "7", "{", '{"a": 1} x', "[" * 100_000])
def test_what_is_not_an_object_is_nothing(line: str) -> None:
    assert decode(line) is None


def _feed(stream: EventStream, *events: dict[str, object]) -> None:
    stream.feed("".join(json.dumps(event) + "\n" for event in events).encode())


def test_the_states_follow_the_events() -> None:
    stream = EventStream()
    first, second = stream.expect("1", "train"), stream.expect("2", "predict")
    _feed(stream, {"event": "hello", "pid": 7, "protocol": 1, "version": "1.0", "log": "w.log"})
    assert (stream.pid, stream.version, stream.log) == (7, "1.0", "w.log")
    assert first.status == "waiting"
    _feed(
        stream,
        {"event": "started", "id": "1"},
        {"event": "progress", "id": "1", "fraction": 0.5, "step": "Epoch 1", "seconds_left": 9.0},
        {"event": "metric", "id": "1", "values": {"loss": 0.5}},
        {"event": "note", "id": "1", "text": "On the CPU."},
        {"event": "result", "id": "unheard of", "result": {}},
    )
    assert (first.status, first.fraction, first.step, first.seconds_left) == (
        "running", 0.5, "Epoch 1", 9.0,
    )  # fmt: skip
    assert first.metrics == [{"loss": 0.5}]
    assert first.notes == ["On the CPU."]
    first.cancelling()
    assert first.status == "cancelling"
    _feed(stream, {"event": "result", "id": "1", "result": {"dice": 0.9}})
    assert first.outcome() == {"dice": 0.9}
    _feed(stream, {"event": "cancelled", "id": "1"}, {"event": "cancelled", "id": "2"})
    assert first.status == "done"
    with pytest.raises(CancelledError):
        second.outcome()


def test_death_ends_what_is_open_and_quotes_the_last_words() -> None:
    stream = EventStream()
    done, open_ = stream.expect("1", "train"), stream.expect("2", "predict")
    _feed(stream, {"event": "result", "id": "1", "result": {}})
    stream.feed(b"ModuleNotFoundError: no torch\n")
    error = stream.died("exit code 1")
    assert "did not start (exit code 1)" in str(error)
    assert "ModuleNotFoundError: no torch" in str(error)
    assert done.status == "done"
    with pytest.raises(type(error)):
        open_.outcome()


def test_errors_come_back_as_what_they_were() -> None:
    small = error_of({"kind": "PoolTooSmallError", "message": "The pool has 3 cases."})
    assert isinstance(small, PoolTooSmallError)
    assert isinstance(small, InputError)
    assert str(small) == "The pool has 3 cases."
    for kind in ("JobFailedError", "ValueError", "CancelledError", "__builtins__", ""):
        assert type(error_of({"kind": kind, "message": "x"})) is JobFailedError


def test_seconds_left_of_a_steady_job_are_exact() -> None:
    left = TimeLeft()
    for tick in range(100):
        seconds = left.update(tick / 100, now=50 + tick * 0.5)
        assert seconds is None if tick < 2 else seconds == pytest.approx(50 - tick * 0.5)


def test_seconds_left_follow_a_change_of_pace_without_a_jump() -> None:
    left = TimeLeft()
    now, fraction, told = 0.0, 0.0, []
    for tick in range(300):
        now += 0.1
        fraction += 0.005 if tick < 100 else 0.001
        told.append(left.update(fraction, now))
    steps = [abs(b - a) for a, b in itertools.pairwise(told) if a and b]
    assert max(steps) < 5
    assert told[-1] == pytest.approx((1 - fraction) / 0.01, rel=0.25)


def test_seconds_left_start_afresh_when_the_fraction_falls() -> None:
    left = TimeLeft()
    for tick in range(20):
        left.update(tick / 20, now=float(tick))
    assert left.update(0.0, now=20.0) is None
    assert left.update(0.1, now=22.0) == pytest.approx(18.0)
