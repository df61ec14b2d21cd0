"""The viewer as a whole: one project, one worker, one open case, and what the parts share."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ActiveSeedLib.app import queue as queues
from ActiveSeedLib.app.history import round_finished
from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.step_runner import StepRunner
from ActiveSeedLib.app.steps import Step, map_steps, retrain_steps, suggest_steps
from ActiveSeedLib.errors import ActiveSeedError, UnreadableImageError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.scene.desk import Desk
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.viewer.front import DeskFront, Stage
from ActiveSeedLib.viewer.notice import Action, Notice
from ActiveSeedLib.worker.background import BackgroundWorker

DRAFT_SECONDS = 30.0
BUSY = "Something is running already: wait for its end, or cancel it."
Finished = Callable[[], None]


class Viewer:
    """What a browser shows of one project; no trame here.

    Everything runs in the event loop's thread, but for reading images.

    Args:
        session: the open project; closed by `close`.
        scene: the vtkMRMLScene.
        worker: does the jobs.
        stage: where cases are shown.

    Attributes:
        session: the project.
        choices: strategy, budget, seed and so on.
        runner: what runs in the background.
        desk: the open case.
        notice: what is said to the user.
        opening: name of the case whose image is being read; empty when none is.
        cases_changed: statuses, the queue or the models may have changed.
        case_changed: another case is open, or none, or there is news of the open one.
        job_changed: emitted with the `JobState` of the job, and with None when nothing runs any
            more.
    """

    def __init__(
        self, session: Session, scene: Any, worker: BackgroundWorker, stage: Stage
    ) -> None:
        self.session: Session = session
        self.scene = scene
        self.choices = session.choices()
        self.worker = worker
        self.runner = StepRunner(worker)
        self.notice = Notice()
        self.guarded = self.notice.guarded
        self.cases_changed, self.case_changed, self.job_changed = Signal(), Signal(), Signal()
        self.opening = ""
        self._said = 0  # the message that is about the open case
        self._telling = self._closed = False
        self._finished: Finished | None = None
        self._visited = queues.Visited()
        self._unreadable: set[str] = set()  # cases whose image could not be read just now
        self._tasks: set[asyncio.Task[Any]] = set()
        self.desk = Desk(DeskFront(self, stage), draft_seconds=DRAFT_SECONDS)
        self.desk.opened_changed.connect(self._on_opened)
        self.desk.changed.connect(self.case_changed.emit)
        self.runner.changed.connect(self.job_changed.emit)
        self.runner.advanced.connect(self.tell_cases)
        self.runner.ended.connect(self._on_job_ended)

    # -- coming and going -------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to keep drafts, and to open the case that was open at last."""
        self._spawn(self._keep_drafts())
        if self.session.notes:
            self.notice.show("\n".join(self.session.notes), "warning")
        key = self.session.remembered_case()
        if key is not None:
            with suppress(ActiveSeedError):  # it may be gone by now
                self.session.row(key)
                self._spawn(self.open(key))
        self.tell_cases()

    def close(self) -> None:
        """Keep a draft of the open case, end what runs, and let go of the project."""
        for task in self._tasks:
            task.cancel()
        self.desk.leave(force=True)
        self.runner.forget()
        self.worker.close()
        self.session.close()
        self._closed = True

    async def _keep_drafts(self) -> None:
        while True:
            wait = DRAFT_SECONDS  # should looking fail, drafts are still kept later on
            with self.guarded():
                wait = self.desk.drafts.poll()
            await asyncio.sleep(wait)

    def later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """Call `act` in a later turn of the event loop, unless the project is closed by then."""

        def call() -> None:
            if not self._closed:
                act()

        return asyncio.get_running_loop().call_later(seconds, call)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let `work` go on by itself."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what is said to the user -----------------------------------------------------------------

    def say(self, text: str, actions: Sequence[Action] = ()) -> None:
        """Say something about the open case; it goes with the case."""
        self.notice.show(text, "warning", actions)
        self._said = self.notice.number

    def unsay(self) -> None:
        """Put away what was said about the open case."""
        if self.notice.number == self._said:
            self.notice.clear()

    def tell_cases(self) -> None:
        """Tell the parts, once in this turn of the event loop, that the cases may have changed."""
        if not self._telling:
            self._telling = True
            self.later(0, self._tell_cases)

    def _tell_cases(self) -> None:
        self._telling = False
        with self.guarded():
            self.cases_changed.emit()

    # -- the open case ----------------------------------------------------------------------------

    async def open(self, key: str) -> bool:
        """Open a case, or a slice of it, in place of the present one; return whether it is open.

        While one is being opened, another wish is passed over. One that is put aside meanwhile is
        not opened; if none is open then, the next one is.
        """
        case, _ = split_key(key)
        if self.opening or case == self.desk.key:
            if case == self.desk.key:
                self.desk.open(key)
            return case == self.desk.key
        try:
            with self.guarded():
                self._tell_opening(self.session.row(case).name)
                image = await self._read(case)
                if not self._closed:
                    self.desk.open(key, image)
        finally:
            self._tell_opening("")
        if self.session.is_turned_away(case) and self.desk.key is None and not self._closed:
            await self.open_next()
        return self.desk.key == case

    async def _read(self, key: str) -> Image:
        """Read the image of a case, and remember whether that was possible."""
        self._unreadable.discard(key)
        try:
            return await asyncio.to_thread(self.session.reading(key))
        except UnreadableImageError:
            self._unreadable.add(key)
            raise

    async def open_next(self) -> None:
        """Open the next case of the queue, or say what to do when there is none.

        A case whose image cannot be read is told of and passed over.
        """
        after, told = self.desk.key, set[str]()
        with self.guarded():
            while (key := self.session.next_case(after)) not in {None, self.desk.key, *told}:
                assert key is not None
                if await self.open(key) or key not in self._unreadable:
                    return
                told.add(key)
                after = key
            if not told:
                self._say_the_end()

    async def open_previous(self) -> None:
        """Open the case that was open before the present one; cases that cannot be are left out."""
        if self.opening:
            return
        with self._visited.going_back():
            while (key := self._visited.pop()) is not None:
                if await self.open(key) or self.session.is_turned_away(key):
                    return

    @property
    def can_go_back(self) -> bool:
        """Whether a case was open before the present one."""
        return bool(self._visited)

    def save(self) -> None:
        """Save the label map of the open case."""
        self.desk.save()

    def save_and_next(self) -> None:
        """Save, and open the next case once this one counts as done."""
        self.desk.save(self._spawn_next)

    def close_case(self) -> None:
        """Close the case; what was not saved is kept as a draft."""
        with self.guarded():
            self.desk.leave()
            self.session.remember_open_case(None)

    def start_over(self) -> None:
        """Give up the draft for what the work would have begun with otherwise."""
        with self.guarded():
            self.desk.start_over()

    def take_prediction(self) -> None:
        """Go on with what the latest model makes of the case."""
        with self.guarded():
            self.desk.take_prediction()
            self.desk.jump_to_uncertain()

    def jump_to_uncertain(self) -> None:
        """Go to the slice that the model is least sure about."""
        with self.guarded():
            self.desk.jump_to_uncertain()

    def next_slice(self) -> None:
        """Go to the next slice that is to be labelled."""
        with self.guarded():
            self.desk.next_slice()

    async def toggle_uncertainty(self) -> None:
        """Show the uncertainty over the image, or hide it."""
        opened = self.desk.opened
        if opened is None or opened.uncertainty is None:
            return
        with self.guarded():
            image, known = None, opened.uncertainty
            if not self.desk.is_uncertainty_shown and opened.case.uncertainty is None:
                image = await asyncio.to_thread(read_file, known.path)
            # Else another case was opened, or another model's prediction taken, meanwhile.
            if self.desk.opened is opened and opened.uncertainty is known:
                self.desk.show_uncertainty(not self.desk.is_uncertainty_shown, image)

    def _spawn_next(self) -> None:
        self._spawn(self.open_next())

    def _tell_opening(self, name: str) -> None:
        self.opening = name
        if not self._closed:
            self.case_changed.emit()

    def _on_opened(self, key: str | None, before: str | None) -> None:
        if before is not None:
            self._visited.left(before)
        if key is not None and self.notice.kind == "info":  # "3 cases are suggested" is past
            self.notice.clear()
        if key is not None:
            self.session.remember_open_case(key)
        self.case_changed.emit()
        self.tell_cases()

    def _say_the_end(self) -> None:
        words, suggest = queues.the_end(self.session, self.desk.key)
        self.notice.show(words, actions=[("Suggest", self.suggest)] if suggest else [])

    # -- the queue --------------------------------------------------------------------------------

    def suggest(self, budget: int | None = None) -> None:
        """Let the worker choose the next cases."""
        if budget is not None:
            self.change_choices(budget=budget)
        with self.guarded():
            steps = suggest_steps(self.session, self.choices)
            self.run(steps, "Suggesting cases", self._suggested)

    def change_choices(self, **values: Any) -> None:
        """Take over what the user chose, and keep it with the project."""
        self.choices = replace(self.choices, **values)
        with self.guarded():
            self.session.keep_choices(self.choices)

    async def put_aside(self, key: str, what: str) -> None:
        """Skip or exclude a case (`what`: "skip", "exclude"); the open one makes room for the next.

        What was drawn on it and not saved is kept as a draft.
        """
        was_open = key == self.desk.key
        with self.guarded():
            if not getattr(queues.can_do(self.session.row(key)), what):
                return  # a late click: it is labelled by now, or kept for testing
            if was_open:
                self.desk.leave()
            set_aside = {"skip": self.session.skip, "exclude": self.session.exclude}[what]
            set_aside(key)
            self.tell_cases()
            if was_open:
                await self.open_next()

    def bring_back(self, key: str) -> None:
        """Put a skipped or excluded case back to where it was."""
        with self.guarded():
            self.session.bring_back(key)
            self.tell_cases()

    def queue_by_hand(self, key: str) -> None:
        """Put a case at the end of the queue."""
        with self.guarded():
            if queues.can_do(self.session.row(key)).queue:
                self.session.queue_by_hand(key)
            self.tell_cases()

    def _suggested(self) -> None:
        words = queues.suggested_words(self.session)
        if words:
            self.notice.show(words, actions=[("Open the first", self._spawn_next)])

    # -- training and the map ---------------------------------------------------------------------

    def retrain(self) -> None:
        """Train, or go on with a training that was stopped; then predict and suggest."""
        with self.guarded():
            self.run(retrain_steps(self.session, self.choices), "Retraining", self._retrained)

    def start_anew(self) -> None:
        """Give up the training that was stopped, and train from the beginning."""
        if self.is_busy:
            return
        with self.guarded():
            unfinished = self.session.project.unfinished_model()
            if unfinished is not None:
                self.session.project.abandon_model(unfinished.id)
                self.tell_cases()
            self.retrain()

    def remake_map(self) -> None:
        """Encode what is new and map the pool."""
        with self.guarded():
            self.run(map_steps(self.session, self.choices), "Making the map")

    def _retrained(self) -> None:
        self.notice.show(round_finished(self.session.project, self.runner.results))

    # -- what runs in the background --------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self.runner.state is not None

    def run(self, steps: Sequence[Step], title: str, finished: Finished | None = None) -> bool:
        """Let the worker do `steps` one after another; return whether it began.

        Args:
            steps: jobs with their parameters.
            title: what the whole is, in words.
            finished: called at the end if every step was done.
        """
        if self.is_busy:
            self.notice.show(BUSY, "warning")
            return False
        self.notice.clear()
        self._finished = finished
        self.runner.run(steps, title)
        return self.is_busy

    def cancel(self) -> None:
        """Ask the worker to stop."""
        self.runner.cancel()

    def stop_now(self) -> None:
        """End the worker by force; its jobs count as cancelled."""
        self.worker.stop_now()

    def _on_job_ended(self, error: Exception | None) -> None:
        finished, self._finished = self._finished, None
        self.job_changed.emit(None)
        self.tell_cases()
        with self.guarded():
            if error is not None:
                raise error
            if finished is not None:
                finished()
