"""Who may use the page: whoever has the link."""

import hashlib
import hmac
import ipaddress
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web
from wslink.backends.aiohttp import AioHttpWsHandler
from wslink.chunking import UnChunker

COOKIE = "activeseed-{port}"
MESSAGES_BYTES = 8 * 1024 * 1024
"""What the parts of one page's messages may take together while they arrive."""


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    def __init__(self, token: str, host: str) -> None:
        self.port = 0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        return await handler(request)


class GuardedSocket(AioHttpWsHandler):
    pass
