"""The web server: one page for one user, listening where it is told to and nowhere else."""

import asyncio
import errno
import os
import re
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import trame.assets.mimetypes  # noqa: F401  (Windows' registry may call a script plain text)
import trame_client.module
from aiohttp import web
from trame_client.widgets.core import VirtualNode
from trame_server import Server

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.viewer.web.guard import Guard, GuardedSocket, is_loopback

FIRST_PORT = int(os.environ.get("ACTIVESEED_FIRST_PORT", "8890"))
"""ACTIVESEED_FIRST_PORT names another. Above Jupyter's, which often runs on the same machine."""
PORTS_TRIED = 100
MESSAGE_BYTES = 4 * 1024 * 1024
"""What one web socket message may hold; longer ones travel in chunks."""
HEARTBEAT_SECONDS = 30
_STATIC = Path(__file__).with_name("static")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """Serves the page and its web socket.

    Args:
        host: name or address to listen on.
        port: to listen on; None or 0 takes the first free one from `FIRST_PORT` on.
        token: what the link must hold; a random one by default.

    Attributes:
        trame: trame's server, on which the page and its state are made.
        token: what the link holds.
        link: what to open in a browser; empty until it listens.
        warning: what there is to say about listening wider than this machine, or None.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int | None = None, token: str | None = None
    ) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self.link = ""
        self.warning = warning(host)
        # Named options: otherwise trame reads them from the environment.
        self.trame = Server(
            "ActiveSeed",
            VirtualNode,
            log_network=None,
            ws_max_msg_size=MESSAGE_BYTES,
            ws_heart_beat=HEARTBEAT_SECONDS,
            desktop_debug=False,
        )
        self.trame.client_type = "vue3"
        self.trame.state.trame__title = "ActiveSeed"
        self.trame.state.trame__favicon = "/favicon.png"
        self._host = host
        self._port = port or None
        self._routes: list[tuple[str, Handler]] = [
            ("/", _page),
            ("/index.html", _page),
            ("/favicon.png", _icon),
        ]
        self._secret = secrets.token_urlsafe(24)
        self._guard = Guard(self.token, host)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def add_route(self, path: str, handler: Handler) -> None:
        """Answer GET requests for a path; before the start only.

        Args:
            path: as aiohttp writes it, such as "/thumbnail/{key}".
            handler: takes aiohttp's request and returns its response.
        """
        self._routes.append((path, handler))

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until `stop`.

        Args:
            ready: called with the link once it can be opened.

        Raises:
            InputError: the address cannot be listened on.
        """
        self._loop = asyncio.get_running_loop()
        port = free_port(self._host, self._port)
        self._guard.port = port
        self.link = _link(self._host, port, self.token)
        serving = asyncio.ensure_future(self._start(port, lambda: ready(self.link)))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if self.trame.running and not serving.done():
                await self.trame.stop()
            elif not serving.done():
                serving.cancel()
            await asyncio.wait({serving})
        if not serving.cancelled():
            serving.result()

    def stop(self) -> None:
        """End `run`; from any thread."""
        if self._loop is None:
            self._stopping.set()
        else:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def _start(self, port: int, ready: Callable[[], None]) -> Awaitable[None]:
        """Start trame on the options given here, and on no others."""
        server = self.trame
        # Trame would take its options from our command line, or from the environment.
        options = server.cli.parse_args([])
        options.authKey = self._secret
        options.timeout = 0
        options.nows = True  # the guarded one comes with _bind
        options.nowscompress = True  # slice views are pictures, compressed already
        server.cli.parse_known_args = lambda *_: (options, [])
        server.controller.on_server_bind.add(self._bind)
        server.controller.on_server_ready.add(lambda **_: ready())
        serving: Awaitable[None] = server.start(
            host=self._host,
            port=port,
            timeout=0,
            thread=True,
            open_browser=False,
            show_connection_info=False,
            disable_logging=True,
            backend="aiohttp",
            exec_mode="coroutine",
        )
        return serving

    def _bind(self, web_server: Any) -> None:
        """Put the guard before everything that is served, and add what is ours."""
        app: web.Application = web_server.app
        app.middlewares.append(self._guard.middleware)
        web_server._ws_handlers.append(sockets := GuardedSocket(self.trame.protocol, web_server))
        app.router.add_get("/ws", sockets.handleWsRequest)
        app.router.add_post("/session", self._session)
        for path, handler in self._routes:
            app.router.add_get(path, handler)

    async def _session(self, request: web.Request) -> web.Response:
        """Tell the page where its web socket is, and what opens it (trame's client asks)."""
        scheme = "wss" if request.headers.get("Origin", "").startswith("https:") else "ws"
        return web.json_response(
            {"sessionURL": f"{scheme}://{request.host}/ws", "secret": self._secret}
        )


def warning(host: str) -> str | None:
    """Return what there is to say about listening on an address, or None."""
    if is_loopback(host):
        return None
    return (
        f"It listens on {host}, not on this machine alone: anyone who has the link can see the "
        "images and change the labels, and nothing is encrypted on the way. It is safer to leave "
        "out --host and to reach it through an SSH tunnel: ssh -L 8890:127.0.0.1:8890 this-machine."
    )


def free_port(host: str, port: int | None = None) -> int:
    """Return a port that can be listened on.

    Args:
        host: name or address to listen on.
        port: the only one that will do; by default the first free one from `FIRST_PORT` on.

    Raises:
        InputError: the port is taken, or the address is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [port] if port else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        try:
            with socket.create_server((host, candidate), family=family):
                return candidate
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if not _taken(error):
                raise InputError(
                    f"{host}, port {candidate} cannot be listened on ({reason}): "
                    "choose another with --host and --port."
                ) from error
    if port:
        raise InputError(
            f"Port {port} on {host} is taken: end what uses it, or choose another with --port "
            "(without it, a free one is found)."
        )
    last = FIRST_PORT + PORTS_TRIED - 1
    raise InputError(
        f"The ports {FIRST_PORT} to {last} on {host} are all taken: choose one with --port."
    )


def _taken(error: Exception) -> bool:
    # 10048 and 10013 are what Windows says of a port that another program holds.
    return isinstance(error, OSError) and (
        error.errno == errno.EADDRINUSE or getattr(error, "winerror", None) in {10048, 10013}
    )


def _link(host: str, port: int, token: str) -> str:
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  (compared, not listened on)
        host = socket.gethostname()
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}/?token={quote(token, safe='')}"


async def _page(request: web.Request) -> web.StreamResponse:
    """Answer with the page; trame's client would take a server's address from its query."""
    if request.query_string:
        raise web.HTTPFound("/")
    return web.Response(text=_shell(), content_type="text/html")


async def _icon(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_STATIC / "favicon.png")


def _shell() -> str:
    """Return our page around the scripts and styles that trame's own page names."""
    theirs = (Path(trame_client.module.__file__).parent / "vue3-www/index.html").read_text("utf-8")
    tags = []
    for kind, name in re.findall(
        r'<(script|link rel="stylesheet")[^>]*?(?:src|href)="(?:\./)?([^"]+)"', theirs
    ):
        if kind == "script":
            module = ' type="module"' if name.startswith("assets/") else ""
            tags.append(f'<script{module} src="/{name}"></script>')
        else:
            tags.append(f'<link rel="stylesheet" href="/{name}" />')
    page = (_STATIC / "index.html").read_text("utf-8")
    return page.replace("<!-- trame -->", "\n    ".join(tags))
