"""The fastest gzip reader that is installed: isal, or else the standard library's."""

import gzip
import importlib
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

from ActiveSeedLib.pool import limits

_gzip: ModuleType = gzip
_zlib: ModuleType = zlib
try:
    _gzip = importlib.import_module("isal.igzip")
    _zlib = importlib.import_module("isal.isal_zlib")
except ImportError:  # Slicer before its packages were completed
    pass

_PIECE = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
MOST_SHRUNK = 1032  # deflate makes nothing smaller than by this factor

# Raised by damaged streams, whichever reader is in use.
DAMAGE: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, _zlib.error)


def open_stream(source: Path | Any) -> Any:
    """Open a gzip file, or a binary file placed at a gzip stream, for reading what it holds.

    Several members are read as one. The checksum and length of each are checked when its end is
    passed; a damaged stream raises one of `DAMAGE`.
    """
    return _gzip.open(source, "rb")


def first_bytes(compressed: bytes, count: int) -> bytes:
    """Return the first `count` bytes, or as many as there are, of what a gzip stream holds."""
    found = b""
    while compressed and len(found) < count:  # a stream may be of several members
        inflater = _zlib.decompressobj(zlib.MAX_WBITS | 16)
        found += bytes(inflater.decompress(compressed, count - len(found)))
        compressed = inflater.unused_data
    return found


def prove_rest(stream: Any) -> int:
    """Read what follows the voxels, of no use but for its checksum; return how many bytes it is.

    Raises UnreadableImageError if it is more than `limits` allow: a header that says too little, or
    a stream made to keep its reader busy.
    """
    buffer = bytearray(_PIECE)
    total = 0
    while count := stream.readinto(buffer):
        total += int(count)
        limits.require_beside(total)
    return total


def inflater(*, raw: bool = False) -> Any:
    """Return what inflates a zlib (or `raw` deflate) stream by pieces, as `zlib.decompressobj`."""
    return _zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
