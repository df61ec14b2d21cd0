"""Feature vectors by case and encoder, and filling them from a pool."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.errors import NO_CASE_TO_BLAME
from ActiveSeedLib.features.encoder import (
    Encoder,
    ThoroughEncoder,
    check_image,
    check_vectors,
)
from ActiveSeedLib.features.fused import FusedEncoder
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.progress import Progress

_READERS = 3
_BATCH_CASES = 8
_AHEAD_CASES = 16
_AHEAD_VOXELS = 64_000_000
_SAVE_SECONDS = 5.0

Reading = tuple[Case, "Future[Image]"]


class FeatureStore:
    """The feature vectors of a project: one subfolder of `folder` an encoder, named by its hash.

    `encoder` is an `Encoder` or just its hash, with which nothing heavy need be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shelves: dict[str, Shelf] = {}

    def missing(self, keys: Sequence[str], encoder: Encoder | str) -> list[str]:
        """Return those of `keys`, in their order, that have no vector."""
        if isinstance(encoder, FusedEncoder):
            lacking = {key for one in encoder.members for key in self.missing(keys, one)}
            return [key for key in keys if key in lacking]
        return self.shelf(encoder).missing(keys)

    def put(
        self, keys: Sequence[str], vectors: NDArray[np.float32], encoder: Encoder | str
    ) -> None:
        """Add `vectors` [n, D] of `keys`; durable when it returns."""
        self.shelf(encoder).put(keys, vectors)

    def get(self, keys: Sequence[str], encoder: Encoder | str) -> NDArray[np.float32]:
        """Return the vectors of `keys`, [n, D], in their order; `KeyError` if one is missing.

        Those of a fused encoder are its members' side by side; see `fused.balanced`.
        """
        if isinstance(encoder, FusedEncoder):
            return np.hstack([self.get(keys, one) for one in encoder.members])
        return self.shelf(encoder).get(keys)

    def failures(self, encoder: Encoder | str) -> dict[str, str]:
        """Return key → sentence of the cases that could not be encoded."""
        return self.shelf(encoder).failures()

    def shelf(self, encoder: Encoder | str) -> Shelf:
        """Return the vectors of one encoder."""
        name = encoder if isinstance(encoder, str) else encoder.hash
        if name not in self._shelves:
            self._shelves[name] = Shelf(self.folder / name)
        return self._shelves[name]


def encode_pool(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    encoder: Encoder,
    store: FeatureStore,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Encode the cases that `store` lacks; return key → sentence of those that failed.

    Images are read by threads while the encoder works. What is encoded is saved every few seconds,
    so that a later call resumes; earlier failures are tried again. One bad case never stops it.

    Args:
        cases: in any order; cases already in the store cost nothing.
        load: reads the image of a case; may raise any error, which becomes the case's sentence.
        encoder: see `make_encoder`.
        store: where the vectors go.
        progress: told "Encoding case 12 of 240"; asked to stop between batches of eight
            slices or one volume, by a `ThoroughEncoder` more often.

    Raises:
        CancelledError: through `progress`; what was encoded is kept.
    """
    progress = progress or Progress()
    if isinstance(encoder, FusedEncoder):
        return _encode_by_each(cases, load, encoder, store, progress)
    shelf = store.shelf(encoder)
    wanted = set(shelf.missing([case.key for case in cases]))
    waiting = list({case.key: case for case in cases if case.key in wanted}.values())
    if not waiting:
        return {}
    shelf.describe(encoder.provenance)
    run = _Run(encoder, store)
    try:
        with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
            try:
                _encode_all(waiting, load, run, readers, progress)
            finally:
                readers.shutdown(wait=False, cancel_futures=True)
    finally:
        run.save()
    progress.update(1.0, f"Encoded {len(waiting) - len(run.failures)} of {len(waiting)} cases")
    return run.failures


def measure_pool(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    measure: Encoder,
    store: FeatureStore,
    progress: Progress,
) -> NDArray[np.float64]:
    """Return what `measure`, an encoder of one number, says of each case; NaN where it failed."""
    failures = encode_pool(cases, load, measure, store, progress)
    values = np.full(len(cases), np.nan)
    known = [index for index, case in enumerate(cases) if case.key not in failures]
    values[known] = store.get([cases[index].key for index in known], measure)[:, 0]
    return values


def _encode_by_each(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    encoder: FusedEncoder,
    store: FeatureStore,
    progress: Progress,
) -> dict[str, str]:
    """Encode with every member; a case that one of them cannot encode has failed."""
    failures: dict[str, str] = {}
    count = len(encoder.members)
    for number, member in enumerate(encoder.members):
        part = progress.part(number / count, (number + 1) / count, f"{member.name}: ")
        failures |= encode_pool(cases, load, member, store, part)
    return failures


def _encode_all(
    waiting: list[Case],
    load: Callable[[Case], Image],
    run: "_Run",
    readers: ThreadPoolExecutor,
    progress: Progress,
) -> None:
    """Encode batch by batch, the next ones being read meanwhile."""
    total = len(waiting)
    done = 0
    for batch in _batches(waiting, load, readers, run.batch_cases):
        step = f"Encoding case {done + 1} of {total}"
        progress.update(done / total, step)
        part = progress.part(done / total, (done + len(batch)) / total, f"{step}: ")
        run.encode(batch, part)
        done += len(batch)


def _batches(
    waiting: list[Case],
    load: Callable[[Case], Image],
    readers: ThreadPoolExecutor,
    most: int,
) -> Iterator[list[Reading]]:
    """Yield the cases in order, being read: up to `most` single slices or one volume at a time.

    So a batch is about eight slices of work, which leaves time to hear of a cancel.
    """
    queue: deque[Reading] = deque()
    coming = iter(waiting)
    case = next(coming, None)
    while case is not None or queue:
        voxels = sum(math.prod(waits.geometry.size) for waits, _ in queue)
        while case is not None and len(queue) < _AHEAD_CASES and voxels < _AHEAD_VOXELS:
            queue.append((case, readers.submit(load, case)))
            voxels += math.prod(case.geometry.size)
            case = next(coming, None)
        batch = [queue.popleft()]
        while queue and len(batch) < most and batch[0][0].is_2d and queue[0][0].is_2d:
            batch.append(queue.popleft())
        yield batch


class _Run:
    """What one call of `encode_pool` has encoded and not saved yet."""

    def __init__(self, encoder: Encoder, store: FeatureStore) -> None:
        self.failures: dict[str, str] = {}
        self.batch_cases = 1 if isinstance(encoder, ThoroughEncoder) else _BATCH_CASES
        self._encoder = encoder
        self._store = store
        self._shelf = store.shelf(encoder)
        self._keys: list[str] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._saved = monotonic()

    def encode(self, batch: list[Reading], progress: Progress) -> None:
        """Encode what could be read of `batch`; note the rest as failed."""
        keys: list[str] = []
        images: list[Image] = []
        for case, reading in batch:
            try:
                image = reading.result()
            except NO_CASE_TO_BLAME:
                raise
            except Exception as error:
                self.failures[case.key] = _sentence(error)
                continue
            why = check_image(image)
            if why is None:
                keys.append(case.key)
                images.append(image)
            else:
                self.failures[case.key] = why
        progress.check()
        self._encode_images(keys, images, progress)
        if monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Put what is encoded into the store."""
        if self._keys:
            self._shelf.put(self._keys, np.stack(self._vectors))
        self._shelf.record_failures(self.failures)
        self._keys, self._vectors, self._saved = [], [], monotonic()

    def _encode_images(self, keys: list[str], images: list[Image], progress: Progress) -> None:
        if not keys:
            return
        try:
            vectors = self._vectors_of(images, progress)
        except NO_CASE_TO_BLAME:
            raise
        except Exception as error:
            if len(keys) == 1:
                self.failures[keys[0]] = _sentence(error)
                return
            for key, image in zip(keys, images, strict=True):
                self._encode_images([key], [image], progress)
            return
        for key, vector, why in zip(keys, vectors, check_vectors(vectors), strict=True):
            if why is None:
                self._keys.append(key)
                self._vectors.append(vector)
            else:
                self.failures[key] = why

    def _vectors_of(self, images: list[Image], progress: Progress) -> NDArray[np.float32]:
        if isinstance(self._encoder, ThoroughEncoder):
            kept = self._store.shelf(self._encoder.parts)
            return self._encoder.encode_kept(images, kept, progress)
        return self._encoder.encode(images)


def _sentence(error: Exception) -> str:
    return str(error) or f"The case failed with {type(error).__name__}."
