"""Who gets in, and what those outside, or a page that went wrong, can do."""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, DummyCookieJar, WSMsgType, web
from aiohttp.client_exceptions import WSServerHandshakeError
from yarl import URL

from ActiveSeedLib.viewer.web.guard import CALLS, MESSAGE_BYTES
from ActiveSeedLib.viewer.web.server import WebServer
from Testing.viewer.small_page import small_page

TOKEN = "what the link holds"
Visit = Callable[["Visitor"], Awaitable[None]]


class Visitor:
    """Someone who asks a server for something, with or without its cookie."""

    def __init__(self, server: WebServer, session: ClientSession) -> None:
        self.server = server
        self.link = URL(server.link)
        self.origin = str(self.link.origin())
        self.session = session
        self.cookie = ""

    async def open_link(self) -> None:
        answer = await self.session.get(self.link)
        assert answer.status == 200
        morsel = next(iter(answer.cookies.values()))
        self.cookie = f"{morsel.key}={morsel.value}"

    async def get(self, path: str, **headers: str) -> int:
        return (await self.answer(path, **headers)).status

    async def answer(self, path: str, **headers: str) -> Any:
        url = URL(self.origin + path, encoded=True)
        return await self.session.get(
            url, headers={"Cookie": self.cookie, **headers}, allow_redirects=False
        )

    async def socket(self, **headers: str) -> ClientWebSocketResponse:
        return await self.session.ws_connect(
            f"{self.origin}/ws",
            headers={"Cookie": self.cookie, "Origin": self.origin, **headers},
            max_msg_size=0,
        )

    async def secret(self) -> str:
        headers = {"Cookie": self.cookie, "Origin": self.origin}
        answer = await self.session.post(f"{self.origin}/session", headers=headers)
        return str((await answer.json(content_type=None))["secret"])

    async def logged_in(self) -> ClientWebSocketResponse:
        socket = await self.socket()
        reply = await call(socket, "wslink.hello", {"secret": await self.secret()}, "system:c0:0")
        assert "clientID" in reply["result"]
        return socket


def visiting(visit: Visit, host: str = "127.0.0.1", prepare: Callable[..., None] | None = None):
    """Serve a small page while someone visits it."""

    async def serve() -> None:
        server = WebServer(host, token=TOKEN)
        small_page(server)
        if prepare:
            prepare(server)
        listening = asyncio.Event()
        serving = asyncio.ensure_future(server.run(lambda _link: listening.set()))
        await asyncio.wait(
            {serving, asyncio.ensure_future(listening.wait())}, return_when="FIRST_COMPLETED"
        )
        async with ClientSession(cookie_jar=DummyCookieJar()) as session:
            try:
                await visit(Visitor(server, session))
            finally:
                server.stop()
                await serving

    asyncio.run(asyncio.wait_for(serve(), 180))


def chunk(number: int, offset: int, total: int, content: bytes) -> bytes:
    return struct.pack("<III", number, offset, total) + content


async def call(
    socket: ClientWebSocketResponse, method: str, argument: Any = None, number: str = "rpc:c0:1"
) -> Any:
    """Call a method and return the answer to it."""
    args = [] if argument is None else [argument]
    message = msgpack.packb(
        {"wslink": "1.0", "id": number, "method": method, "args": args, "kwargs": {}}
    )
    await socket.send_bytes(chunk(7, 0, len(message), message))
    parts = b""
    while True:
        answer = await socket.receive(60)
        assert answer.type == WSMsgType.BINARY, answer
        parts += answer.data[12:]
        if len(parts) == struct.unpack("<III", answer.data[:12])[2]:
            whole, parts = msgpack.unpackb(parts), b""
            if whole["id"] == number:
                return whole


PATHS = (
    "/",
    "/index.html",
    "/favicon.png",
    "/vue.global.js",
    "/session",
    "/ws",
    "/thumbnail/1",
    "/nothing",
)


@pytest.mark.parametrize("how", ["nothing", "wrong token", "wrong cookie"])
def test_nobody_gets_anything_without_the_link(how: str) -> None:
    async def visit(visitor: Visitor) -> None:
        query = "?token=wrong" if how == "wrong token" else ""
        if how == "wrong cookie":
            visitor.cookie = f"activeseed-{visitor.link.port}=wrong"
        for path in PATHS:
            answer = await visitor.answer(path + query, Origin=visitor.origin)
            assert answer.status == 403, path
            assert "the link that activeseed view printed" in await answer.text()
            assert not answer.cookies
        with pytest.raises(WSServerHandshakeError, match="403"):
            await visitor.socket()

    visiting(visit)


def test_the_link_gives_a_cookie_that_opens_everything() -> None:
    async def visit(visitor: Visitor) -> None:
        answer = await visitor.session.get(visitor.link, allow_redirects=False)
        assert answer.headers["Cache-Control"] == "no-store"
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"activeseed-{visitor.link.port}=")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "link" not in cookie  # the token itself is not in it
        await visitor.open_link()
        for path in ("/", "/favicon.png", "/vue.global.js", "/thumbnail/1"):
            answer = await visitor.answer(path)
            assert answer.status == 200, path
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert f"ws://{visitor.link.authority}" in policy
        assert await (await visitor.answer("/thumbnail/1")).text() == "the thumbnail 1"
        # Trame's client would take another server's address from the page's query.
        answer = await visitor.answer("/?sessionURL=ws://elsewhere/ws")
        assert (answer.status, answer.headers["Location"]) == (302, "/")

    async def thumbnail(request: web.Request) -> web.Response:
        return web.Response(text=f"the thumbnail {request.match_info['key']}")

    visiting(visit, prepare=lambda server: server.add_route("/thumbnail/{key}", thumbnail))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_other_sites_pages_are_refused(host: str) -> None:
    async def visit(visitor: Visitor) -> None:
        visitor.origin = f"http://127.0.0.1:{visitor.link.port}"
        visitor.link = visitor.link.with_host("127.0.0.1")
        await visitor.open_link()
        await (await visitor.socket()).close()
        for origin in ("http://elsewhere.org", "null", "http://127.0.0.1:1", ""):
            with pytest.raises(WSServerHandshakeError, match="403"):
                await visitor.socket(Origin=origin)
            assert await visitor.get("/", Origin=origin) == 403
        rebound = "127.0.0.1.elsewhere.org"
        expected = 403 if host == "127.0.0.1" else 200
        assert await visitor.get("/", Host=rebound) == expected
        assert await visitor.get("/", Host="[") == expected
        # Through an SSH tunnel from another port.
        assert await visitor.get("/", Host="localhost:9999") == 200

    visiting(visit, host)


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/assets/..%5c..%5c..%5cvue3.py",
        "/assets/../../vue3.py",
        "/favicon.png/../../guard.py",
        "/file:///etc/passwd",
        "/%00",
        "/assets/",
        "/.",
    ],
)
def test_nothing_outside_the_served_folders_is_given(path: str) -> None:
    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        # By hand: a client would tidy the path up first.
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.link.port)
        lines = (f"GET {path} HTTP/1.1", f"Host: {visitor.link.authority}")
        head = (*lines, f"Cookie: {visitor.cookie}", "Connection: close", "", "")
        writer.write("\r\n".join(head).encode())
        answer = await reader.read()
        writer.close()
        assert int(answer.split()[1]) in {400, 403, 404}, answer[:200]
        assert b"root:" not in answer
        assert b"import" not in answer

    visiting(visit)


def test_a_link_out_of_a_served_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "plain.txt").write_text("plain")
    (tmp_path / "served" / "out.txt").symlink_to(tmp_path / "secret.txt")

    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        assert await visitor.get("/extra/plain.txt") == 200
        assert await visitor.get("/extra/out.txt") in {403, 404}

    visiting(
        visit,
        prepare=lambda server: server.trame.enable_module(
            {"serve": {"extra": str(tmp_path / "served")}}
        ),
    )


def test_a_page_may_call_what_is_listed_and_nothing_else() -> None:
    def prepare(server: WebServer) -> None:
        import trame_rca.module

        server.trame.enable_module(trame_rca.module)

    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        socket = await visitor.socket()
        for secret in ("wslink-secret", "", None, 7, TOKEN):
            reply = await call(socket, "wslink.hello", {"secret": secret}, "system:c0:0")
            assert reply["error"]["message"] == "Authentication failed"
        assert "error" in await call(socket, "trame.state.get")
        socket = await visitor.logged_in()
        assert "count" in (await call(socket, "trame.state.get"))["result"]["state"]
        for protocol in visitor.server.trame.protocol.getLinkProtocols():
            for one in vars(type(protocol)).values():
                for uri in getattr(one, "_wslinkuris", ()):
                    offered.add(uri["uri"])
        for name in offered - CALLS:
            reply = await call(socket, name)
            assert reply["error"]["message"] == "Unregistered method called"

    offered = {"application.exit", "application.exit.later"}
    visiting(visit, prepare=prepare)
    # A version that adds one is noticed here: look what it does before it is let through.
    assert offered - CALLS == {
        "application.exit",
        "application.exit.later",
        "trame.force.push",
        "trame.rca.drop",
        "trame.rca.push",
        "trame.rca.reset",
    }
    assert offered >= CALLS


def oversized() -> dict[str, list[bytes]]:
    half = MESSAGE_BYTES // 2 + 1
    return {
        "announced": [chunk(1, 0, MESSAGE_BYTES + 1, b"x")],
        "at once": [bytes(5 * 1024 * 1024)],
        "together": [chunk(1, 0, half, b"x"), chunk(2, 0, half, b"x")],
        "many": [chunk(number, 0, 9, b"x") for number in range(100)],
        "no message": [b"x"],
        "beyond its end": [chunk(1, 5, 3, b"xxxx")],
        "not packed": [chunk(1, 0, 3, b"\xc1\xc1\xc1")],
        "no call": [chunk(1, 0, 11, msgpack.packb({"id": "rpc:1"}).ljust(11, b"\0"))],
    }


@pytest.mark.parametrize("name", sorted(oversized()))
def test_an_unusable_message_ends_its_connection_and_nothing_else(name: str) -> None:
    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        bystander = await visitor.logged_in()
        socket = await visitor.logged_in()
        with suppress(ConnectionError):  # ended while it was being sent
            for message in oversized()[name]:
                await socket.send_bytes(message)
        while (answer := await socket.receive(60)).type == WSMsgType.BINARY:
            pass
        assert answer.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING}
        assert "result" in await call(bystander, "trame.state.get")
        assert "result" in await call(await visitor.logged_in(), "trame.state.get")

    visiting(visit)


def test_a_long_message_within_the_bound_arrives() -> None:
    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        socket = await visitor.logged_in()
        words = "x" * (MESSAGE_BYTES - 1000)
        change = [[{"key": "words", "value": words}]]
        message = msgpack.packb(
            {"wslink": "1.0", "id": "rpc:c0:2", "method": "trame.state.update", "args": change}
        )
        size = 1024 * 1024
        for offset in range(0, len(message), size):
            await socket.send_bytes(chunk(3, offset, len(message), message[offset : offset + size]))
        await call(socket, "trame.state.get")
        assert visitor.server.trame.state.words == words

    visiting(visit)


def test_before_the_secret_little_is_taken() -> None:
    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        socket = await visitor.socket()
        await socket.send_bytes(chunk(1, 0, 100_000, b"x"))
        assert (await socket.receive(60)).type == WSMsgType.CLOSE

    visiting(visit)


def test_the_page_says_where_its_socket_is() -> None:
    async def visit(visitor: Visitor) -> None:
        await visitor.open_link()
        headers = {"Cookie": visitor.cookie, "Origin": visitor.origin}
        answer = await visitor.session.post(f"{visitor.origin}/session", headers=headers)
        told = json.loads(await answer.text())
        assert told["sessionURL"] == f"ws://{visitor.link.authority}/ws"
        assert told["secret"] not in {"wslink-secret", TOKEN}

    visiting(visit)
