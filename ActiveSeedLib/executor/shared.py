"""Tasks asked for through shared storage, where this machine cannot begin any itself.

A panel on one machine writes down which shards it asks for; `activeseed tasks` on another one, such
as a cluster's login node, begins them and answers which of them live. In the folder of a work:

    asked/<request>.json  the shards of a request
    asked/end             all tasks are to end
    answer.json           which requests were taken, which tasks live, why they were refused
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.outside import Launcher
from ActiveSeedLib.executor.shards import Folder
from ActiveSeedLib.files import write_bytes, write_json

SILENT_SECONDS = 60.0
"""So long an answer that does not change counts."""
WIDTH = 16


class SharedLauncher:
    """Asks for tasks, and reads what is answered; see `outside.Launcher`.

    Args:
        root: the work's folder.
        width: into how many shards a pool is cut; None: as many as are usual.
    """

    poll = 1.0
    waits_for = "activeseed tasks to run where the tasks can be begun"

    def __init__(self, root: Path, width: int | None) -> None:
        self.shards = width or WIDTH
        self._asked = root / "asked"
        self._answer = root / "answer.json"
        self._requests: dict[str, list[str]] = {}
        self._beat: int | None = _read(self._answer).get("beat")
        self._heard = float("-inf")
        (self._asked / "end").unlink(missing_ok=True)

    def launch(self, keys: Sequence[str]) -> list[str]:
        """Ask for one task for each shard; return their names."""
        request = uuid.uuid4().hex
        names = _names(request, keys)
        self._requests[request] = names
        write_json(self._asked / f"{request}.json", list(keys))
        return names

    def living(self) -> Mapping[str, bool] | None:
        """Return which tasks wait (False) or run (True), by name; None while nobody answers.

        Raises:
            InputError: the tasks were refused.
        """
        answer = _read(self._answer)
        if not answer:  # not there yet, or being replaced
            return None
        if answer["beat"] != self._beat:
            self._beat, self._heard = answer["beat"], time.monotonic()
        if time.monotonic() - self._heard > SILENT_SECONDS:
            return None
        if answer["refused"]:
            raise InputError(answer["refused"])
        living = {
            name: False
            for request, names in self._requests.items()
            if request not in answer["taken"]
            for name in names
        }
        living.update(answer["living"])
        return living

    def last_words(self, task: str) -> str:
        """Return "": the logs have other names."""
        del task
        return ""

    def end(self) -> None:
        """Ask that all tasks end."""
        for request in self._requests:
            (self._asked / f"{request}.json").unlink(missing_ok=True)
        if self._requests:
            write_bytes(self._asked / "end", b"")
        self._requests.clear()


class Server:
    """Begins the tasks that are asked for in the works below a folder, and answers.

    Args:
        works: the folder of the works' folders; it need not be there yet.
        make_launcher: returns what begins the tasks of a work.
    """

    def __init__(self, works: Path, make_launcher: Callable[[Folder], Launcher]) -> None:
        self._works = works
        self._make_launcher = make_launcher
        self._served: dict[Path, _Served] = {}

    def look(self) -> dict[str, int]:
        """Begin what is asked for, end what is not wanted any more, and answer.

        Returns:
            How many tasks "wait" and how many "run".
        """
        for path in sorted(self._works.glob("*/asked")):
            root = path.parent
            if root not in self._served and any(path.glob("[!.]*.json")):
                self._served[root] = _Served(root, self._make_launcher(Folder(root)))
                self._served[root].launcher.end()  # what a server that was killed left
        counts = {"wait": 0, "run": 0}
        for root, served in list(self._served.items()):
            if not root.is_dir() or (root / "asked" / "end").exists():
                served.launcher.end()
                del self._served[root]
                with suppress(OSError):
                    (root / "asked" / "end").unlink()
                continue
            for runs in served.look().values():
                counts["run" if runs else "wait"] += 1
        return counts

    def close(self) -> None:
        """End all tasks."""
        for served in self._served.values():
            served.launcher.end()
        self._served.clear()


class _Served:
    """One work that tasks are begun for."""

    def __init__(self, root: Path, launcher: Launcher) -> None:
        self.launcher = launcher
        self._root = root
        self._names: dict[str, str] = {}
        self._taken: list[str] = []
        self._refused = ""

    def look(self) -> Mapping[str, bool]:
        for path in sorted((self._root / "asked").glob("[!.]*.json")):
            if path.stem not in self._taken and not self._refused:
                self._take(path)
        living = self.launcher.living()
        if living is None:
            return {}
        known = {self._names[name]: runs for name, runs in living.items() if name in self._names}
        answer = {"taken": self._taken, "living": known, "refused": self._refused}
        with suppress(OSError):  # the work may just be over, and its folder gone
            if self._root.is_dir():
                write_json(self._root / "answer.json", {"beat": time.time_ns(), **answer})
        return known

    def _take(self, path: Path) -> None:
        try:
            keys: list[str] = json.loads(path.read_text(encoding="utf-8"))
        except OSError:  # asked for no more
            return
        try:
            names = self.launcher.launch(keys)
        except InputError as error:
            self._refused = str(error)
            return
        self._names |= dict(zip(names, _names(path.stem, keys), strict=True))
        self._taken.append(path.stem)


def _names(request: str, keys: Sequence[str]) -> list[str]:
    return [f"{request}.{number}" for number, _ in enumerate(keys)]


def _read(path: Path) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return answer
