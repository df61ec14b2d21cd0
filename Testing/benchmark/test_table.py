"""The benchmark's table: what is written is read, tables of several machines merge."""

from dataclasses import replace
from pathlib import Path

import pytest

from ActiveSeedLib.benchmark.table import Row, merge, read_table, write_table
from ActiveSeedLib.errors import InputError
from Testing.benchmark.rows import row


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [row(seed=44), row(dice=0.1 + 0.2, picks=('a, "b"', "ä\n")), row(budget=12)]
    write_table(tmp_path / "table.csv", rows)
    assert read_table(tmp_path / "table.csv") == sorted(rows, key=lambda one: one.key)


def test_merged_tables_hold_each_run_once() -> None:
    here = [row(seed=43), row(seed=44)]
    there = [replace(row(seed=44), machine="other"), row(seed=45)]
    assert merge([here, there]) == [*here, there[1]]


@pytest.mark.parametrize("name", ["protocol", "cohort", "encoder"])
def test_tables_of_different_runs_are_not_mixed(name: str) -> None:
    with pytest.raises(InputError, match=f"the {name} of cxr is"):
        merge([[row()], [row(seed=44, **{name: "another"})]])
    other: Row = row(data="other", **{name: "another"})
    assert len(merge([[row()], [other]])) == 2


def test_a_bad_table_is_said_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_table(path, [row(), row(seed=44)])
    path.write_text(path.read_text(encoding="utf-8").replace("cxr,random,44", "cxr,random,x"))
    with pytest.raises(InputError, match="line 3: the column seed holds 'x'"):
        read_table(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="has no column data"):
        read_table(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
