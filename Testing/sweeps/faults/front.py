"""A front end that works through the loop by itself, in a process that may be killed at any moment.

python -m Testing.sweeps.faults.front viewer|panel FOLDER

The viewer is played without a page, the panel in the stand-in for Slicer; both have the real scene
and the real background process. The exit code is 0 at the end of the loop, 2 where the project
cannot be opened, and 1 where a job failed; the sentence is printed.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.errors import ActiveSeedError
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from Testing.sweeps.faults.whole_loop import Place, job_params, next_step

PATIENCE = 120.0


def main(kind: str, folder: str) -> int:
    """Play one front end; return the exit code."""
    try:
        return (play_viewer if kind == "viewer" else play_panel)(Place(Path(folder)))
    except ActiveSeedError as error:
        print(error, flush=True)
        return 2


def step_of(session: Session, name: str) -> Step:
    """Return the job of a step, as a button of a front end begins it."""
    return Step(name, session.job_params(job_params(session.project, name)), name)


def keys_to_label(session: Session, step: str) -> list[str]:
    """Return the queue or, to be corrected, the first labelled case."""
    if step == "label":
        return [row.key for row in session.rows() if row.queued]
    return [next(row.key for row in session.rows() if row.labelled and not row.held_out)]


def drawing(place: Place, session: Session, key: str, step: str) -> Image:
    """Return what somebody draws on a case."""
    drawn = read_label(place.labels / f"{session.row(key).name}.nii.gz")
    return drawn if step == "label" else Image(np.roll(drawn.array, 1, 2), drawn.geometry)


def note_saved(place: Place, session: Session, key: str) -> None:
    """Write into the ledger that a save is over."""
    saved = session.project.labels()[key]
    place.ledger.add("done", session.project.case(key).stem, saved.sha256)


def draw_all(case: Any, session: Session, label: Image) -> None:
    """Let the segments of the open case hold a label map."""
    from Testing.labelling import draw_segment

    for segment in session.schema.segments:
        draw_segment(case, segment.value, label.array == segment.value)


class Unseen:
    """Where the viewer shows cases to nobody."""

    def show_case(self, opened: Any) -> None:
        """Show a case."""

    let_go = save_state = finish_stroke = lambda self: None


def play_viewer(place: Place) -> int:
    """Play the loop in the viewer, without a page."""
    from Testing.host import core

    core.start()
    return asyncio.run(_viewer(place))


async def _viewer(place: Place) -> int:
    import slicer

    from ActiveSeedLib.viewer.process import ViewerWorker
    from ActiveSeedLib.viewer.viewer import Viewer

    worker = ViewerWorker(place.folder / "logs")
    viewer = Viewer(Session.open(place.root), slicer.mrmlScene, worker, Unseen())
    try:
        await viewer.start()
        while (step := next_step(place)) is not None:
            if step in ("suggest", "train"):
                assert viewer.run([step_of(viewer.session, step)], step)
                await _until(lambda: not viewer.is_busy)
                if viewer.notice.kind == "error":
                    print(viewer.notice.text, flush=True)
                    return 1
                continue
            for key in keys_to_label(viewer.session, step):
                assert await viewer.open(key), viewer.notice.text
                draw_all(
                    viewer.desk.case, viewer.session, drawing(place, viewer.session, key, step)
                )
                viewer.desk.keep()  # a draft
                stem = viewer.session.project.case(key).stem
                place.ledger.add("begun", stem)
                viewer.save()
                for title, act in viewer.notice.actions:
                    if title == "Count as done":
                        act()
                note_saved(place, viewer.session, key)
    finally:
        viewer.close()
    return 0


async def _until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.01)


def play_panel(place: Place) -> int:
    """Play the loop in the panel, in the stand-in for Slicer."""
    from Testing import host

    host.start()
    from Testing.host import pump
    from Testing.panel import cases

    panel = cases.make_panel()
    if not panel.open_project(place.root):
        print(panel.notice_text, flush=True)
        return 2
    try:
        while (step := next_step(place)) is not None:
            session = panel.session
            assert session is not None
            if step in ("suggest", "train"):
                panel.run([step_of(session, step)], step)
                pump.wait_until(lambda: not panel.is_busy, PATIENCE)
                if panel.bar.kind == "error":
                    print(panel.notice_text, flush=True)
                    return 1
                continue
            for key in keys_to_label(session, step):
                panel.queue.open(key)
                assert panel.label.key == key, panel.notice_text
                draw_all(panel.label.case, session, drawing(place, session, key, step))
                pump.process()
                place.ledger.add("begun", session.project.case(key).stem)
                pump.click(panel.label.ui.saveButton)
                if "Count as done" in panel.bar.actions:
                    panel.bar.press("Count as done")
                note_saved(place, session, key)
    finally:
        cases.close_panel(panel)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
