"""The queue: which cases wait for a label map, why, and what has become of the others."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ActiveSeedLib.app.session import CaseRow
from ActiveSeedLib.app.steps import suggest_steps
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.panel.case_table import CaseTable, Line
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.shortcuts import Shortcuts
from ActiveSeedLib.panel.slices import Slices
from ActiveSeedLib.project import Status

if TYPE_CHECKING:
    from ActiveSeedLib.worker.stream import JobState

TO_LABEL, LABELLED, SET_ASIDE, TEST, ALL = range(5)
FILTERS: dict[int, Callable[[CaseRow], bool]] = {
    TO_LABEL: lambda row: row.queued,
    LABELLED: lambda row: row.labelled,
    SET_ASIDE: lambda row: row.status in (Status.SKIPPED, Status.EXCLUDED),
    TEST: lambda row: row.status == Status.TEST,
    ALL: lambda _row: True,
}
NOTHING = {
    TO_LABEL: "The queue is empty.",
    LABELLED: "No case is labelled yet.",
    SET_ASIDE: "No case was skipped or excluded.",
    TEST: "No case is kept for testing.",
    ALL: "The project has no cases.",
}


class QueueSection(Section):
    """Suggests cases, shows them in a table, and opens, skips, excludes or brings them back."""

    NAME = "Queue"

    def build(self) -> None:
        """Connect the widgets."""
        ui = self.ui
        self._rows: list[CaseRow] = []
        self._by_key: dict[str, CaseRow] = {}
        self._slices = Slices()
        self._stale = False
        self._before: list[str] = []  # the cases that were open, the latest last
        self._going_back = False
        self.table = CaseTable(ui.caseTable, self._thumbnail, self._words)
        self.table.selected.connect(self._on_selected)
        self.table.activated.connect(self._on_activated)
        ui.suggestButton.clicked.connect(self._on_suggest)
        ui.filterComboBox.activated.connect(self._on_filter)
        ui.searchEdit.textChanged.connect(self._on_filter)
        ui.nextButton.clicked.connect(self._on_next)
        ui.previousButton.clicked.connect(self._on_previous)
        ui.openButton.clicked.connect(self._on_open)
        ui.skipButton.clicked.connect(self._on_skip)
        ui.excludeButton.clicked.connect(self._on_exclude)
        ui.bringBackButton.clicked.connect(self._on_bring_back)
        ui.queueButton.clicked.connect(self._on_queue)
        self._shortcuts = Shortcuts(
            self.widget, {"Ctrl+Return": self._on_next, "Ctrl+Enter": self._on_next}
        )

    @property
    def is_idle(self) -> bool:
        """Whether the table shows what it should."""
        return self._slices.is_idle and self.table.is_idle

    # -- what the panel tells ---------------------------------------------------------------------

    def show_project(self) -> None:
        """Show the queue of another project."""
        self._before = []
        self.ui.searchEdit.setText("")
        self.ui.filterComboBox.setCurrentIndex(TO_LABEL)
        self.ui.budgetSpinBox.setValue(self.panel.choices.budget)
        self.widget.setVisible(self.panel.session is not None)
        self.ui.nextButton.setEnabled(self.panel.session is not None)
        self.show_cases()

    def show_cases(self) -> None:
        """Read the cases anew, as soon as the events that wait are through."""
        self._stale = True
        self._show_soon()

    def show_job(self, state: "JobState | None") -> None:
        """Nothing can be suggested while something runs."""
        self.ui.suggestButton.setEnabled(state is None and self.panel.session is not None)

    def enter(self) -> None:
        """Take the keys."""
        self._shortcuts.enable()

    def exit(self) -> None:
        """Give the keys back."""
        self._shortcuts.disable()

    def close(self) -> None:
        """Let go."""
        self._slices.stop()
        self.table.close()
        self._shortcuts.close()

    def case_opened(self, key: str | None, before: str | None) -> None:
        """Mark the case that was opened (None: none is), and remember the one before."""
        if before is not None and not self._going_back:
            self._before.append(before)
        self._show_soon()
        if key is not None:
            self.table.select(key)

    # -- what the user does -----------------------------------------------------------------------

    def suggest(self) -> None:
        """Let the worker choose the next cases."""
        session = self.panel.session
        if session is None:
            return
        choices = replace(self.panel.choices, budget=int(self.ui.budgetSpinBox.value))
        self.panel.keep_choices(choices)
        with self.panel.guarded():
            self.panel.run(suggest_steps(session, choices), "Suggesting cases", self._suggested)

    def open(self, key: str) -> bool:
        """Open a case and return whether it is; what is wrong is said on top of the panel."""
        with self.panel.guarded():
            self.panel.label.open(key)
        return self.panel.label.key == key

    def open_next(self) -> None:
        """Open the next case of the queue, or say what to do when there is none."""
        session = self.panel.session
        if session is None:
            return
        with self.panel.guarded():
            key = session.next_case(self.panel.label.key)
            if key is not None and key != self.panel.label.key:
                self.panel.label.open(key)
            else:
                self.say_the_end()

    def say_the_end(self) -> None:
        """Say that the queue is at its end, and what to do next."""
        session = self.panel.session
        if session is None:
            return
        step = session.what_next()
        actions = [("Suggest", self.suggest)] if step.action == "suggest" else []
        opened = self.panel.label.key
        waits = opened is not None and session.row(opened).queued
        first = "No other case waits in the queue." if waits else "The queue is empty."
        self.panel.notice(f"{first} {step.sentence}", actions=actions)

    def open_previous(self) -> None:
        """Open the case that was open before the present one."""
        self._going_back = True
        try:
            while self._before and not self.open(self._before.pop()):
                pass
        finally:
            self._going_back = False

    # -- the table --------------------------------------------------------------------------------

    def _show_soon(self) -> None:
        self._slices.start(self._show())

    def _show(self) -> Iterator[None]:
        """Read the cases if they may have changed, and show those that are wanted."""
        session = self.panel.session
        if session is None:
            self._rows = []
        elif self._stale:
            with self.panel.guarded():
                self._rows = session.rows()
            self._stale = False
            yield
        self._by_key = {row.key: row for row in self._rows}
        which = int(self.ui.filterComboBox.currentIndex)
        search = str(self.ui.searchEdit.text).strip().casefold()
        wanted = FILTERS.get(which, FILTERS[ALL])
        opened = self.panel.label.key
        lines, order = [], 0
        for row in self._rows:
            order += row.queued
            if wanted(row) and (not search or search in row.name.casefold()):
                lines.append(_line(row, order, row.key == opened))
            yield
        self.table.show(lines)
        if which == TO_LABEL and lines and self.table.key is None:
            self.table.select(lines[0].key)  # so that why it was suggested is seen at once
        self._show_empty(NOTHING[which] if not search else f"No name holds {search!r}.")
        self._show_details()

    def _show_empty(self, words: str) -> None:
        self.ui.emptyLabel.setVisible(not self.table.lines)
        self.ui.emptyLabel.setText(words)

    def _show_details(self) -> None:
        key = self.table.key
        row = self._by_key.get(key) if key is not None else None
        self.ui.detailsLabel.setText(self._words(key) if row is not None and key else "")
        # What is said of the open case stands below, where it is labelled.
        self.ui.detailsLabel.setVisible(row is not None and key != self.panel.label.key)
        usable = row is not None and row.usable
        status = row.status if row is not None else None
        aside = status in (Status.SKIPPED, Status.EXCLUDED)
        self.ui.openButton.setEnabled(usable)
        self.ui.skipButton.setEnabled(
            status in (Status.UNLABELLED, Status.SUGGESTED, Status.IN_PROGRESS)
        )
        self.ui.excludeButton.setEnabled(
            status not in (None, Status.TEST, Status.LABELLED, Status.EXCLUDED)
        )
        self.ui.bringBackButton.setVisible(aside)
        self.ui.queueButton.setVisible(not aside)
        self.ui.queueButton.setEnabled(status == Status.UNLABELLED and usable)
        self.ui.previousButton.setEnabled(bool(self._before))

    def _thumbnail(self, key: str) -> Any:
        session = self.panel.session
        return session.thumbnail(key) if session is not None else None

    def _words(self, key: str) -> str:
        """Return what there is to say about a case: its name, why it was chosen, what is odd."""
        session, row = self.panel.session, self._by_key.get(key)
        if session is None or row is None:
            return ""
        said = [row.name, session.reason(key), row.problem, row.note]
        if not row.available and row.problem is None:
            said.append("Its file was not found when the images folder was last looked through.")
        return "\n".join(words for words in said if words)

    # -- slots ------------------------------------------------------------------------------------

    def _on_selected(self, _key: str | None) -> None:
        self._show_details()

    def _on_activated(self, key: str) -> None:
        self.open(key)

    def _on_suggest(self, *_args: Any) -> None:
        self.suggest()

    def _on_filter(self, *_args: Any) -> None:
        self._show_soon()

    def _on_next(self, *_args: Any) -> None:
        self.open_next()

    def _on_previous(self, *_args: Any) -> None:
        self.open_previous()

    def _on_open(self, *_args: Any) -> None:
        if self.table.key is not None:
            self.open(self.table.key)

    def _on_skip(self, *_args: Any) -> None:
        self._put_aside("skip")

    def _on_exclude(self, *_args: Any) -> None:
        self._put_aside("exclude")

    def _on_bring_back(self, *_args: Any) -> None:
        self._change("bring_back")

    def _on_queue(self, *_args: Any) -> None:
        self._change("queue_by_hand")

    def _put_aside(self, what: str) -> None:
        """Skip or exclude the selected case; if it was the open one, the next is opened."""
        was_open = self.table.key is not None and self.table.key == self.panel.label.key
        if was_open:
            with self.panel.guarded():
                self.panel.label.leave()
        if self._change(what) and was_open:
            self.open_next()

    def _change(self, what: str) -> bool:
        """Change the status of the selected case by the session's method `what`."""
        session, key = self.panel.session, self.table.key
        if session is None or key is None:
            return False
        try:
            getattr(session, what)(key)
        except ActiveSeedError as error:
            self.panel.notice(str(error), "error")
            return False
        self.panel.cases_changed()
        return True

    def _suggested(self, done: bool) -> None:
        """Show what the worker has chosen."""
        session = self.panel.session
        if not done or session is None:
            return
        self.ui.filterComboBox.setCurrentIndex(TO_LABEL)
        self._show_soon()
        waiting = sum(session.counts().get(str(s), 0) for s in (Status.SUGGESTED,))
        if waiting:
            self.panel.notice(
                f"{waiting} cases are suggested." if waiting > 1 else "One case is suggested.",
                actions=[("Open the first", self.open_next)],
            )


def status_words(row: CaseRow) -> str:
    """Return where a case stands, in a word or two."""
    if row.problem is not None:
        return "unusable"
    if not row.available:
        return "file missing"
    if row.status == Status.TEST:
        return "test, labelled" if row.labelled else "test"
    return str(row.status).replace("_", " ")


def _line(row: CaseRow, order: int, is_open: bool) -> Line:
    minutes = f"{row.seconds / 60:.1f}" if row.seconds else ""
    title = f"{order}. {row.name}" if row.queued else row.name
    return Line(row.key, title, status_words(row), minutes, is_open)
