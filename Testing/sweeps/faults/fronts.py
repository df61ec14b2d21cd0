"""Real front ends with the real background process, killed at a random moment."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from ActiveSeedLib.project.project import Project
from Testing.journey.processes import lives
from Testing.sweeps.faults.forked import in_a_fork
from Testing.sweeps.faults.moments import Ground, Moment, look_after, run_job
from Testing.sweeps.faults.whole_loop import BUDGET, SETTINGS, Place, next_step, play

PATIENCE = 120.0
ORPHANS = 15.0  # s in which a background process has to notice that its front end is gone
KINDS = ("viewer", "panel", "command line")
REFUSED = "is being written to by"


@dataclass
class Running:
    """A front end at work, in a session of its own."""

    kind: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def children(self) -> list[int]:
        """Return the process ids of its background processes."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (
                    int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                    == self.process.pid
                ):
                    found.append(int(folder.name))
        return found

    def end(self) -> str:
        """Wait for its end, by force if need be; return what it said."""
        try:
            out, errors = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, errors = self.process.communicate()
            errors += "\nTraceback: it did not end by itself"
        return "\n".join(line for line in (out + errors).splitlines() if "vtkMRML" not in line)


def start(kind: str, place: Place) -> Running:
    """Start a front end, or the command that is next, on the project of a place."""
    if kind == "command line":
        words = ["-m", "ActiveSeedLib.cli", *_command(place)]
    else:
        words = ["-m", "Testing.sweeps.faults.front", kind, str(place.folder)]
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Running(kind, process)


def _command(place: Place) -> list[str]:
    root = str(place.root)
    step = next_step(place)
    if step == "label":
        return ["import-labels", root, str(place.labels), "--suggested"]
    if step == "suggest":
        with Project.open(place.root, write=False) as project:
            strategy = "levy" if project.rounds() else "random"
        return ["suggest", root, "--budget", str(BUDGET), "--strategy", strategy]
    given = (f"{name}={value}".replace(" ", "") for name, value in SETTINGS.items())
    return ["train", root, *(word for one in given for word in ("--set", one))]


def at_a_stage(ground: Ground, name: str, chance: random.Random) -> tuple[Place, int]:
    """Return a place where the loop has come so far, by chance."""
    place = ground.place(name)
    steps = chance.randint(1, len(ground.steps) - 2)
    in_a_fork(lambda: {"finished": play(place, run_job, steps)}, ground.answer(place))
    return place, steps


@cache
def usual_seconds(ground: Ground, kind: str) -> float:
    """Return how long a front end takes from the first step on, undisturbed."""
    place = ground.place(f"usual-{kind.replace(' ', '-')}")
    in_a_fork(lambda: {"finished": play(place, run_job, 1)}, ground.answer(place))
    started = time.monotonic()
    running = start(kind, place)
    said = running.end()
    assert running.process.returncode == 0, said
    place.clear()
    return time.monotonic() - started


def front_killed(kind: str, ground: Ground, name: str, chance: random.Random) -> Moment:
    """Kill a front end; its background process has to notice and end."""
    wait = chance.uniform(0.0, usual_seconds(ground, kind))
    place, steps = at_a_stage(ground, name, chance)
    running = start(kind, place)
    time.sleep(wait)
    children = running.children()
    _kill(running.process.pid)
    running.process.communicate()
    moment = Moment(f"the {kind} is killed", f"after {steps} steps and {wait:.2f} s")
    _see_orphans_end(children, moment)
    return look_after(ground, place, moment)


def worker_killed(ground: Ground, name: str, chance: random.Random) -> Moment:
    """Kill the background process of a front end, which has to say so in a sentence."""
    kind = chance.choice(KINDS)
    wait = chance.uniform(0.0, usual_seconds(ground, kind))
    place, steps = at_a_stage(ground, name, chance)
    running = start(kind, place)
    time.sleep(wait)
    children = running.children()
    for child in children:
        _kill(child)
    said = running.end()
    words = f"of the {kind}, after {steps} steps and {wait:.2f} s, {len(children)} of them"
    moment = Moment("the background process is killed", words)
    if "Traceback" in said:
        moment.odd.append(f"the {kind} said: {said}")
    return look_after(ground, place, moment)


def all_at_once(ground: Ground, name: str, chance: random.Random) -> Moment:
    """Start two front ends and a command on one project, and kill one of them."""
    wait = chance.uniform(0.0, usual_seconds(ground, "viewer"))
    place, steps = at_a_stage(ground, name, chance)
    all_of_them = [start(kind, place) for kind in chance.sample(KINDS, len(KINDS))]
    time.sleep(wait)
    victim = chance.choice(all_of_them)
    children = victim.children()
    _kill(victim.process.pid)
    what = f"after {steps} steps, the {victim.kind} killed after {wait:.2f} s"
    moment = Moment("two front ends and a command line at once", what)
    for one in all_of_them:
        said = one.end()
        if one is not victim and ("Traceback" in said or _is_odd(one.process.returncode, said)):
            moment.odd.append(f"the {one.kind} ended with {one.process.returncode}: {said}")
    _see_orphans_end(children, moment)
    return look_after(ground, place, moment)


def _is_odd(code: int, said: str) -> bool:
    """Return whether an end is neither that of the work nor a refusal in a sentence."""
    return code != 0 and not (code == 2 and REFUSED in said)


def _see_orphans_end(children: list[int], moment: Moment) -> None:
    end = time.monotonic() + ORPHANS
    while any(map(lives, children)):
        if time.monotonic() > end:
            moment.odd.append("a background process outlived its front end")
            for child in filter(lives, children):
                _kill(child)
            return
        time.sleep(0.05)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


Play = Callable[[Ground, str, random.Random], Moment]
REAL: dict[str, tuple[int, Play]] = {
    "viewer_killed": (1, partial(front_killed, "viewer")),
    "panel_killed": (1, partial(front_killed, "panel")),
    "command_killed": (1, partial(front_killed, "command line")),
    "worker_killed": (1, worker_killed),
    "all_at_once": (1, all_at_once),
}
"""Name → its share of the moments, and what plays one."""
