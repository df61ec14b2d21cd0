"""Views and segment editor without a browser: what one would send comes from the test."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import pytest
import slicer
from numpy.typing import NDArray
from trame_server import Server

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.segments import label_of
from ActiveSeedLib.viewer.web.editor import SegmentEditor
from ActiveSeedLib.viewer.web.views import Views

T = TypeVar("T")
SIZE = 400  # pixels, of every view in both directions
SCHEMA = LabelSchema.parse("7=Spleen#112233,3=Liver#e69f00,1=Gallbladder#009e73")


class Stage:
    """Views and editor on a scene of their own."""

    def __init__(self) -> None:
        self.trame = Server("stage")
        self.trame.client_type = "vue3"
        self.views = Views(self.trame)
        self.editor = SegmentEditor(self.trame, self.views.app)
        self.scene = self.views.scene
        self.state = self.trame.state
        self.case: Any = None
        self.resize(SIZE, SIZE)

    def open(self, image: Image, label: Image | None = None) -> SceneCase:
        """Show a case in place of the present one."""
        self.close()
        self.case = SceneCase(self.scene, image, SCHEMA, "key", "case", label=label)
        self.views.show(self.case.volume)
        self.editor.show(self.case.segmentation, self.case.volume)
        return self.case

    def close(self) -> None:
        if self.case is not None:
            self.editor.clear()
            self.views.clear()
            self.case.close()
            self.case = None

    def label(self) -> NDArray[Any]:
        """What would be saved now, KJI; a copy."""
        exported = label_of(self.case.segmentation, self.case.volume, SCHEMA)
        assert exported.strangers == ()
        assert exported.overlaps == ()
        return exported.image.array.copy()

    # -- what a browser does -----------------------------------------------------------------------

    def adapter(self, name: str = "Red") -> Any:
        """What the browser's messages about a view come to."""
        (factory,) = self.views.app.view_manager._factories
        return factory.get_factory_view(name).view_adapter

    def resize(self, width: int, height: int) -> None:
        for name in ("Red", "Green", "Yellow"):
            self.adapter(name).update_size("test", {"w": width, "h": height, "p": 1})

    def mouse(self, what: str, x: float, y: float, view: str = "Red", **keys: int) -> None:
        """Send a mouse event; x and y in pixels from the lower left."""
        none = {"shiftKey": 0, "ctrlKey": 0, "altKey": 0, "metaKey": 0}
        place = {"x": x, "y": y, "w": SIZE, "h": SIZE}
        self.adapter(view).on_interaction("test", {"type": what, **place, **none, **keys})

    def drag(
        self, points: list[tuple[float, float]], view: str = "Red", button: str = "Left"
    ) -> None:
        """Press at the first point, move over the others, let go at the last."""
        self.mouse("MouseMove", *points[0], view)
        self.mouse(f"{button}ButtonPress", *points[0], view)
        for point in points[1:]:
            self.mouse("MouseMove", *point, view)
        self.mouse(f"{button}ButtonRelease", *points[-1], view)

    def picture(self, name: str = "Red") -> NDArray[np.uint8]:
        """Return what a view looks like, rows from above, [height, width, 3]."""
        pixels, _, _ = self.adapter(name)._rca.img_cols_rows
        return np.asarray(pixels)

    def node(self, name: str = "Red") -> Any:
        return self.views.pane(name).view.get_view_node()

    def ras(self, x: float, y: float, view: str = "Red") -> NDArray[np.float64]:
        """Return where a pixel of a view is, R, A, S in mm."""
        return np.array(self.node(view).GetXYToRAS().MultiplyPoint((x, y, 0, 1))[:3])


class Looped:
    """A stage in a thread-less event loop: everything runs while the test asks for it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stage = self.run(Stage)

    def run(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return self.loop.run_until_complete(call())


@pytest.fixture(scope="module")
def shared_stage() -> Iterator[Looped]:
    """Views and editor for a module's tests; Slicer's scene is afterwards what it was."""
    missing = object()
    scene = getattr(slicer, "mrmlScene", missing)
    looped = Looped()
    yield looped
    looped.run(looped.stage.close)
    for task in asyncio.all_tasks(looped.loop):
        task.cancel()
    looped.loop.run_until_complete(asyncio.sleep(0))
    looped.loop.close()
    if scene is missing:
        del slicer.mrmlScene
    else:
        slicer.mrmlScene = scene


@pytest.fixture
def stage(shared_stage: Looped) -> Iterator[Stage]:
    """Views and editor with no case and no tool."""
    asyncio.set_event_loop(shared_stage.loop)
    stage = shared_stage.stage
    stage.resize(SIZE, SIZE)
    stage.editor.choose("none")
    stage.editor.edits.change(
        diameter=5.0,
        is_relative=True,
        is_sphere=False,
        over_others=True,
        is_masked=False,
        scissors="erase_inside",
        islands="keep",
    )
    yield stage
    stage.close()


def grey(geometry: Geometry, seed: int = 0) -> Image:
    """Return an image with a bright lower half, so that up and down are told apart."""
    random = np.random.default_rng(seed)
    array = random.normal(100, 5, geometry.shape).astype(np.float32)
    array[:, geometry.shape[1] // 2 :] += 50
    return Image(array, geometry)
