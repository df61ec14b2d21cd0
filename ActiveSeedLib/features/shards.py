"""The vectors of one encoder as a folder of plain files.

Shards `shard-<number>.npz`, each with `keys` [n] and `vectors` [n, D] float32; `encoder.json`
(provenance) and `failures.json` (key → sentence). Every file is written atomically, so that a
killed process loses at most what had not been put yet. Small shards are merged, so that 100,000
cases need a few dozen files.
"""

import json
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.archives import require_moderate
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import replacing, write_json
from ActiveSeedLib.pool.formats import brief

_FULL = 4096
"""Rows from which on a shard is not merged any more."""
_SMALL_SHARDS = 16
"""So many shards below `_FULL` are merged into one."""

_SAVE_SECONDS = 5.0

_DAMAGE = (
    *(InputError, OSError, ValueError, KeyError, MemoryError, EOFError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)


class Shelf:
    """The vectors of one encoder, by case key; `folder` is created when first written to.

    Args:
        folder: where they are kept.
        known: another folder of vectors, which is read but never written to.
    """

    def __init__(self, folder: Path, known: Path | None = None) -> None:
        self.folder = folder
        self._rows: dict[str, tuple[Path, int]] = {}
        self._lengths: dict[Path, int] = {}
        if known is not None and known != folder:
            self._rows.update(Shelf(known)._rows)
        for path in sorted(self.folder.glob("shard-*.npz")):
            # What a failing disk has damaged counts as not there, and is encoded again.
            with suppress(*_DAMAGE):
                self._add(path, _keys(path))

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return those of `keys`, in their order, that have no vector."""
        return [key for key in keys if key not in self._rows]

    def put(self, keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Add `vectors` [n, D] of `keys`, replacing earlier ones; durable when it returns."""
        if len(keys) != len(vectors):
            raise ValueError(f"{len(keys)} keys for {len(vectors)} vectors")
        if len(keys) == 0:
            return
        self._write(list(keys), np.asarray(vectors, dtype=np.float32))
        small = [path for path, length in self._lengths.items() if length < _FULL]
        if len(small) >= _SMALL_SHARDS:
            self._merge(small)
        kept = {key: why for key, why in self.failures().items() if key not in self._rows}
        if len(kept) < len(self.failures()):
            write_json(self.folder / "failures.json", kept)

    def get(self, keys: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of `keys`, [n, D], in their order; `KeyError` if one is missing.

        Raises `InputError` if a shard is damaged.
        """
        places: dict[Path, list[tuple[int, int]]] = {}
        for position, key in enumerate(keys):
            path, row = self._rows[key]
            places.setdefault(path, []).append((position, row))
        result: NDArray[np.float32] | None = None
        for path, pairs in places.items():
            try:
                vectors = _read(path, "vectors")
                if vectors.ndim != 2 or len(vectors) <= max(row for _, row in pairs):
                    raise ValueError(f"it holds vectors of the shape {vectors.shape}")
            except _DAMAGE as error:
                raise InputError(
                    f"{path} is damaged ({brief(error)}): delete it, and its cases are encoded "
                    "again."
                ) from error
            if result is None:
                result = np.empty((len(keys), vectors.shape[1]), dtype=np.float32)
            positions, rows = np.array(pairs).T
            result[positions] = vectors[rows]
        return np.empty((0, 0), dtype=np.float32) if result is None else result

    def take_over(self, other: "Shelf") -> None:
        """Add those vectors of another shelf that are missing here."""
        keys = self.missing(list(other._rows))
        if keys:
            self.put(keys, other.get(keys))

    def failures(self) -> dict[str, str]:
        """Return key → sentence of the cases that could not be encoded."""
        try:
            reasons = json.loads((self.folder / "failures.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none, or damaged: those cases are tried again
            return {}
        return reasons if isinstance(reasons, dict) else {}

    def record_failures(self, failures: dict[str, str]) -> None:
        """Keep why cases could not be encoded."""
        if failures:
            write_json(self.folder / "failures.json", self.failures() | failures)

    def describe(self, provenance: dict[str, Any]) -> None:
        """Write the encoder's provenance beside its vectors, once."""
        path = self.folder / "encoder.json"
        if not path.is_file():
            write_json(path, provenance)

    def _add(self, path: Path, keys: list[str]) -> None:
        self._lengths[path] = len(keys)
        self._rows.update((key, (path, row)) for row, key in enumerate(keys))

    def _write(self, keys: list[str], vectors: NDArray[np.float32]) -> None:
        last = max((int(path.stem.removeprefix("shard-")) for path in self._lengths), default=0)
        path = self.folder / f"shard-{last + 1:08d}.npz"
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=vectors)
        self._add(path, keys)

    def _merge(self, paths: list[Path]) -> None:
        """Replace `paths` by one shard; a crash in between leaves rows twice, which is harmless."""
        keys = [key for key, (path, _) in self._rows.items() if path in set(paths)]
        self._write(keys, self.get(keys))
        for path in paths:
            del self._lengths[path]
            path.unlink(missing_ok=True)


class Waiting:
    """Vectors that are put on a shelf every few seconds, and by `save`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._saved = monotonic()

    def add(self, key: str, vector: NDArray[np.float32]) -> None:
        """Keep the vector [D] of a key."""
        self._vectors[key] = vector
        if monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Put on the shelf what is not there yet."""
        if self._vectors:
            self._shelf.put(list(self._vectors), np.stack(list(self._vectors.values())))
        self._vectors, self._saved = {}, monotonic()


def _keys(path: Path) -> list[str]:
    """Return the keys of a shard that is whole: its vectors are read later, when they must be."""
    with zipfile.ZipFile(path) as shard:
        if shard.testzip() is not None:
            raise zipfile.BadZipFile
    keys: list[str] = _read(path, "keys").tolist()
    return keys


def _read(path: Path, name: str) -> NDArray[np.generic]:
    require_moderate(path)
    with np.load(path, allow_pickle=False) as shard:
        array: NDArray[np.generic] = shard[name]
    return array
