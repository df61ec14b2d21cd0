"""Keeping vectors, and encoding a pool into the store."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.errors import CancelledError, UnreadableImageError
from ActiveSeedLib.features.encoder import make_encoder
from ActiveSeedLib.features.store import FeatureStore, encode_pool
from ActiveSeedLib.pool.case import Case, Geometry, Image
from ActiveSeedLib.progress import Progress

from .images import case, noise


class Mean:
    """The plainest encoder there can be: mean and deviation."""

    name = "mean"
    hash = "0123456789abcdef" * 2
    dimension = 2
    provenance: dict = {"encoder": "mean"}  # noqa: RUF012

    def __init__(self) -> None:
        self.seen = 0

    def encode(self, images):
        self.seen += len(images)
        return np.array([[i.array.mean(), i.array.std()] for i in images], dtype=np.float32)


def load(one: Case) -> Image:
    return noise(int(one.key, 16), one.geometry.shape)


# The store


def test_vectors_come_back_in_the_order_asked_for_after_reopening(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.put(["a", "b"], np.array([[1, 2], [3, 4]], np.float32), Mean())
    store.put(["c"], np.array([[5, 6]], np.float32), Mean())
    for opened in (store, FeatureStore(tmp_path)):
        np.testing.assert_array_equal(opened.get(["c", "a"], Mean()), [[5, 6], [1, 2]])
        assert opened.missing(["x", "b", "y"], Mean.hash) == ["x", "y"]
        assert opened.missing(["a"], "another encoder") == ["a"]
        with pytest.raises(KeyError):
            opened.get(["x"], Mean())


@settings(max_examples=20)
@given(
    puts=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True), max_size=60)
)
def test_the_store_is_a_dictionary(puts: list[list[int]], tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = FeatureStore(folder)
    model: dict[str, float] = {}
    for number, keys in enumerate(puts):
        vectors = np.array([[number, key] for key in keys], np.float32)
        store.put([str(key) for key in keys], vectors, "e")
        model |= {str(key): number for key in keys}
    for opened in (store, FeatureStore(folder)):
        found = opened.get(list(model), "e")
        expected = [[number, int(key)] for key, number in model.items()]
        np.testing.assert_array_equal(found, np.reshape(expected, found.shape))
    assert len(list(folder.rglob("shard-*"))) <= 16


def test_many_cases_need_few_files_that_numpy_reads(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    for start in range(0, 12_000, 100):
        keys = [f"{number:032x}" for number in range(start, start + 100)]
        store.put(keys, np.full((100, 8), start, np.float32), "e")
    shards = sorted((tmp_path / "e").glob("shard-*.npz"))
    assert len(shards) <= 20
    with np.load(shards[0], allow_pickle=False) as shard:
        assert shard["vectors"].shape == (len(shard["keys"]), 8)
    assert store.get([f"{11_950:032x}"], "e")[0, 0] == 11_900


def cut_off(data: bytes) -> bytes:
    return data[:-40]


def with_other_bits_in_a_vector(data: bytes) -> bytes:
    place = data.index(b"vectors.npy") + len("vectors.npy") + 20 + 128  # after its header
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


@pytest.mark.parametrize("damaged", [cut_off, with_other_bits_in_a_vector])
def test_a_damaged_shard_is_encoded_again(
    tmp_path: Path, damaged: Callable[[bytes], bytes]
) -> None:
    cases = [case(number) for number in range(6)]
    encode_pool(cases[:3], load, Mean(), FeatureStore(tmp_path))
    encode_pool(cases, load, Mean(), FeatureStore(tmp_path))
    first, second = sorted(tmp_path.rglob("shard-*"))
    first.write_bytes(damaged(first.read_bytes()))
    store = FeatureStore(tmp_path)
    assert store.missing([c.key for c in cases], Mean()) == [c.key for c in cases[:3]]
    assert encode_pool(cases, load, Mean(), store) == {}
    assert store.missing([c.key for c in cases], Mean()) == []
    assert second.exists()
    assert FeatureStore(tmp_path).missing([c.key for c in cases], Mean()) == []


# Encoding a pool


def test_encoding_resumes_and_equals_encoding_one_by_one(tmp_path: Path) -> None:
    encoder = make_encoder("descriptor")
    cases = [case(n, (1, 32, 32) if n % 3 else (5, 20, 24)) for n in range(20)]
    store = FeatureStore(tmp_path)
    steps: list[tuple[float, str]] = []
    encode_pool(cases[5:9], load, encoder, store)
    listener = Progress(lambda kind, values: steps.append((values["fraction"], values["step"])))
    assert encode_pool(cases, load, encoder, store, listener) == {}
    expected = np.concatenate([encoder.encode([load(one)]) for one in cases])
    np.testing.assert_array_equal(store.get([one.key for one in cases], encoder), expected)
    assert steps[0] == (0.0, "Encoding case 1 of 16")
    assert [fraction for fraction, _ in steps] == sorted(fraction for fraction, _ in steps)
    assert steps[-1] == (1.0, "Encoded 16 of 16 cases")
    provenance = json.loads((tmp_path / encoder.hash / "encoder.json").read_text())
    assert provenance["encoder"] == "descriptor"
    idle = Mean()
    assert encode_pool(cases, load, encoder, store) == {}
    assert idle.seen == 0


def test_one_bad_case_never_stops_the_pool(tmp_path: Path) -> None:
    cases = [case(number) for number in range(24)]

    def sometimes(one: Case) -> Image:
        number = int(one.key, 16)
        if number == 3:
            raise UnreadableImageError("3.nrrd ends early; copy it again.")
        if number == 7:
            raise KeyError
        if number == 11:
            return Image(np.zeros((1, 9, 9)), Geometry((9, 9, 1)))
        return load(one)

    class Fragile(Mean):
        def encode(self, images):
            if any(np.isclose(i.array.flat[0], load(cases[13]).array.flat[0]) for i in images):
                raise RuntimeError("the kernel failed")
            vectors = super().encode(images)
            for row, image in zip(vectors, images, strict=True):
                if np.array_equal(image.array, load(cases[17]).array):
                    row[:] = np.nan
            return vectors

    store = FeatureStore(tmp_path)
    failures = encode_pool(cases, sometimes, Fragile(), store)
    assert {int(key, 16) for key in failures} == {3, 7, 11, 13, 17}
    assert failures[cases[3].key] == "3.nrrd ends early; copy it again."
    assert "KeyError" in failures[cases[7].key]
    assert "Every voxel has the value 0" in failures[cases[11].key]
    assert failures[cases[13].key] == "the kernel failed"
    assert "not finite" in failures[cases[17].key]
    assert FeatureStore(tmp_path).failures(Mean()) == failures
    assert set(store.missing([c.key for c in cases], Mean())) == set(failures)
    # Once they can be read they are encoded, and are no failures any more.
    assert encode_pool(cases, load, Mean(), store) == {}
    assert FeatureStore(tmp_path).failures(Mean()) == {}


def test_a_cancel_is_heard_and_what_was_encoded_is_kept(tmp_path: Path) -> None:
    cases = [case(number) for number in range(400)]
    stop = threading.Event()

    class Slow(Mean):
        def encode(self, images):
            time.sleep(0.02 * len(images))
            if self.seen >= 24:
                stop.set()
            return super().encode(images)

    encoder = Slow()
    store = FeatureStore(tmp_path)
    with pytest.raises(CancelledError):
        encode_pool(cases, load, encoder, store, Progress(cancelled=stop.is_set))
    assert 24 <= encoder.seen <= 48
    left = FeatureStore(tmp_path).missing([c.key for c in cases], Mean())
    assert len(left) == len(cases) - encoder.seen


def test_images_are_read_ahead_but_not_all_at_once(tmp_path: Path) -> None:
    read: list[str] = []
    ahead: list[int] = []

    def reading(one: Case) -> Image:
        read.append(one.key)
        return load(one)

    class Watching(Mean):
        def encode(self, images):
            time.sleep(0.01)
            ahead.append(len(read) - self.seen)
            return super().encode(images)

    encode_pool([case(n) for n in range(100)], reading, Watching(), FeatureStore(tmp_path))
    assert 8 < max(ahead) <= 16
    assert sorted(read) == [case(n).key for n in range(100)]


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from features.test_store import Mean, case, load
from ActiveSeedLib.features import shards, store

class Slow(Mean):
    def encode(self, images):
        time.sleep(0.05)
        return super().encode(images)

shards._SAVE_SECONDS = 0.1
store.encode_pool([case(n) for n in range(400)], load, Slow(), store.FeatureStore(Path({out!r})))
"""


def test_a_killed_process_loses_only_what_was_not_saved(tmp_path: Path) -> None:
    tests = str(Path(__file__).resolve().parents[1])
    code = KILLED.format(tests=tests, out=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    try:
        deadline = time.monotonic() + 30
        while len(list(tmp_path.rglob("shard-*.npz"))) < 3:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    cases = [case(number) for number in range(400)]
    store = FeatureStore(tmp_path)
    left = len(store.missing([c.key for c in cases], Mean()))
    assert 0 < left <= 400 - 3 * 8
    encoder = Mean()
    assert encode_pool(cases, load, encoder, store) == {}
    assert encoder.seen == left
    expected = Mean().encode([load(one) for one in cases])
    np.testing.assert_array_equal(store.get([c.key for c in cases], Mean()), expected)
