"""A page with a counter, to test what surrounds every page: `small_page.py [HOST [PORT]]`."""

import asyncio
import os
import signal
import sys

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.viewer.web.connection import Connection
from ActiveSeedLib.viewer.web.server import WebServer


def small_page(server: WebServer) -> None:
    """Give a server its page."""
    state = server.trame.state
    state.count = 0
    state.words = ""

    def count() -> None:
        state.count += 1

    connection = Connection(server.trame)
    with VAppLayout(server.trame, theme="dark"), connection.wrap(), v3.VMain():
        v3.VBtn("Count", click=count, raw_attrs=['data-name="count"'])
        html.Span("counted {{ count }}", raw_attrs=['data-name="counted"'])
        v3.VTextField(v_model=("words",), raw_attrs=['data-name="words"'])
        v3.VIcon("mdi-help", raw_attrs=['data-name="icon"'])


async def main(host: str = "127.0.0.1", port: str = "0") -> None:
    server = WebServer(host, int(port), os.environ.get("ACTIVESEED_TOKEN"))
    small_page(server)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.run(print)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
