"""Playing a part in a process of its own that has everything loaded: a fork takes milliseconds."""

import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import ActiveSeedError

PATIENCE = 120.0


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        how: "done", "said" (by an error of ours), "raised" (anything else), "killed" or "hung".
        words: the sentence or the traceback.
        result: what the function returned.
    """

    how: str
    words: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def in_a_fork(play: Callable[[], dict[str, Any]], answer: Path) -> Ended:
    """Run `play` in a forked process and return how that ended; the answer goes by a file."""
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _be_the_child(play, answer)
    end = time.monotonic() + PATIENCE
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Ended("hung")
        time.sleep(0.002)
    if os.WIFSIGNALED(status):
        return Ended("killed")
    return Ended(**json.loads(answer.read_text()))


def _be_the_child(play: Callable[[], dict[str, Any]], answer: Path) -> None:
    try:
        try:
            ended = Ended("done", result=play())
        except ActiveSeedError as error:
            ended = Ended("said", str(error))
        except BaseException:
            ended = Ended("raised", traceback.format_exc())
        answer.write_text(json.dumps(vars(ended)))
    finally:
        os._exit(0)
