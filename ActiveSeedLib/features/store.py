"""Feature vectors by case and encoder, and filling them from a pool."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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
from ActiveSeedLib.features.shards import Shelf, Waiting
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.progress import Progress

_READERS = 3
_BATCH_CASES = 8
_AHEAD_CASES = 16
_AHEAD_VOXELS = 64_000_000

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


@dataclass(frozen=True)
class Encoded:
    """What came of one case: a vector [D], or the sentence that says why there is none."""

    key: str
    vector: NDArray[np.float32] | None = None
    problem: str | None = None


EncodeCases = Callable[[Encoder, list[Case], Progress], Iterator[Encoded]]
"""Encodes cases with one encoder, which is not a fused one, in any order."""


def encode_pool(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    encoder: Encoder,
    store: FeatureStore,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Encode the cases that `store` lacks, here; return key → sentence of those that failed.

    Args:
        cases: in any order; cases already in the store cost nothing.
        load: reads the image of a case; may raise any error, which becomes the case's sentence.
        encoder: see `make_encoder`.
        store: where the vectors go.
        progress: see `encode_cases`.

    Raises:
        CancelledError: through `progress`; what was encoded is kept.
    """

    def here(one: Encoder, waiting: list[Case], part: Progress) -> Iterator[Encoded]:
        kept = store.shelf(one.parts) if isinstance(one, ThoroughEncoder) else None
        return encode_cases(waiting, load, one, kept, part)

    return fill_store(cases, here, encoder, store, progress or Progress())


def fill_store(
    cases: Sequence[Case],
    encode: EncodeCases,
    encoder: Encoder,
    store: FeatureStore,
    progress: Progress,
) -> dict[str, str]:
    """Have the cases encoded that `store` lacks; return key → sentence of those that failed.

    What is encoded is saved every few seconds, so that a later call resumes; earlier failures are
    tried again. With a fused encoder each member encodes, and a case that one of them cannot encode
    has failed.
    """
    if isinstance(encoder, FusedEncoder):
        failures: dict[str, str] = {}
        count = len(encoder.members)
        for number, member in enumerate(encoder.members):
            part = progress.part(number / count, (number + 1) / count, f"{member.name}: ")
            failures |= fill_store(cases, encode, member, store, part)
        return failures
    shelf = store.shelf(encoder)
    wanted = set(shelf.missing([case.key for case in cases]))
    waiting = list({case.key: case for case in cases if case.key in wanted}.values())
    if not waiting:
        return {}
    shelf.describe(encoder.provenance)
    vectors, failures = Waiting(shelf), {}
    try:
        for one in encode(encoder, waiting, progress):
            if one.vector is None:
                failures[one.key] = one.problem or "The case could not be encoded."
            else:
                vectors.add(one.key, one.vector)
    finally:
        vectors.save()
        shelf.record_failures(failures)
    progress.update(1.0, f"Encoded {len(waiting) - len(failures)} of {len(waiting)} cases")
    return failures


def encode_cases(
    cases: Sequence[Case],
    load: Callable[[Case], Image],
    encoder: Encoder,
    kept: Shelf | None,
    progress: Progress,
) -> Iterator[Encoded]:
    """Yield what comes of each case. One bad case never stops it.

    Images are read by threads while the encoder works.

    Args:
        cases: in any order.
        load: reads the image of a case; may raise any error, which becomes the case's sentence.
        encoder: see `make_encoder`; not a fused one.
        kept: where a `ThoroughEncoder` keeps what it finds of the parts of an image.
        progress: told "Encoding case 12 of 240"; asked to stop between batches of eight
            slices or one volume, by a `ThoroughEncoder` more often.

    Raises:
        CancelledError: through `progress`.
    """
    total, done = len(cases), 0
    most = 1 if isinstance(encoder, ThoroughEncoder) else _BATCH_CASES
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
        try:
            for batch in _batches(cases, load, readers, most):
                step = f"Encoding case {done + 1} of {total}"
                progress.update(done / total, step)
                part = progress.part(done / total, (done + len(batch)) / total, f"{step}: ")
                yield from _encode(batch, encoder, kept, part)
                done += len(batch)
        finally:
            readers.shutdown(wait=False, cancel_futures=True)


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


def _batches(
    waiting: Sequence[Case],
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


def _encode(
    batch: list[Reading], encoder: Encoder, kept: Shelf | None, progress: Progress
) -> list[Encoded]:
    """Return what comes of a batch that is being read."""
    done: list[Encoded] = []
    images: dict[str, Image] = {}
    for case, reading in batch:
        try:
            image = reading.result()
        except NO_CASE_TO_BLAME:
            raise
        except Exception as error:
            done.append(Encoded(case.key, problem=_sentence(error)))
            continue
        why = check_image(image)
        if why is None:
            images[case.key] = image
        else:
            done.append(Encoded(case.key, problem=why))
    progress.check()
    return done + _encode_images(images, encoder, kept, progress)


def _encode_images(
    images: dict[str, Image], encoder: Encoder, kept: Shelf | None, progress: Progress
) -> list[Encoded]:
    """Return what comes of the images, by key: together or, where that fails, one by one."""
    if not images:
        return []
    try:
        if isinstance(encoder, ThoroughEncoder):
            vectors = encoder.encode_kept(list(images.values()), kept, progress)
        else:
            vectors = encoder.encode(list(images.values()))
    except NO_CASE_TO_BLAME:
        raise
    except Exception as error:
        if len(images) == 1:
            return [Encoded(key, problem=_sentence(error)) for key in images]
        return [
            one
            for key, image in images.items()
            for one in _encode_images({key: image}, encoder, kept, progress)
        ]
    return [
        Encoded(key, vector if why is None else None, why)
        for key, vector, why in zip(images, vectors, check_vectors(vectors), strict=True)
    ]


def _sentence(error: Exception) -> str:
    return str(error) or f"The case failed with {type(error).__name__}."
