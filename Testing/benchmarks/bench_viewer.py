"""How quick the browser's views and segment editor are, and what memory they take.

python Testing/benchmarks/bench_viewer.py

On generated volumes of 1 and 9 million voxels, without a browser: the mouse events come from here,
60 a second as a hand sends them, and the encoded pictures end here. Views of 512 x 512 pixels. The
same strokes with trame-slicer's own brush and undo follow for comparison.
"""

import asyncio
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

SHAPES = {"1": (100, 100, 100), "9": (512, 512, 35)}
"""Millions of voxels → size IJK."""
PIXELS = 512
STROKES = 30
MOVES = 30
HERTZ = 60


class Pictures:
    """Takes the place of the connection: notes when each picture was made and ready."""

    def __init__(self) -> None:
        self.made: list[tuple[str, float, float, int]] = []

    def push_content(self, name: str, meta: dict[str, Any], content: bytes) -> None:
        self.made.append((name, meta["st"] / 1000, time.time(), len(content)))

    async def since(self, moment: float, names: set[str]) -> float:
        """Return when pictures of all these views were ready that were made after a moment."""
        while True:
            ready: dict[str, float] = {}
            for name, begun, done, _ in self.made:
                if begun >= moment and name in names:
                    ready.setdefault(name, done)
            if set(ready) == names:
                return max(ready.values())
            await asyncio.sleep(0.001)


async def measure(millions: str, kind: str) -> dict[str, float]:
    """Return what was measured: seconds, frames a second, MiB."""
    figures: dict[str, float] = {}
    started = time.perf_counter()
    from trame_server import Server

    from ActiveSeedLib.viewer.web.editor import SegmentEditor
    from ActiveSeedLib.viewer.web.views import Views

    server = Server("bench")
    server.client_type = "vue3"
    views = Views(server)
    editor = SegmentEditor(server, views.app)
    figures["ready"] = time.perf_counter() - started
    pictures = Pictures()
    (factory,) = views.app.view_manager._factories
    adapters = {name: factory.get_factory_view(name).view_adapter for name in _VIEWS}
    for adapter in adapters.values():
        adapter.set_streamer(pictures)
        adapter.update_size("bench", {"w": PIXELS, "h": PIXELS, "p": 1})
    image, label, schema = _volume(SHAPES[millions])
    figures["memory before"] = memory()
    await _opened(views, editor, image, label, schema, pictures, figures)
    figures["memory open"] = memory()
    if kind == "trame-slicer":
        _use_theirs(views.app)
    else:
        editor.choose("paint")
    await _strokes(adapters["Red"], pictures, figures)
    figures["memory painted"] = memory()
    if kind != "trame-slicer":
        figures["kept for undo"] = editor._history.nbytes / 2**20  # type: ignore[union-attr]
        before = time.perf_counter()
        editor.undo()
        figures["undo"] = time.perf_counter() - before
    return figures


_VIEWS = ("Red", "Green", "Yellow")


async def _opened(
    views: Any,
    editor: Any,
    image: Any,
    label: Any,
    schema: Any,
    pictures: Pictures,
    figures: dict[str, float],
) -> None:
    from ActiveSeedLib.scene.case import SceneCase

    before = time.time()
    case = SceneCase(views.scene, image, schema, "key", "case", label=label)
    views.show(case.volume)
    editor.show(case.segmentation, case.volume)
    figures["open, calls"] = time.time() - before
    figures["open, all pictures"] = await pictures.since(before, set(_VIEWS)) - before
    await asyncio.sleep(1)


def _use_theirs(app: Any) -> None:
    """Take trame-slicer's own brush, pictures and undo, as its segmentation app does."""
    from trame_slicer.segmentation import SegmentationEffectPaint
    from undo_stack import UndoStack

    for view in app.view_manager.get_slice_views():
        view.render_window().SetMultiSamples(8)
    app.segmentation_editor.set_undo_stack(UndoStack(undo_limit=STROKES))
    app.segmentation_editor.set_active_effect_type(SegmentationEffectPaint)


async def _strokes(adapter: Any, pictures: Pictures, figures: dict[str, float]) -> None:
    """Paint circles, and see when their pictures come."""

    def send(what: str, step: int) -> None:
        angle = 2 * math.pi * step / MOVES
        x, y = PIXELS / 2 + 90 * math.cos(angle), PIXELS / 2 + 90 * math.sin(angle)
        place = {"x": round(x), "y": round(y), "w": PIXELS, "h": PIXELS}
        keys = {"shiftKey": 0, "ctrlKey": 0, "altKey": 0, "metaKey": 0}
        before = time.perf_counter()
        adapter.on_interaction("bench", {"type": what, **place, **keys})
        handled.append(time.perf_counter() - before)

    handled: list[float] = []
    frames, painting, applied, releases, sizes = 0, 0.0, [], [], []
    for _ in range(STROKES):
        begun = time.time()
        send("MouseMove", 0)
        send("LeftButtonPress", 0)
        for step in range(MOVES):
            due = begun + (step + 1) / HERTZ
            await asyncio.sleep(max(0.0, due - time.time()))
            send("MouseMove", step)
        released = time.time()
        new = [one for one in pictures.made if one[0] == "Red" and begun <= one[2] <= released]
        frames, painting = frames + len(new), painting + released - begun
        sizes += [one[3] for one in new]
        handled.clear()
        send("LeftButtonRelease", MOVES)
        releases.append(handled[-1])
        applied.append(await pictures.since(released, {"Red"}) - released)
        await asyncio.sleep(0.3)
    figures["frames a second"] = frames / painting
    figures["release, the call"] = max(releases)
    figures["stroke seen, median"] = sorted(applied)[STROKES // 2]
    figures["stroke seen, longest"] = max(applied)
    figures["kB a picture"] = sum(sizes) / max(1, len(sizes)) / 1000


def _volume(size: tuple[int, int, int]) -> tuple[Any, Any, Any]:
    import numpy as np

    from ActiveSeedLib.pool.case import Geometry, Image
    from ActiveSeedLib.project.schema import LabelSchema

    geometry = Geometry(size, (0.8, 0.8, 5.0 if size[2] < 50 else 0.8))
    random = np.random.default_rng(43)
    array = random.normal(40, 30, geometry.shape).astype(np.int16)
    k, j, i = (np.linspace(-1, 1, length) for length in geometry.shape)
    body = k[:, None, None] ** 2 + j[:, None] ** 2 + i**2 < 0.6
    array[~body] -= 1000
    label = np.zeros(geometry.shape, np.uint8)
    label[body] = 1
    label[body & (i > 0)] = 3
    schema = LabelSchema.parse("1=Spleen,3=Liver,7=Kidney")
    return Image(array, geometry), Image(label, geometry), schema


def memory() -> float:
    """Return what this process holds, in MiB; nan where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return math.nan
    return pages * 4096 / 2**20


def main() -> None:
    """Measure each in a process of its own, and print a table."""
    kinds = [(millions, kind) for millions in SHAPES for kind in ("ActiveSeed", "trame-slicer")]
    columns = []
    for millions, kind in kinds:
        command = [sys.executable, __file__, millions, kind]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT)
        columns.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{'':<24}" + "".join(f"{f'{m} M, {kind}':>20}" for m, kind in kinds))
    for name in columns[0]:
        cells = (f"{column[name]:>20.3f}" if name in column else f"{'':>20}" for column in columns)
        print(f"{name:<24}" + "".join(cells))
    print("Times in seconds, memory in MiB.")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(asyncio.run(measure(*sys.argv[1:]))))
    else:
        main()
