"""A page with slice views and segment editor on a generated case: `editor_page.py`."""

import asyncio
import signal

import numpy as np
from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.case import SceneCase
from ActiveSeedLib.scene.segments import label_of
from ActiveSeedLib.viewer.web.editor import SegmentEditor
from ActiveSeedLib.viewer.web.looks import STYLE
from ActiveSeedLib.viewer.web.server import WebServer
from ActiveSeedLib.viewer.web.views import Views

SCHEMA = LabelSchema.parse("1=Spleen#0000ff,3=Liver#ff0000")
DEEP = Geometry((128, 128, 30), (1.0, 1.0, 3.0))
FLAT = Geometry((128, 96, 1))


class Stage:
    """Two cases to choose from: `trigger("open", ["deep" or "flat"])`."""

    def __init__(self, server: WebServer) -> None:
        trame = server.trame
        self.views = Views(trame)
        self.editor = SegmentEditor(trame, self.views.app)
        self.case: SceneCase | None = None
        trame.controller.trigger("open")(self.open)
        trame.controller.trigger("read")(self.read)
        trame.controller.trigger("go_to")(self.views.pane("Red").go_to)
        self.open("deep")
        with (
            VAppLayout(trame, theme="dark"),
            html.Div(style="position: fixed; inset: 0; display: flex; flex-direction: column;"),
        ):
            client.Style(STYLE)
            self.editor.build_bar()
            with html.Div(style="flex: 1; min-height: 0; display: flex;"):
                with html.Div(style="flex: 1; min-width: 0;"):
                    self.views.build()
                with html.Div(style="width: 200px;"):
                    self.editor.build_side()

    def open(self, name: str) -> None:
        geometry = {"deep": DEEP, "flat": FLAT}[name]
        self.editor.clear()
        self.views.clear()
        if self.case is not None:
            self.case.close()
        array = np.full(geometry.shape, 100, np.int16)
        array[:, : geometry.shape[1] // 2] = 160
        array[:, :10] = 0
        self.case = SceneCase(self.views.scene, Image(array, geometry), SCHEMA, name, name)
        self.views.show(self.case.volume)
        self.editor.show(self.case.segmentation, self.case.volume)

    def read(self) -> list[list[int]]:
        """Return K, J, I and value of all voxels that would be saved."""
        assert self.case is not None
        array = label_of(self.case.segmentation, self.case.volume, SCHEMA).image.array
        found = np.argwhere(array)
        values = array[tuple(found.T)][:, None]
        rows: list[list[int]] = np.concatenate([found, values], axis=1).tolist()
        return rows


async def main() -> None:
    server = WebServer()
    Stage(server)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.run(print)


if __name__ == "__main__":
    asyncio.run(main())
