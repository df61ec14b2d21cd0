"""The queue: which cases wait for a label map, why, and what has become of the others."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ActiveSeedLib.app import queue
from ActiveSeedLib.app.queue import TO_LABEL, Line
from ActiveSeedLib.app.steps import suggest_steps
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.panel.case_table import CaseTable
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.shortcuts import Shortcuts
from ActiveSeedLib.panel.slices import Slices

if TYPE_CHECKING:
    from ActiveSeedLib.app.session import CaseRow
    from ActiveSeedLib.worker.stream import JobState


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
        self._filtered = False
        self._visited = queue.Visited()
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
        self._visited.clear()
        self.ui.searchEdit.setText("")
        self.ui.filterComboBox.setCurrentIndex(TO_LABEL)
        self.ui.budgetSpinBox.setValue(self.panel.choices.budget)
        session = self.panel.session
        slices = session is not None and session.noun == "slices"
        self.ui.budgetSpinBox.setSuffix(" more slices" if slices else " more")
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
        if before is not None:
            self._visited.left(before)
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
        words, suggest = queue.the_end(session, self.panel.label.key)
        self.panel.notice(words, actions=[("Suggest", self.suggest)] if suggest else [])

    def open_previous(self) -> None:
        """Open the case that was open before the present one."""
        with self._visited.going_back():
            while (key := self._visited.pop()) is not None and not self.open(key):
                pass

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
        search = str(self.ui.searchEdit.text)
        lines: list[Line] = []
        for line in queue.each_line(self._rows, which, search, self.panel.label.key):
            if line is not None:
                lines.append(line)
            yield
        self.table.show(lines)
        # With a case open, the mouse is on the buttons below, which may not move from under it.
        self.table.fit(shrink=self._filtered or self.panel.label.key is None)
        self._filtered = False
        alone = self.table.key is None and self.panel.label.key is None
        if which == TO_LABEL and lines and alone:
            self.table.select(lines[0].key)  # so that why it was suggested is seen at once
        self._show_empty(queue.nothing_words(which, search))
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
        can = queue.can_do(row)
        self.ui.openButton.setEnabled(can.open)
        self.ui.skipButton.setEnabled(can.skip)
        self.ui.excludeButton.setEnabled(can.exclude)
        self.ui.bringBackButton.setVisible(can.bring_back)
        self.ui.queueButton.setVisible(not can.bring_back)
        self.ui.queueButton.setEnabled(can.queue)
        self.ui.previousButton.setEnabled(bool(self._visited))

    def _thumbnail(self, key: str) -> Any:
        session = self.panel.session
        return session.thumbnail(key) if session is not None else None

    def _words(self, key: str) -> str:
        """Return what there is to say about a case."""
        session, row = self.panel.session, self._by_key.get(key)
        return queue.describe(session, row) if session is not None and row is not None else ""

    # -- slots ------------------------------------------------------------------------------------

    def _on_selected(self, _key: str | None) -> None:
        self._show_details()

    def _on_activated(self, key: str) -> None:
        self.open(key)

    def _on_suggest(self, *_args: Any) -> None:
        self.suggest()

    def _on_filter(self, *_args: Any) -> None:
        self._filtered = True
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
        words = queue.suggested_words(session)
        if words:
            self.panel.notice(words, actions=[("Open the first", self.open_next)])
