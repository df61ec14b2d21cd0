"""Only active time counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.app.clock import LONGEST_PAUSE, Clock


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_pause_is_not_counted() -> None:
    time = Time()
    clock = Clock(time)
    clock.start("a")
    for step in (10, 60, 61, 5):  # the third is lunch
        time.now += step
        clock.touch()
    assert clock.seconds == 75
    time.now += 20
    assert clock.seconds == 75  # nothing was done since
    assert clock.take() == 95
    time.now += 3
    assert clock.stop() == 3
    assert clock.key is None


def test_nothing_counts_between_the_cases() -> None:
    time = Time()
    clock = Clock(time)
    clock.touch()
    time.now += 30
    clock.touch()
    assert clock.seconds == 0
    clock.start("a")
    time.now += 1
    clock.start("b")
    assert (clock.key, clock.stop()) == ("b", 0)
    assert clock.stop() == 0


@given(st.lists(st.tuples(st.floats(0, 200), st.sampled_from(["touch", "take"]))))
def test_what_is_taken_is_the_sum_of_the_short_gaps(steps: list[tuple[float, str]]) -> None:
    time = Time()
    clock = Clock(time)
    clock.start("a")
    taken, wanted, before = 0.0, 0.0, 0.0
    for gap, what in steps:
        start = time.now
        time.now += gap
        passed = time.now - start
        wanted += passed if passed <= LONGEST_PAUSE else 0
        if what == "take":
            taken, before = taken + clock.take(), 0.0
        else:
            clock.touch()
            assert clock.seconds >= before
            before = clock.seconds
    assert taken + clock.stop() == pytest.approx(wanted)
