"""Damaged at random, a file is refused in a sentence or read; nothing else is raised."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from Testing.sweeps.fuzz.damage import KINDS, Change, apply, random_changes
from Testing.sweeps.fuzz.targets import VOXELS, all_targets, try_one
from Testing.sweeps.inputs.sweep import Worker

TARGETS = all_targets()
CHANGES = st.lists(
    st.builds(Change, st.sampled_from(KINDS), st.floats(0, 1), st.integers(0, 2**32 - 1)),
    min_size=1,
    max_size=4,
)
IN_PYTHON = sorted(name for name, target in TARGETS.items() if target.in_python)
BY_LIBRARIES = sorted(name for name, target in TARGETS.items() if not target.in_python)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", IN_PYTHON)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_what_is_damaged_is_refused_in_a_sentence(tmp_path, name: str, changes) -> None:
    target = TARGETS[name]
    assert try_one(target, apply(target.make(), changes), tmp_path) in {"read", "refused"}


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_is_sound_is_read(tmp_path, name: str) -> None:
    target = TARGETS[name]
    assert try_one(target, target.make(), tmp_path) == "read"


@pytest.mark.slow
def test_libraries_neither_crash_nor_hang() -> None:
    worker = Worker("Testing.sweeps.fuzz.worker")
    try:
        for name in BY_LIBRARIES:
            for seed in range(12):
                outcome, said = worker.ask(f"{seed} {name}")
                assert outcome in {"read", "refused"}, f"{name}, seed {seed}: {said}"
    finally:
        worker.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_a_label_map_behind_a_checksum_is_the_same_or_refused(tmp_path, changes) -> None:
    from ActiveSeedLib.errors import ActiveSeedError
    from ActiveSeedLib.pool.readers import read_label

    path = tmp_path / "a.nii.gz"
    path.write_bytes(apply(TARGETS["label map, nifti, gz"].make(), changes))
    try:
        array = read_label(path).array
    except ActiveSeedError:
        return
    assert (array == VOXELS).all()


def test_damage_is_the_same_for_the_same_seed() -> None:
    assert random_changes(7) == random_changes(7)
    assert apply(b"abc 12 d", [Change("number", 0.0, 1)]) == b"abc 0 d"
    assert apply(b"", [Change(kind, 0.5, 9) for kind in KINDS if kind != "insert"]) is not None
