"""Who may use the page: whoever has the link, from the page that this server gave them."""

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, web
from wslink.backends.aiohttp import AioHttpWsHandler
from wslink.chunking import UnChunker

MESSAGE_BYTES = 8 * 1024 * 1024
"""What the messages of one page may take together while their chunks arrive."""
MESSAGES_UNDER_WAY = 64
FIRST_MESSAGE_BYTES = 512
"""What they may take before the page has said the secret."""
CALLS = frozenset(
    {
        "trame.error.client",
        "trame.lifecycle.update",
        "trame.rca.event",
        "trame.rca.size",
        "trame.rca.video.codecs",
        "trame.rca.video.negotiate",
        "trame.state.get",
        "trame.state.update",
        "trame.trigger",
    }
)
"""What a page may call; none takes a path. Trame offers more, among them to end the server."""
_LINKLESS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ActiveSeed</title></head>
<body style="margin: 3em; font-family: sans-serif; background: #121212; color: #ddd">
<p>{sentence}</p></body></html>
"""
# The page is loaded by a page of ours: a cookie that is SameSite=Strict would not come along if
# another site's link, such as a notebook's or a chat's, led there by a redirection.
_OPENED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ActiveSeed</title>
<meta http-equiv="refresh" content="0; url=/"></head>
<body style="background: #121212"></body></html>
"""
_NO_LINK = (
    "This page needs the link that activeseed view printed when it was started, with the token in "
    "it: copy the whole link from there."
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Lets a request through if it has the token, or the cookie that the token was changed for.

    Args:
        token: what the link holds.
        host: name or address that is listened on.

    Attributes:
        port: that is listened on; browsers share cookies between a machine's ports.
    """

    def __init__(self, token: str, host: str) -> None:
        self.port = 0
        self._token = token
        self._names = {host.lower(), "localhost", "127.0.0.1", "::1"} if is_loopback(host) else None
        # The same token gives the same cookie, so that a page finds back to a server started anew.
        self._cookie = hashlib.sha256(f"activeseed {token}".encode()).hexdigest()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or refuse to."""
        try:
            response = self._refusal(request) or self._opening(request) or await handler(request)
        except web.HTTPException as answer:
            self._add_headers(request, answer)
            raise
        if not response.prepared:
            self._add_headers(request, response)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Return what to say to a request that may not be answered, or None."""
        # A name that someone lets point to this machine is not ours (DNS rebinding).
        if self._names is not None and _host_name(request.host) not in self._names:
            return _refused("This server answers to its own address only.")
        origin = request.headers.get("Origin")
        upgrade = request.path == "/ws"
        if (origin is not None or upgrade) and origin not in _origins(request.host):
            return _refused("This server answers to its own page only.")
        if self._has_cookie(request) or (not upgrade and self._has_token(request)):
            return None
        return _refused(_NO_LINK)

    def _opening(self, request: web.Request) -> web.Response | None:
        """Return what changes the link's token for the cookie, or None."""
        if request.path not in {"/", "/index.html"} or "token" not in request.query:
            return None
        response = web.Response(text=_OPENED, content_type="text/html")
        if self._has_token(request):
            response.set_cookie(
                self._cookie_name, self._cookie, httponly=True, samesite="Strict", path="/"
            )
        return response

    @property
    def _cookie_name(self) -> str:
        return f"activeseed-{self.port}"

    def _has_cookie(self, request: web.Request) -> bool:
        return _same(request.cookies.get(self._cookie_name, ""), self._cookie)

    def _has_token(self, request: web.Request) -> bool:
        return _same(request.query.get("token", ""), self._token)

    def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Content-Security-Policy"] = content_policy(request.host)
        # Scripts and fonts are looked for anew each time (304), so that an update is noticed.
        kept = isinstance(response, web.FileResponse)
        headers.setdefault("Cache-Control", "no-cache" if kept else "no-store")


def content_policy(host: str) -> str:
    """Return what a page may load: from this server alone, whoever wrote what it shows.

    Vue compiles its templates in the browser (`unsafe-eval`), Vuetify and Plotly set styles of
    elements (`unsafe-inline`), slice views and exported pictures come as blobs. Scripts within the
    page are not allowed.

    Args:
        host: name and port that the page was asked from.
    """
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            "font-src 'self' data:",
            f"connect-src 'self' data: blob: ws://{host} wss://{host}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _host_name(host: str) -> str:
    """Return a Host header's name or address without its port."""
    return re.sub(r":\d*$", "", host).strip("[]").lower()


def _origins(host: str) -> set[str]:
    return {f"http://{host}", f"https://{host}"}


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _refused(sentence: str) -> web.Response:
    return web.Response(
        text=_LINKLESS.format(sentence=sentence), status=403, content_type="text/html"
    )


class GuardedSocket(AioHttpWsHandler):  # type: ignore[misc]
    """Wslink's end of the web sockets, with bounds on what a page may call and send."""

    def __init__(self, protocol: Any, web_server: Any) -> None:
        super().__init__(protocol, web_server)
        for name in set(self.functionMap) - CALLS:
            del self.functionMap[name]

    async def onConnect(self, request: web.Request, client_id: str) -> None:  # noqa: N802
        """Bound what a new page may send."""
        await super().onConnect(request, client_id)
        self.unchunkers[client_id] = _BoundedUnChunker()

    async def onMessage(self, is_binary: bool, msg: Any, client_id: str) -> None:  # noqa: N802
        """Take a message; one that cannot be used ends this page's connection, not the server."""
        reason: object = "it is too long, or not binary"
        if is_binary:
            try:
                await super().onMessage(is_binary, msg, client_id)
            except Exception as error:
                reason = error
            else:
                return
        _log.warning("A page's message could not be used, so it was let go: %s", reason)
        await self.connections[client_id].close(code=WSCloseCode.POLICY_VIOLATION)

    async def disconnectClients(self) -> None:  # noqa: N802
        """End all connections, also those that end by themselves in the meantime."""
        sockets = list(self.connections.values())
        ends = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in sockets)
        await asyncio.gather(*ends, return_exceptions=True)
        self.publishManager.unregisterProtocol(self)

    async def validateToken(self, token: Any, client_id: str) -> bool:  # noqa: N802, ARG002
        """Return whether a page has said the secret."""
        return isinstance(token, str) and _same(token, self.serverProtocol.secret)


class _BoundedUnChunker(UnChunker):  # type: ignore[misc]
    """Puts chunks together within a bound on all messages that are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.max_message_size = FIRST_MESSAGE_BYTES

    def set_max_message_size(self, size: int) -> None:
        self.max_message_size = min(size, MESSAGE_BYTES)

    def process_chunk(self, chunk: bytes) -> Any:
        message = super().process_chunk(chunk)
        under_way = sum(len(one["content"]) for one in self.pending_messages.values())
        if under_way > self.max_message_size or len(self.pending_messages) > MESSAGES_UNDER_WAY:
            raise ValueError(f"{len(self.pending_messages)} messages, {under_way} bytes under way")
        return message
