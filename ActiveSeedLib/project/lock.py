"""Who may write to a project: one session at a time, which its own worker may join.

The owner of a session holds an operating-system lock on `lock/writer.lock`; a process that was
given the session's token joins it and holds a lock on a file of its own. The system drops both the
moment their process ends, however it ends. Facts about the holder lie beside each lock, because a
locked file cannot be read everywhere; they hold only a hash of the token, so that nobody joins by
reading them.
"""

import contextlib
import hashlib
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import DiskError, InputError, ProjectLockedError
from ActiveSeedLib.files import write_json

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


OWNER_PATIENCE = 0.5  # s; for an owner that is just closing, or writing its facts
JOINER_PATIENCE = 3.0  # s; for the worker of a killed front end, which notices that and ends
_POLL = 0.02


class _FileLock:
    """An exclusive lock on one file, with the holder's facts in a JSON file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts_path = path.with_suffix(".json")
        self._handle: int | None = None

    def try_acquire(self, *, create: bool = True) -> bool:
        """Take the lock if nobody has it. Raises OSError where the system has no locks."""
        try:
            handle = os.open(self.path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InputError(f"{self.path} cannot be written to: {error.strerror}.") from error
        try:
            _try_lock(handle)
        except (BlockingIOError, PermissionError):
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self, *, delete: bool = False) -> None:
        """Give the lock back and remove its facts; `delete` removes the lock file as well."""
        if self._handle is None:
            return
        with contextlib.suppress(OSError):
            self.facts_path.unlink()
        if delete and os.name != "nt":  # while still locked, so that nobody locks a removed file
            self.path.unlink(missing_ok=True)
        os.close(self._handle)
        self._handle = None
        if delete and os.name == "nt":
            with contextlib.suppress(OSError):
                self.path.unlink()

    def facts(self) -> dict[str, Any]:
        """Return what the holder wrote about itself; empty if nothing is (yet) there."""
        try:
            facts = json.loads(self.facts_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}


class WriterLock:
    """The right to write, held until `release` or the end of the process.

    Attributes:
        session: the token that a process started from here passes to join.
        joined: whether this is a place in another process's session.
        note: a sentence if the file system has no locks, else None.
    """

    def __init__(self, root: Path, session: str | None = None) -> None:
        """Take the lock of the project in `root`, or join the `session` that holds it.

        Raises:
            ProjectLockedError: another session is writing; the sentence says who and what to do.
            InputError: `root` is not there, or cannot be written to.
        """
        self.session = session or secrets.token_hex(16)
        self.joined = False
        self.note: str | None = None
        self._root = root
        self._folder = root / "lock"
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"{root} cannot be written to: {error.strerror}.") from error
        self._digest = hashlib.sha256(self.session.encode()).hexdigest()
        self._lock = _FileLock(self._folder / "writer.lock")
        try:
            self._acquire(may_join=session is not None)
        except DiskError:
            self._lock.release()
            raise
        except OSError as error:
            self.note = (
                f"The file system of {root} has no locks ({error.strerror}): make sure yourself "
                "that only one person writes to this project at a time."
            )

    def release(self) -> None:
        """Let others write."""
        self._lock.release(delete=self.joined)

    def has_company(self) -> bool:
        """Return whether another process has joined this session."""
        return any(True for _ in self._joiners())

    def _acquire(self, *, may_join: bool) -> None:
        deadline = time.monotonic() + OWNER_PATIENCE
        while not self._lock.try_acquire():
            facts = self._lock.facts()
            if may_join and facts.get("session") == self._digest:
                if self._join():
                    return
            elif time.monotonic() > deadline:
                raise ProjectLockedError(self._sentence(facts))
            time.sleep(_POLL)
        self._wait_for_strangers()
        self._write_facts(self._lock)

    def _join(self) -> bool:
        """Hold a lock file of our own; False if the owner ended meanwhile, so look again."""
        own = _FileLock(self._folder / f"joined-{os.getpid()}-{secrets.token_hex(4)}.lock")
        if not own.try_acquire():  # a new owner is looking at the file at this very moment
            return False
        self._write_facts(own)
        owner = self._lock
        if owner.try_acquire():
            owner.release()
            own.release(delete=True)
            return False
        if not own.path.exists() or owner.facts().get("session") != self._digest:
            own.release(delete=True)
            return False
        self._lock, self.joined = own, True
        return True

    def _wait_for_strangers(self) -> None:
        """Wait until the workers of an earlier, killed front end have ended."""
        deadline = time.monotonic() + JOINER_PATIENCE
        while strangers := [f for f in self._joiners() if f.get("session") != self._digest]:
            if time.monotonic() > deadline:
                self._lock.release()
                raise ProjectLockedError(self._sentence(strangers[0]))
            time.sleep(_POLL)

    def _joiners(self) -> Iterator[dict[str, Any]]:
        """Yield the facts of each process that has joined; what dead ones left is removed."""
        for path in sorted(self._folder.glob("joined-*.lock")):
            if path == self._lock.path:
                continue
            lock = _FileLock(path)
            if lock.try_acquire(create=False):
                lock.release(delete=True)
            elif path.exists():
                yield lock.facts()

    def _write_facts(self, lock: _FileLock) -> None:
        write_json(
            lock.facts_path,
            {
                "host": socket.gethostname(),
                "process": os.getpid(),
                "since": time.strftime("%Y-%m-%d %H:%M:%S"),
                "session": self._digest,
            },
        )

    def _sentence(self, facts: dict[str, Any]) -> str:
        where = f" on {facts['host']}" if "host" in facts else ""
        who = f"process {facts['process']}{where}" if "process" in facts else "another process"
        since = f" since {facts['since']}" if "since" in facts else ""
        return (
            f"The project {self._root} is being written to by {who}{since}: close it there, or "
            "wait until its work is done, and try again."
        )
