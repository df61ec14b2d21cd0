import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.project.names import file_stem, fold

keys = st.integers(0, 2**128 - 1).map(lambda number: f"{number:032x}")
FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in range(32)}


@given(st.dictionaries(keys, st.text(max_size=300), max_size=20))
def test_stems_are_safe_on_every_system_and_never_shared(names: dict[str, str]) -> None:
    taken: set[str] = set()
    stems = [file_stem(name, key, taken) for key, name in names.items()]
    assert len({fold(stem) for stem in stems}) == len(stems)
    for stem in stems:
        assert stem
        assert not FORBIDDEN & set(stem)
        assert len(stem.encode()) <= 120  # with dates and temporary prefixes below 255
        assert stem == stem.strip(" .")
        assert stem.split(".")[0].casefold() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(
    st.lists(
        st.sampled_from(["Scan", "scan", "SCAN", "\u00e9", "e\u0301", "con", "a/b", "a_b", "🦴"])
    )
)
def test_names_that_a_file_system_mixes_up_stay_apart(names: list[str]) -> None:
    taken: set[str] = set()
    stems = [file_stem(name, f"{i:08x}" + "0" * 24, taken) for i, name in enumerate(names)]
    folded = [unicodedata.normalize("NFD", stem.casefold()) for stem in stems]
    assert len(set(folded)) == len(names)


def test_a_plain_name_is_kept_and_others_carry_the_head_of_the_key() -> None:
    taken: set[str] = set()
    key = "0123456789abcdef" * 2
    assert file_stem("p1__scan 1.2", key, taken) == "p1__scan 1.2"
    assert file_stem("P1__SCAN 1.2", key, taken) == "P1__SCAN 1.2_01234567"
    assert file_stem("p1__scan 1.2", key, taken) == f"p1__scan 1.2_{key}"
    assert file_stem("NUL.scan", key, taken) == "_NUL.scan_01234567"
    assert file_stem("🦴", key, taken) == "__01234567"


@given(st.text(max_size=300), keys)
def test_a_file_of_that_name_can_be_made(
    tmp_path_factory: pytest.TempPathFactory, name: str, key: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"{file_stem(name, key, set())}.nii.gz"
    path.write_bytes(b"1")
    assert path.name in {entry.name for entry in folder.iterdir()}
    path.unlink()
