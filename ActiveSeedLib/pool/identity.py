"""Who a file is by its content, so that moving and renaming do not matter."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PIECE = 4096


@dataclass(frozen=True)
class Peek:
    """A glance at a file: its size in bytes, its first 4,096 bytes, and its quick key."""

    size: int
    head: bytes
    key: str


def peek(path: Path) -> Peek:
    """Return size, head and quick key of the file, reading 12 kB at most.

    The key (32 hexadecimal digits) is made of the size and of 4,096 bytes each of the head, the
    middle and the tail, or of everything in a file of at most 12,288 bytes. The tail of a gzip
    stream holds the checksum of all of it. Raises OSError if the file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(PIECE)
        pieces = [size.to_bytes(8, "little"), head]
        if size <= 3 * PIECE:
            pieces.append(file.read())
        else:
            for position in ((size - PIECE) // 2, size - PIECE):
                file.seek(position)
                pieces.append(file.read(PIECE))
    return Peek(size, head, _key(pieces))


def combined_key(keys: Iterable[str]) -> str:
    """Return the key of a case that consists of several files, in whatever order they come."""
    return _key(key.encode() for key in sorted(keys))


def full_key(paths: Sequence[Path]) -> str:
    """Return a key (32 hexadecimal digits) made of every byte of the files in turn."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


def _key(pieces: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
