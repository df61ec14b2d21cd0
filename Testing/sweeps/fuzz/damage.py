"""Damage to a file: a list of changes, each at a place told as a fraction of the length."""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass

NUMBERS = (
    b"",
    b"0",
    b"-1",
    b"nan",
    b"inf",
    b"1e400",
    b"99999999999999999999",
    b"65536",
    b"\xd9\xa3",
)
_VALUES = (
    *(struct.pack("<i", value) for value in (0, -1, 1, 2**31 - 1, -(2**31), 65536)),
    *(struct.pack("<f", value) for value in (0.0, -1.0, float("nan"), float("inf"), 1e30, 1e-30)),
    *(struct.pack(">h", value) for value in (0, -1, 32767, -32768)),
)
KINDS = ("flip", "byte", "value", "cut", "remove", "repeat", "insert", "number")


@dataclass(frozen=True)
class Change:
    """One change: of which kind (`KINDS`), where (0 to 1), and with which number (0 to 2^32)."""

    kind: str
    where: float
    value: int


def apply(data: bytes, changes: Sequence[Change]) -> bytes:
    """Return `data` with the changes."""
    for change in changes:
        at = min(int(change.where * len(data)), max(len(data) - 1, 0))
        data = _changed(data, change.kind, at, change.value)
    return data


def random_changes(seed: int) -> list[Change]:
    """Return one to four changes, the same for the same seed; most near the beginning."""
    rng = random.Random(seed)
    return [
        Change(rng.choice(KINDS), rng.random() ** rng.choice((1, 4)), rng.getrandbits(32))
        for _ in range(rng.randint(1, 4))
    ]


def _changed(data: bytes, kind: str, at: int, value: int) -> bytes:
    length = 1 + value % 64
    before, behind = data[:at], data[at:]
    match kind:
        case "flip" if behind:
            return before + bytes([behind[0] ^ (1 << value % 8)]) + behind[1:]
        case "byte" if behind:
            return before + bytes([value % 256]) + behind[1:]
        case "value":
            chosen = _VALUES[value % len(_VALUES)]
            return before + chosen + behind[len(chosen) :]
        case "cut":
            return before
        case "remove":
            return before + behind[length:]
        case "repeat":
            return before + behind[:length] + behind
        case "insert":
            return before + random.Random(value).randbytes(length) + behind
        case "number":
            return _number_changed(data, at, NUMBERS[value % len(NUMBERS)])
    return data


def _number_changed(data: bytes, at: int, number: bytes) -> bytes:
    """Return `data` with another number in place of the next one that is written in digits."""
    start = next((i for i in range(at, len(data)) if data[i : i + 1].isdigit()), None)
    if start is None:
        return data
    end = next((i for i in range(start, len(data)) if not data[i : i + 1].isdigit()), len(data))
    return data[:start] + number + data[end:]
