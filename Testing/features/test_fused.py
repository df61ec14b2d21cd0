"""Several encoders side by side: each has equal say, and none computes what it has computed."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import encoders, make_encoder
from ActiveSeedLib.features.fused import FusedEncoder, balanced
from ActiveSeedLib.features.store import FeatureStore, encode_pool
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.selection.feature_space import fuse_features
from Testing.features import images


class Stub:
    """Vectors of so many numbers of about such a size, from the image's first voxels."""

    def __init__(self, name: str, dimension: int, size: float) -> None:
        self.name, self.hash, self.dimension = name, name * 4, dimension
        self.provenance = {"encoder": name}
        self.size, self.asked = size, 0

    def encode(self, given: list[Image]) -> np.ndarray:
        self.asked += len(given)
        rows = [image.array.reshape(-1)[: self.dimension] for image in given]
        return (self.size * np.array(rows)).astype(np.float32)


@pytest.fixture
def fused() -> FusedEncoder:
    return FusedEncoder([Stub("small", 5, 0.001), Stub("large", 40, 1000.0)])


def load(case: Case) -> Image:
    return images.noise(int(case.key, 16))


def test_each_encoder_has_equal_say_in_the_distances(fused: FusedEncoder, tmp_path: Path) -> None:
    cases = [images.case(number) for number in range(30)]
    keys = [case.key for case in cases]
    store = FeatureStore(tmp_path)
    assert encode_pool(cases, load, fused, store) == {}
    vectors = store.get(keys, fused)
    pool, test = balanced(fused, vectors[:20], vectors[20:])
    assert pool.shape == (20, 45)
    says = [np.mean(pdist(block) ** 2) for block in (pool[:, :5], pool[:, 5:])]
    assert says[0] == pytest.approx(says[1], rel=1e-4)
    np.testing.assert_allclose(pool, fuse_features([vectors[:20, :5], vectors[:20, 5:]]), rtol=1e-5)
    # Within a block, distances are what they were, up to one scale; test cases have the same one.
    whole = np.vstack([pool, test])
    for block in (slice(0, 5), slice(5, None)):
        ratio = pdist(whole[:, block]) / pdist(vectors[:, block])
        assert ratio.std() < 1e-3 * ratio.mean()
    # Added test cases change nothing for the pool.
    np.testing.assert_array_equal(balanced(fused, vectors[:20])[0], pool)


def test_what_one_encoder_has_seen_is_used_again(fused: FusedEncoder, tmp_path: Path) -> None:
    cases = [images.case(number) for number in range(6)]
    store = FeatureStore(tmp_path)
    small, large = fused.members
    encode_pool(cases[:4], load, small, store)
    assert store.missing([case.key for case in cases], fused) == [case.key for case in cases]
    encode_pool(cases, load, fused, store)
    encode_pool(cases, load, fused, store)
    assert (small.asked, large.asked) == (6, 6)
    assert store.missing([case.key for case in cases], fused) == []
    alone = store.get([cases[2].key], large)
    np.testing.assert_array_equal(store.get([cases[2].key], fused)[:, 5:], alone)


def test_an_encoder_that_sees_no_difference_says_nothing(fused: FusedEncoder) -> None:
    vectors = np.ones((7, 45), np.float32)
    vectors[:, 5:] = np.random.default_rng(0).normal(size=(7, 40))
    (pool,) = balanced(fused, vectors)
    assert not pool[:, :5].any()
    assert np.isfinite(pool).all()


def test_a_case_that_one_encoder_refuses_has_failed(tmp_path: Path) -> None:
    class Refusing(Stub):
        def encode(self, given: list[Image]) -> np.ndarray:
            raise InputError("It does not want to.")

    fused = FusedEncoder([Stub("small", 5, 1.0), Refusing("other", 3, 1.0)])
    case = images.case(1)
    failures = encode_pool([case], load, fused, FeatureStore(tmp_path))
    assert failures == {case.key: "It does not want to."}


def test_it_is_made_by_names_and_known_by_its_members() -> None:
    entry = encoders.get("fused")
    assert entry.parse({"of": "descriptor + mobilenet"}).members == ["descriptor", "mobilenet"]
    for wrong in ("descriptor", "descriptor+descriptor", "descriptor+fused", "descriptor+nobody"):
        with pytest.raises(InputError):
            entry.parse({"of": wrong})
    with pytest.raises(InputError, match="trained on the pool"):
        make_encoder("fused")
    one = FusedEncoder([make_encoder("descriptor"), Stub("other", 3, 1.0)])
    again = FusedEncoder([make_encoder("descriptor"), Stub("other", 3, 1.0)])
    assert one.hash == again.hash
    assert one.hash != FusedEncoder([make_encoder("descriptor"), Stub("else", 3, 1.0)]).hash
    assert [member["encoder"] for member in one.provenance["members"]] == ["descriptor", "other"]
