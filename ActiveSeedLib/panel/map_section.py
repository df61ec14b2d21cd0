"""The map of the pool: shown in Slicer's plot view, coloured, clicked, exported."""

from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer

from ActiveSeedLib.app.map_points import (
    COLOURINGS,
    HINT,
    LEGEND_GROUPS,
    PointGroup,
    colour_words,
    map_groups,
    map_words,
    write_map_csv,
)
from ActiveSeedLib.app.steps import figure_steps, map_steps
from ActiveSeedLib.panel import export
from ActiveSeedLib.panel.plots import NO_WINDOW
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.panel.slices import Slices
from ActiveSeedLib.scene.map_plot import MapPlot

if TYPE_CHECKING:
    from ActiveSeedLib.app.session import Session
    from ActiveSeedLib.worker.stream import JobState

# Slicer draws a plus where there should be a triangle.
SIGNS = {"circle": "●", "square": "■", "diamond": "◆", "cross": "✕", "triangle": "✚"}


class MapSection(Section):
    """Shows where each case lies among the others; a click on a point opens its case."""

    NAME = "Map"

    def build(self) -> None:
        """Connect the widgets."""
        ui = self.ui
        self._plot: MapPlot | None = None
        self._groups: list[PointGroup] = []
        self._highlighted: str | None = None
        self._wanted = False
        self._drawing = Slices()
        for name, title in COLOURINGS.items():
            ui.colourComboBox.addItem(title, name)
        ui.colourComboBox.activated.connect(self._on_colour)
        ui.showButton.clicked.connect(self._on_show)
        ui.remakeButton.clicked.connect(self._on_remake)
        ui.hideButton.clicked.connect(self._on_hide)
        ui.pictureButton.clicked.connect(self._on_picture)
        ui.figureButton.clicked.connect(self._on_figure)
        ui.csvButton.clicked.connect(self._on_csv)
        self.panel.plots.picked.connect(self._on_picked)
        self._observed = slicer.mrmlScene
        self._observer = self._observed.AddObserver(
            slicer.vtkMRMLScene.EndCloseEvent, self._on_scene_closed
        )

    # -- what the panel tells ---------------------------------------------------------------------

    def show_project(self) -> None:
        """Forget the map of the project before."""
        self._drawing.stop()
        self._remove_plot()
        if self.panel.session is None:
            self.panel.plots.hide()
        self.ui.stateLabel.setText(HINT if self.panel.plots.is_possible else NO_WINDOW)
        self.widget.setVisible(self.panel.session is not None)

    def show_cases(self) -> None:
        """Follow the statuses and the open case, if the map is in sight."""
        self._show_open()
        if self.is_shown:
            self._schedule()

    def show_job(self, state: "JobState | None") -> None:
        """Nothing can be made or drawn while something runs."""
        for button in (self.ui.remakeButton, self.ui.figureButton):
            button.setEnabled(state is None)

    def enter(self) -> None:
        """Follow what happened to the open case meanwhile."""
        self._show_open()

    def close(self) -> None:
        """Let go of the scene."""
        self._drawing.stop()
        self.panel.plots.picked.disconnect(self._on_picked)
        self._remove_plot()
        self._observed.RemoveObserver(self._observer)

    # -- what the user does -----------------------------------------------------------------------

    @property
    def is_shown(self) -> bool:
        """Whether the user sees the map now."""
        return self._plot is not None and self.panel.plots.shows(self._plot.chart)

    @property
    def colouring(self) -> str:
        """What the colours tell: a name of `COLOURINGS`."""
        combo = self.ui.colourComboBox
        return str(combo.itemData(combo.currentIndex))

    def colour_by(self, colouring: str) -> None:
        """Let the colours tell something else."""
        combo = self.ui.colourComboBox
        combo.setCurrentIndex(list(COLOURINGS).index(colouring))
        if self.is_shown:
            self._schedule()

    def show_map(self) -> None:
        """Show the map beside the slices; the worker makes it first if there is none."""
        if self.panel.session is None:
            return
        if not self.panel.plots.is_possible:
            self.panel.notice(NO_WINDOW, "warning")
            return
        self._wanted = True
        self._schedule()

    def remake(self) -> None:
        """Let the worker encode what is new and map the pool, then show the map."""
        session = self.panel.session
        if session is None:
            return
        with self.panel.guarded():
            steps = map_steps(session, self.panel.choices)
            self.panel.run(steps, "Making the map", self._on_made, near=self)

    def export_picture(self, path: Path) -> None:
        """Write the map as the user sees it."""
        if self.panel.session is not None and not self.is_shown:
            self.panel.notice("The map is not shown: show it first, then export its picture.")
            return
        export.save(self, path, partial(self.panel.plots.save_picture, path), "picture")

    def export_figure(self, path: Path) -> None:
        """Let the worker draw the map for a publication."""
        session = self.panel.session
        if session is None:
            return
        with self.panel.guarded():
            self._figure = path
            steps = figure_steps(session, self.panel.choices, path)
            self.panel.run(steps, "The figure", self._on_drawn, near=self)

    def export_csv(self, path: Path) -> None:
        """Write every case with its place and what is known of it."""
        session = self.panel.session
        if session is None:
            return
        export.save(self, path, partial(write_map_csv, path, session.project), "table")

    def _on_show(self, *_args: Any) -> None:
        self.show_map()

    def _on_remake(self, *_args: Any) -> None:
        self.remake()

    def _on_hide(self, *_args: Any) -> None:
        self._wanted = False
        self.panel.plots.hide()

    def _on_colour(self, *_args: Any) -> None:
        if self.is_shown:
            self._schedule()

    def _on_picture(self, *_args: Any) -> None:
        path = export.ask_in_project(self, "Export the map", "map.png", export.PNG)
        if path is not None:
            self.export_picture(path)

    def _on_figure(self, *_args: Any) -> None:
        kinds = (export.PNG, export.DRAWING, export.PDF)
        path = export.ask_in_project(self, "Export a figure of the map", "map-figure.png", *kinds)
        if path is not None:
            self.export_figure(path)

    def _on_csv(self, *_args: Any) -> None:
        path = export.ask_in_project(self, "Export the map's numbers", "map.csv", export.CSV)
        if path is not None:
            self.export_csv(path)

    def _on_picked(self, series_id: str, row: int) -> None:
        key = self._plot.key_at(series_id, row) if self._plot is not None else None
        if key is not None and self.panel.session is not None:
            with self.panel.guarded():
                self.panel.label.open(key)

    def _on_made(self, done: bool) -> None:
        if done:
            self.show_map()

    def _on_drawn(self, done: bool) -> None:
        if done:
            self.panel.notice(f"The figure is {self._figure}.")

    # -- the plot ---------------------------------------------------------------------------------
    # Reading the cases, grouping them and making the nodes are three turns, so that none is long.

    def _schedule(self) -> None:
        self._drawing.start(self._draw())

    def _draw(self) -> Iterator[None]:
        session = self.panel.session
        if session is None:
            return
        with self.panel.guarded():
            mapped = session.project.mapped_rows()
            if not mapped[0]:
                if self._wanted:
                    self._wanted = False
                    self.remake()
                return
            yield
            self._groups = map_groups(session.project, self.colouring, mapped)
            yield
            self._build(session)

    def _build(self, session: "Session") -> None:
        wanted = self._wanted or self.is_shown
        if self._plot is None:
            self._plot = MapPlot(slicer.mrmlScene)
        by, words = COLOURINGS[self.colouring].lower(), colour_words(self.colouring, self._groups)
        title = f"{session.root.name}, by {by}" + (f"\n{words}" if words else "")
        self._plot.show(self._groups, title, legend=len(self._groups) <= LEGEND_GROUPS)
        self._highlighted = None
        self._show_open()
        self._wanted = False
        if wanted and not self.is_shown:
            self.panel.plots.show(self._plot.chart)
        self._show_state()

    def _show_state(self) -> None:
        session = self.panel.session
        if session is None:
            return
        on_map = sum(len(group.keys) for group in self._groups)
        self.ui.stateLabel.setText(map_words(session.project, on_map))
        self.ui.legendLabel.setText(legend(self._groups))

    def _show_open(self) -> None:
        """Tell which case is open, here and on the map."""
        session, key = self.panel.session, self.panel.label.key
        opened = session is not None and key is not None
        self.ui.openLabel.setText(f"Open: {session.row(key).name}" if session and key else "")
        self.ui.openLabel.setVisible(opened)
        unit = self.panel.label.desk.unit
        if self._plot is not None and unit != self._highlighted:
            self._plot.highlight(unit)
            self._highlighted = unit

    def _remove_plot(self) -> None:
        if self._plot is not None:
            self._plot.remove()
        self._plot, self._groups, self._highlighted = None, [], None
        self.ui.legendLabel.setText("")

    def _on_scene_closed(self, *_args: Any) -> None:
        """Make new nodes when the map is asked for: the old ones are gone."""
        self._plot, self._highlighted = None, None
        # A view without a chart is black; the layout itself is being set up anew just now.
        qt.QTimer.singleShot(0, self.panel.plots.hide)


def legend(groups: Sequence[PointGroup]) -> str:
    """Return what each colour stands for, and how many cases are so, as rich text.

    Lines are broken between the entries alone, so that sign, name and number stay together.
    """
    return " &nbsp; ".join(
        f'<span style="color:{group.color}">{SIGNS.get(group.marker, "✚")}</span>&nbsp;'
        f"{escape(group.name).replace(' ', '&nbsp;')}&nbsp;({len(group.keys)})"
        for group in groups
    )
