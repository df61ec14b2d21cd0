"""Shards in processes that are killed: nothing is lost, nothing done twice, one bad case left out.

The same code watches the tasks of a cluster (`Testing/jobs/test_slurm.py`).
"""

import threading
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.children import gpus
from ActiveSeedLib.errors import ActiveSeedError, CancelledError, InputError
from ActiveSeedLib.executor.outside import Outside
from ActiveSeedLib.executor.processes import ProcessLauncher
from ActiveSeedLib.executor.shards import Folder, cut
from ActiveSeedLib.executor.work import Item, Outcome
from ActiveSeedLib.progress import Progress
from Testing.executor.counting import NAME, Counting, item

ITEMS = [item(number) for number in range(12)]


def _run(
    folder: Path, work: Counting, items: list[Item], progress: Progress | None = None
) -> dict[str, Outcome]:
    files = Folder(folder)
    launcher = ProcessLauncher(NAME, folder, files.logs, width=2)
    outside = Outside(files, launcher, 1, lambda items: {"cases": len(items)})
    found = list(outside.run(work, items, progress or Progress()))
    assert len({one.key for one in found}) == len(found)
    return {one.key: one for one in found}


@pytest.fixture
def work(tmp_path: Path) -> Counting:
    (tmp_path / "counts").mkdir()
    return Counting(str(tmp_path / "counts"))


def test_what_comes_of_a_case_is_exactly_what_was_found(tmp_path: Path, work: Counting) -> None:
    heard: list[str] = []
    progress = Progress(lambda kind, values: heard.append(values.get("step", "")))
    found = _run(tmp_path / "work", work, ITEMS, progress)
    assert set(found) == {one.case.key for one in ITEMS}
    for number, one in enumerate(ITEMS):
        outcome = found[one.case.key]
        if number % 5 == 4:
            assert outcome.problem == f"{one.case.name} is blank."
        else:
            wanted = np.array([number / 3, np.float32(1e-30)], dtype=np.float32)
            assert outcome.vector is not None
            assert outcome.vector.tobytes() == wanted.tobytes()
            assert outcome.facts["third"] == number / 3
        assert work.times(one.case.name) == 1
    assert heard[-1] == "Counting case 12 of 12"


def test_a_case_survives_the_way_to_another_process() -> None:
    for one in ITEMS:
        assert Item.from_json(one.to_json()) == one


def test_a_killed_task_is_gone_on_with(tmp_path: Path, work: Counting) -> None:
    notes: list[str] = []
    progress = Progress(lambda kind, values: notes.append(values.get("text", "")))
    once = Counting(work.folder, once=("case-002", "case-003"))
    found = _run(tmp_path / "work", once, ITEMS, progress)
    assert len(found) == len(ITEMS)
    assert all((one.problem is None) == (int(key, 16) % 5 != 4) for key, one in found.items())
    times = [work.times(one.case.name) for one in ITEMS]
    assert times == [1, 1, 2, 2, *[1] * 8]  # only what was being done is done again
    words = "case-002 is too much for me"
    assert f"A task ended early ({words}): 4 cases go to another one." in notes


def test_a_case_that_kills_its_task_is_left_out(tmp_path: Path, work: Counting) -> None:
    deadly = Counting(work.folder, deadly=("case-007",))
    found = _run(tmp_path / "work", deadly, ITEMS)
    assert len(found) == len(ITEMS)
    bad = found[item(7).case.key]
    assert bad.problem is not None
    assert "case-007 is too much for me" in bad.problem
    assert {int(key, 16) for key, one in found.items() if one.problem} == {4, 7, 9}
    assert work.times("case-007") <= 4


def test_a_case_that_kills_its_task_before_others_have_begun_is_left_out(
    tmp_path: Path, work: Counting
) -> None:
    deadly = Counting(work.folder, deadly=("case-000",))
    files = Folder(tmp_path / "work")
    launcher = ProcessLauncher(NAME, files.root, files.logs, width=1)
    launcher.shards = 2
    found = list(Outside(files, launcher, 0, lambda _: {}).run(deadly, ITEMS, Progress()))
    assert {int(one.key, 16) for one in found if one.problem} == {0, 4, 9}
    assert len(found) == len(ITEMS)


def test_tasks_that_do_nothing_are_an_error(tmp_path: Path, work: Counting) -> None:
    names = tuple(one.case.name for one in ITEMS)
    with pytest.raises(
        ActiveSeedError, match=r"before they have done anything \(case-0\d\d is too"
    ):
        _run(tmp_path / "work", Counting(work.folder, deadly=names), ITEMS)


def test_a_work_that_is_refused_is_refused_at_once(tmp_path: Path, work: Counting) -> None:
    with pytest.raises(InputError, match=r"^The model drops no features\.$"):
        _run(
            tmp_path / "work", Counting(work.folder, refused="The model drops no features."), ITEMS
        )


def test_a_cancelled_work_goes_on_where_it_was(tmp_path: Path, work: Counting) -> None:
    stop = threading.Event()
    folder = Folder(tmp_path / "work")
    launcher = ProcessLauncher(NAME, folder.root, folder.logs, width=1)
    outside = Outside(folder, launcher, 1, lambda _: {})
    coming = outside.run(work, ITEMS, Progress(cancelled=stop.is_set))
    first = next(coming)
    stop.set()
    with pytest.raises(CancelledError):
        list(coming)
    assert launcher.living() == {}
    again = Folder(tmp_path / "work")
    known = dict(again.new_outcomes([one.key for one in ITEMS]))
    assert first.key in {one.key for one in known.values()}
    left = [one for one in ITEMS if one.key not in known]
    assert {one.case.key for one in left} == set(_run(tmp_path / "work", work, left))


def test_each_process_has_a_gpu_of_its_own(
    tmp_path: Path, work: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5")
    files = Folder(tmp_path / "work")
    launcher = ProcessLauncher(NAME, files.root, files.logs, width=2, gpus=gpus())
    outside = Outside(files, launcher, 1, lambda _: {})
    found = list(outside.run(work, ITEMS, Progress()))
    assert {one.facts["gpus"] for one in found if one.problem is None} == {"3", "GPU-5"}


def test_shards_are_about_equal_and_keep_the_order() -> None:
    shards = cut(ITEMS, 5)
    assert [len(shard.items) for shard in shards] == [2, 3, 2, 3, 2]
    assert [one for shard in shards for one in shard.items] == ITEMS
    assert len({shard.key for shard in shards}) == 5
    assert cut(ITEMS[:2], 5) == cut(ITEMS[:2], 2)
