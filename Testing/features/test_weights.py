"""Fetching weights, from a server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.features.weights import (
    KNOWN,
    KnownWeights,
    download,
    known,
    verify,
    weights_folder,
)
from ActiveSeedLib.progress import Progress

DATA = bytes(range(256)) * 20_000
DIGEST = hashlib.sha256(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path in ("/away", "/insecure"):
            self.send_response(302)
            there = "/good" if self.path == "/away" else "http://198.51.100.1/good"
            self.send_header("Location", there)
            self.end_headers()
        elif self.path in ("/good", "/cut"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA)))
            self.end_headers()
            self.wfile.write(DATA if self.path == "/good" else DATA[: len(DATA) // 3])
        else:
            self.send_error(404)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


def entry(url: str | None, sha256: str | None = DIGEST) -> KnownWeights:
    return KnownWeights("mine", "mobilenet", "mine.pth", "imagenet", "MIT", "here", url, sha256)


@pytest.mark.parametrize("page", ["/good", "/away"])
@pytest.mark.parametrize("published", [DIGEST, DIGEST[:8], None])
def test_a_download_is_whole_and_verified(server, tmp_path, page, published) -> None:
    notes: list[str] = []
    fractions: list[float] = []

    def listen(kind: str, values: dict) -> None:
        (notes if kind == "note" else fractions).append(values.get("text") or values["fraction"])

    path = download(entry(server + page, published), progress=Progress(listen), folder=tmp_path)
    assert path == tmp_path / "mine.pth"
    assert path.read_bytes() == DATA
    assert DIGEST in notes[-1]
    assert fractions[-1] == 1
    # Without a whole published checksum the first one seen is kept beside the file.
    assert (tmp_path / "mine.pth.sha256").exists() == (published != DIGEST)
    path.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(InputError, match=r"is not the published|has changed since"):
        verify(entry(None, published), path)


def test_an_existing_file_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").write_bytes(DATA)
    assert download(entry("https://invalid.invalid/x"), folder=tmp_path).read_bytes() == DATA


@pytest.mark.parametrize(
    ("page", "published", "words"),
    [
        ("/good", "0" * 64, "is not the published mine"),
        ("/cut", None, "ended after 1706666 of 5120000 bytes|could not be downloaded"),
        ("/none", None, "could not be downloaded"),
        ("/insecure", None, "not a secure address"),
    ],
)
def test_what_is_not_the_file_leaves_nothing(server, tmp_path, page, published, words) -> None:
    with pytest.raises(InputError, match=words):
        download(entry(server + page, published), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["http://example.org/mine.pth", "file:///etc/hostname", "ftp://x/y"]
)
def test_only_secure_addresses(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="https only"):
        download(entry(url), folder=tmp_path)


def test_a_cancel_leaves_nothing(server, tmp_path: Path) -> None:
    reports: list[str] = []
    progress = Progress(lambda kind, values: reports.append(kind), lambda: len(reports) > 2)
    with pytest.raises(CancelledError):
        download(entry(server + "/good"), progress=progress, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_table_of_known_weights_is_sound() -> None:
    assert len({weights.name for weights in KNOWN}) == len(KNOWN)
    for weights in KNOWN:
        assert weights.url is None or weights.url.startswith("https://")
        assert set(weights.sha256 or "") <= set("0123456789abcdef")
        assert weights.licence
    with pytest.raises(InputError, match="choose one of: mobilenet-v2-tf"):
        known("resnet")
    with pytest.raises(InputError, match="No public host"):
        download("mobilenet-v2-tf")


def test_the_folder_of_weights_can_be_chosen(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    monkeypatch.delenv("ACTIVESEED_WEIGHTS")
    assert weights_folder().parts[-2:] == ("activeseed", "weights")
