"""Faults at the n-th write of the loop, and files that are damaged in between."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import DamagedProjectError
from ActiveSeedLib.files import sha256
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.repair import repair
from ActiveSeedLib.project.store import is_project
from Testing.sweeps.faults import striking
from Testing.sweeps.faults.forked import Ended, in_a_fork
from Testing.sweeps.faults.striking import NEVER, Strike
from Testing.sweeps.faults.whole_loop import Place, lost_labels, make_place, next_step, play, take


@dataclass
class Moment:
    """One fault, and what was seen after it.

    Attributes:
        kind: of fault.
        what: when and how, in words that let it be repeated.
        held: label maps that had been saved.
        lost: those that are not there any more, or not as they were.
        opens: whether the project opened (a damaged database: after `repair`).
        finishes: whether the loop went on to its end.
        odd: whatever else was not as it should be.
    """

    kind: str
    what: str
    held: int = 0
    lost: list[str] = field(default_factory=list)
    opens: bool = True
    finishes: bool = True
    odd: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.opens and self.finishes and not self.lost and not self.odd


@dataclass(frozen=True)
class Ground:
    """Where moments are played: the images of all, a folder for each, and how long the loop is.

    Attributes:
        archive: images and label maps.
        folder: for the places.
        writes: of a whole loop that nothing disturbs.
        steps: (step, its first write, its last write) of that loop.
    """

    archive: Path
    folder: Path
    writes: int
    steps: tuple[tuple[str, int, int], ...]

    def place(self, name: str) -> Place:
        return make_place(self.archive, self.folder / name)

    def answer(self, place: Place) -> Path:
        return place.folder / "answer.json"


def run_job(name: str, params: dict[str, Any]) -> object:
    """Run a job in this process, as the worker does."""
    return JOBS[name](params, Progress())


def survey(archive: Path, folder: Path) -> Ground:
    """Play the loop once, undisturbed, and count its writes."""
    place = make_place(archive, folder / "survey")

    def whole() -> dict[str, Any]:
        striking.arm(place.root, Strike.COUNT)
        steps = []
        while (step := next_step(place)) is not None:
            before = striking.count() + 1
            take(place, step, run_job)
            steps.append((step, before, striking.count()))
        return {"steps": steps, "writes": striking.count()}

    ended = in_a_fork(whole, place.folder / "answer.json")
    assert ended.how == "done", ended.words
    assert not lost_labels(place)
    place.clear()
    steps = tuple((str(name), int(a), int(b)) for name, a, b in ended.result["steps"])
    return Ground(archive, folder, int(ended.result["writes"]), steps)


def strike(
    ground: Ground,
    place: Place,
    what: Strike,
    first: int,
    last: int = NEVER,
    vanishing: Path | None = None,
    failing: bool = False,
) -> Ended:
    """Play the loop in a process that is struck at a write; return how it ended."""

    def struck() -> dict[str, Any]:
        striking.arm(place.root, what, first, last, vanishing, failing)
        try:
            return {"finished": play(place, run_job)}
        finally:
            striking.end()

    return in_a_fork(struck, ground.answer(place))


def look_after(ground: Ground, place: Place, moment: Moment, *, damaged: bool = False) -> Moment:
    """See what is left after a fault, let the loop go on to its end, and clear up."""
    moment.held = len(place.ledger.done())
    moment.lost += lost_labels(place)
    ended = in_a_fork(partial(_open, place, damaged), ground.answer(place))
    moment.opens = ended.how == "done"
    moment.odd += ended.result.get("odd", [ended.words])
    if moment.opens:
        ended = in_a_fork(lambda: {"finished": play(place, run_job)}, ground.answer(place))
        moment.finishes = bool(ended.result.get("finished"))
        moment.odd += [ended.words] if ended.words else []
        moment.lost += lost_labels(place)
        if moment.finishes:
            moment.odd += [f"at the end: {said}" for said in repair(place.root).said]
    else:
        moment.finishes = False
    if moment.passed:
        place.clear()
    return moment


def _open(place: Place, damaged: bool) -> dict[str, Any]:
    """Open the project, after `repair` if its database was damaged; return what is odd about it."""
    if not is_project(place.root):  # killed before it was made
        return {"odd": []}
    if damaged:
        repair(place.root)
    with Project.open(place.root) as project:
        left = [path for path in place.root.rglob(".tmp-*") if path.parent.name != "lock"]
        odd = [f"{path.name} was left behind" for path in left]
        odd += [
            f"{label.path.name} is not as recorded"
            for label in project.labels().values()
            if not label.path.is_file() or sha256(label.path) != label.sha256
        ]
        project.summary(), project.queue(), project.cases(), project.history()
    with closing(sqlite3.connect(place.root / "project.sqlite")) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            odd.append("the database is not whole")
    return {"odd": odd}


def _note(moment: Moment, ended: Ended, *expected: str) -> None:
    """Note an end of the struck process that was not among those to be expected."""
    if ended.how not in expected:
        moment.odd.append(f"it ended otherwise than by {expected}: {ended.how} {ended.words}")


def killed_at_a_write(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(1, ground.writes)
    ended = strike(ground, place, Strike.KILL, first)
    moment = Moment("killed at a write", f"write {first} of {ground.writes}")
    _note(moment, ended, "killed")
    return look_after(ground, place, moment)


def disk_full(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(1, ground.writes)
    last = chance.choice([NEVER, first + chance.randint(2, 40)])
    ended = strike(ground, place, Strike.FULL, first, last)
    moment = Moment("disk full", f"writes {first} to {last}")
    _note(moment, ended, "said", "done")
    return look_after(ground, place, moment)


def write_fails(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(1, ground.writes)
    ended = strike(ground, place, Strike.FAIL, first, first + 1)
    moment = Moment("a write fails", f"write {first}")
    _note(moment, ended, "said", "done")
    return look_after(ground, place, moment)


def clock_jumps(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(1, ground.writes)
    ended = strike(ground, place, Strike.CLOCK, first)
    moment = Moment("the clock jumps back a year", f"at write {first}")
    _note(moment, ended, "done")
    return look_after(ground, place, moment)


def project_vanishes(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(ground.steps[0][2] + 1, ground.writes)
    last, failing = first + chance.randint(1, 120), chance.random() < 0.5
    ended = strike(ground, place, Strike.VANISH, first, last, place.root, failing)
    words = "open files failing" if failing else "open files at work"
    moment = Moment("the project's drive vanishes", f"writes {first} to {last}, {words}")
    _note(moment, ended, "said", "done")
    return look_after(ground, place, moment)


def images_vanish(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(ground.steps[0][2] + 1, ground.writes)
    last = first + chance.randint(1, 120)
    ended = strike(ground, place, Strike.VANISH, first, last, place.images)
    moment = Moment("the images' drive vanishes", f"writes {first} to {last}")
    _note(moment, ended, "said", "done")
    return look_after(ground, place, moment)


def database_damaged(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(ground.steps[0][2] + 1, ground.writes)
    strike(ground, place, Strike.KILL, first)
    how = chance.choice(list(DAMAGES))
    moment = Moment("the database is damaged", f"killed at write {first}, then {how}")
    DAMAGES[how](place.root / "project.sqlite", chance)
    _must_be_told(place, ground, moment)
    return look_after(ground, place, moment, damaged=True)


def both_damaged(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(ground.steps[0][2] + 1, ground.writes)
    strike(ground, place, Strike.KILL, first)
    how, bits = chance.choice([*DAMAGES, "left as it was"]), chance.randint(1, 4)
    moment = Moment(
        "the file of changes is damaged, too",
        f"killed at write {first}, then {how}, and bits of changes.jsonl flipped",
    )
    if how in DAMAGES:
        DAMAGES[how](place.root / "project.sqlite", chance)
    flip(place.root / "changes.jsonl", chance, bits)
    return look_after(ground, place, moment, damaged=True)


def checkpoint_damaged(ground: Ground, name: str, chance: random.Random) -> Moment:
    place = ground.place(name)
    _, first, last = chance.choice([one for one in ground.steps if one[0] == "train"])
    number = chance.randint(first, last)
    strike(ground, place, Strike.KILL, number)
    files = [*place.root.glob("models/*/*.pt")]
    for path in files:
        damage = chance.choice([flip, truncate, empty])
        damage(path, chance)
    what = f"killed at write {number}, then {', '.join(path.name for path in files) or 'nothing'}"
    return look_after(ground, place, Moment("checkpoint and model are damaged", what))


def another_file_damaged(ground: Ground, name: str, chance: random.Random) -> Moment:
    place, first = ground.place(name), chance.randint(ground.steps[0][2] + 1, ground.writes)
    strike(ground, place, Strike.KILL, first)
    files = sorted(path for path in place.root.rglob("*") if path.is_file())
    kept = {"labels", "backups", "lock"}
    files = [p for p in files if p.relative_to(place.root).parts[0] not in kept]
    files = [p for p in files if not p.name.startswith(("project.sqlite", "changes", ".tmp-"))]
    path, damage = chance.choice(files), chance.choice([flip, truncate, empty])
    what = f"killed at write {first}, then {path.relative_to(place.root)} by {damage.__name__}"
    damage(path, chance)
    return look_after(ground, place, Moment("another file is damaged", what))


def _must_be_told(place: Place, ground: Ground, moment: Moment) -> None:
    """See that a damaged database opens or names the command, and never raises anything else."""

    def look() -> dict[str, Any]:
        try:
            with Project.open(place.root) as project:
                project.summary(), project.queue(), project.cases()
        except DamagedProjectError as error:
            return {"said": str(error)}
        return {}

    ended = in_a_fork(look, ground.answer(place))
    if ended.how != "done" or "activeseed repair" not in ended.result.get(
        "said", "activeseed repair"
    ):
        moment.odd.append(f"opened without repair: {ended.how} {ended.words}")


def flip(path: Path, chance: random.Random, bits: int = 8) -> None:
    """Flip some bits of a file."""
    data = bytearray(path.read_bytes())
    for _ in range(bits if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def overwrite(path: Path, chance: random.Random) -> None:
    """Overwrite a block of a file by chance."""
    data = bytearray(path.read_bytes())
    start = chance.randrange(max(1, len(data) // 4096)) * 4096
    data[start : start + 4096] = chance.randbytes(len(data[start : start + 4096]))
    path.write_bytes(data)


def truncate(path: Path, chance: random.Random) -> None:
    """Cut a file off."""
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(max(1, len(data)))])


def empty(path: Path, chance: random.Random) -> None:
    """Leave a file of no length."""
    path.write_bytes(b"")


def remove(path: Path, chance: random.Random) -> None:
    """Remove a file."""
    path.unlink()


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "bits flipped": flip,
    "a block overwritten": overwrite,
    "truncated": truncate,
    "emptied": empty,
    "removed": remove,
}

Play = Callable[[Ground, str, random.Random], Moment]
AT_A_WRITE: dict[str, tuple[int, Play]] = {
    play.__name__: (share, play)
    for share, play in (
        (8, killed_at_a_write),
        (4, disk_full),
        (4, write_fails),
        (2, clock_jumps),
        (3, project_vanishes),
        (2, images_vanish),
        (4, database_damaged),
        (2, both_damaged),
        (3, checkpoint_damaged),
        (2, another_file_damaged),
    )
}
"""Name → its share of the moments, and what plays one."""
