"""`activeseed view`: the project in a browser."""

import asyncio
import json
import os
import webbrowser
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.cli.executor import set_executor
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.worker.client import default_log_folder

VARIABLE = "ACTIVESEED_TOKEN"
"""The environment variable with what the link must hold; another one each time by default.

It is no option of the command: other users of the machine see those.
"""
INSTALL_VIEWER = 'pip install "activeseed[viewer]"'
VIEW_DEFAULTS: dict[str, Any] = {"host": "127.0.0.1", "port": None, "open": False}


def missing_viewer() -> bool:
    """Return whether the packages are missing that the viewer takes."""
    return find_spec("trame_slicer") is None or find_spec("slicer") is None


def view(options: Namespace) -> None:
    """Serve a project until Ctrl+C."""
    if missing_viewer():
        raise InputError(f"The viewer's packages are not installed: {INSTALL_VIEWER}")
    set_executor(options)
    session = Session.open(Path(options.project).absolute())
    try:
        asyncio.run(_serve(session, options))
    finally:
        session.close()


async def _serve(session: Session, options: Namespace) -> None:
    try:
        from ActiveSeedLib.viewer.web.server import WebServer, free_port

        free_port(options.host, options.port)  # before anything that takes long
        from ActiveSeedLib.viewer.web.app import App
    except ImportError as error:
        raise InputError(
            f"The viewer's packages do not work together ({error}): {INSTALL_VIEWER}"
        ) from error

    server = WebServer(host=options.host, port=options.port, token=os.environ.get(VARIABLE))

    def ready(link: str) -> None:
        if options.json:
            said = {"warning": server.warning} if server.warning else {}
            # One line, unlike other answers: its reader must not wait for the end of the output.
            print(json.dumps({"link": link, "project": str(session.root), **said}), flush=True)
        else:
            print(f"\n{session.root} is shown at\n\n    {link}\n", flush=True)
            if server.warning:
                print(f"Warning: {server.warning}\n", flush=True)
            print("Ctrl+C ends it; nothing that was drawn is lost.", flush=True)
        if options.open:
            webbrowser.open(link)

    await App(session, server, default_log_folder()).run(ready)
