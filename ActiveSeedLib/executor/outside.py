"""Shards given to tasks outside this process, and watched by the files that they write."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.executor.shards import Folder, Images, Shard, cut
from ActiveSeedLib.executor.work import Item, Outcome, Work
from ActiveSeedLib.progress import Progress

LOOK_SECONDS = 0.5
"""Between two looks for new outcomes, at least."""
LOOKING_SHARE = 0.1
"""Of the time, at most, that goes into looking: large folders on shared storage list slowly."""
HOPELESS = 3
"""Shards given up, with nothing done by any other, from which on nothing more is tried."""
SETTLE_SECONDS = 2.0
"""How long a task must have been gone before what it left undone is given to another one: shared
storage may show a file a little later than the machine that wrote it."""


class Launcher(Protocol):
    """What begins tasks and knows which of them still live.

    Attributes:
        shards: into how many shards a pool is best cut.
        poll: seconds between two questions for the tasks that live.
        waits_for: what tasks that do not run yet wait for, in words.
    """

    shards: int
    poll: float
    waits_for: str

    def launch(self, keys: Sequence[str]) -> list[str]:
        """Begin one task for each shard; return their names. `InputError` if that is refused."""

    def living(self) -> Mapping[str, bool] | None:
        """Return which tasks wait (False) or run (True), by name; None if nobody can tell now."""

    def last_words(self, task: str) -> str:
        """Return the last line that a task wrote to its log; "" if there is none."""

    def end(self) -> None:
        """End all tasks."""


class Outside:
    """One work, given to the tasks of a launcher.

    A shard whose task ends early (killed, out of time, its node gone) is given to another one, from
    the first undone case on. If nothing was done `retries` times running, its cases are tried one
    by one, and a case that ends its task even so is left out; if no task at all does anything, that
    is an error.

    Args:
        folder: the files of the work; on storage that the tasks see.
        launcher: what begins the tasks.
        retries: see `ExecutorSettings`.
        images: returns where the images of a shard's cases are.
    """

    def __init__(
        self,
        folder: Folder,
        launcher: Launcher,
        retries: int,
        images: Callable[[tuple[Item, ...]], Images],
    ) -> None:
        self._folder = folder
        self._launcher = launcher
        self._retries = retries
        self._images = images
        self._left: dict[str, Item] = {}
        self._tasks: dict[str, Shard] = {}
        self._gone: dict[str, float] = {}
        self._running = 0
        self._looked = 0.0
        self._asked = float("-inf")
        self._any_done = False
        self._exhausted = 0

    def run(self, work: Work, items: Sequence[Item], progress: Progress) -> Iterator[Outcome]:
        """Yield what comes of each item, as it comes; see `Work.do`.

        Raises:
            ActiveSeedError: no task gets anything done, or the work is refused.
            CancelledError: through `progress`; the tasks are ended, what is done is kept.
        """
        self._left = {item.key: item for item in items}
        self._folder.remove_old_neighbours()
        self._folder.write_work(work)
        total = len(items)
        try:
            self._give(cut(list(self._left.values()), self._launcher.shards), progress)
            while self._left:
                yield from self._new_outcomes()
                yield from self._look_after_tasks(progress)
                done = total - len(self._left)
                progress.update(done / total, self._step(work, done, total))
                self._rest(progress)
        finally:
            self._launcher.end()

    def _step(self, work: Work, done: int, total: int) -> str:
        if not self._running and self._left:
            return f"{work.doing}: waiting for {self._launcher.waits_for}, {done} of {total}"
        return f"{work.doing} case {min(done + 1, total)} of {total}"

    def _rest(self, progress: Progress) -> None:
        until = time.monotonic() + max(LOOK_SECONDS, self._looked / LOOKING_SHARE)
        while self._left and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
            progress.check()

    def _new_outcomes(self) -> Iterator[Outcome]:
        started = time.monotonic()
        found = self._folder.new_outcomes(self._left.keys())
        self._looked = time.monotonic() - started
        for key, outcome in found:
            del self._left[key]
            self._any_done = True
            yield outcome

    def _give(self, shards: Sequence[Shard], progress: Progress) -> None:
        """Give shards to new tasks."""
        if not shards:
            return
        progress.check()
        for shard in shards:
            self._folder.write_shard(shard, self._images(shard.items))
        names = self._launcher.launch([shard.key for shard in shards])
        self._tasks |= dict(zip(names, shards, strict=True))
        self._asked = float("-inf")

    def _look_after_tasks(self, progress: Progress) -> Iterator[Outcome]:
        """Give the undone cases of tasks that ended to others, or yield why they are left out."""
        if time.monotonic() - self._asked < self._launcher.poll:
            return
        living = self._launcher.living()
        self._asked = time.monotonic()
        if living is None:
            self._running = 0
            return
        self._running = sum(living.get(name, False) for name in self._tasks)
        over = [name for name in self._tasks if self._is_over(name, living)]
        if not over:
            return
        yield from self._new_outcomes()  # the last ones, written before they ended
        again: list[Shard] = []
        for name in over:
            shard = self._tasks.pop(name)
            left = tuple(item for item in shard.items if item.key in self._left)
            if left:
                more = self._next_try(name, shard, left, progress)
                again += more
                if not more:
                    del self._left[left[0].key]
                    yield self._given_up(name, left[0])
        self._give(again, progress)

    def _is_over(self, name: str, living: Mapping[str, bool]) -> bool:
        if name in living:
            self._gone.pop(name, None)
            return False
        first = self._gone.setdefault(name, time.monotonic())
        return time.monotonic() - first >= min(SETTLE_SECONDS, 2 * self._launcher.poll)

    def _next_try(
        self, name: str, shard: Shard, left: tuple[Item, ...], progress: Progress
    ) -> list[Shard]:
        """Return the shards that the undone cases of an ended task become; none to give up."""
        error = self._folder.error_of(shard)
        if isinstance(error, ActiveSeedError):
            raise error
        why = error or self._launcher.last_words(name) or "it left no word"
        progressed = len(left) < len(shard.items)
        if progressed or shard.tries < self._retries:
            count = "1 case goes" if len(left) == 1 else f"{len(left)} cases go"
            progress.note(f"A task ended early ({why}): {count} to another one.")
            return [replace(shard, items=left, tries=0 if progressed else shard.tries + 1)]
        self._exhausted += 1
        if not self._any_done and (self._exhausted >= HOPELESS or not self._tasks):
            raise ActiveSeedError(
                f"The tasks end before they have done anything ({why}); the logs are in "
                f"{self._folder.logs}."
            )
        if len(left) == 1:
            return []
        progress.note(f"A task ended {shard.tries + 1} times: its cases are tried one by one.")
        return [Shard((item,), self._retries) for item in left]

    def _given_up(self, name: str, item: Item) -> Outcome:
        words = self._launcher.last_words(name)
        last = f" (last word: {words})" if words else ""
        return Outcome(
            item.case.key,
            problem=f"The task that worked on it ended each time{last}; the logs are in "
            f"{self._folder.logs}.",
        )
