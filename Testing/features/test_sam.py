"""SAM as an encoder, its uncertainty, and the loop that starts with them, on a small real SAM."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ActiveSeedLib.errors import CancelledError, InputError, MissingDependencyError
from ActiveSeedLib.features.encoder import make_encoder
from ActiveSeedLib.features.sam_encoder import SamEncoder, SamUncertainty
from ActiveSeedLib.features.sam_masks import (
    Offered,
    boxes_of,
    enlarged,
    point_grid,
    stable,
    without_doubles,
    worth_keeping,
)
from ActiveSeedLib.features.sam_network import load_sam
from ActiveSeedLib.features.sam_views import View, fitted, views_of
from ActiveSeedLib.features.store import FeatureStore, encode_pool
from ActiveSeedLib.jobs import JOBS
from ActiveSeedLib.jobs.sam import sam_measure, sam_uncertainty_of
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.selection.clusters import cluster_at_most
from ActiveSeedLib.selection.sugfw import gscu, pgdr, pool_uncertainty
from Testing.features.images import case, cohort, noise
from Testing.features.sam_small import SMALL, small_state, write_small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("sam"))


def encoder_of(weights: Path, **parameters: Any) -> SamEncoder:
    encoder = make_encoder("sam", {"weights": str(weights), "device": "cpu", **SMALL, **parameters})
    assert isinstance(encoder, SamEncoder)
    return encoder


@pytest.fixture(scope="module")
def encoder(small: Path) -> SamEncoder:
    return encoder_of(small)


@pytest.fixture(scope="module")
def chests(shared: Path) -> list[Image]:
    return cohort(shared, "cxr_lung")[0][:6]


# Views


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mask_comes_back_where_it_was(turns: int, mirrored: bool) -> None:
    page = np.zeros((50, 30), dtype=np.float32)
    page[5:20, 3:9] = 1.0
    page[40:44, 20:29] = 1.0
    view = View(turns, mirrored, gamma=1.3, contrast=0.9, brightness=0.05)
    seen = view.of(page)
    assert seen.shape == ((50, 30) if turns % 2 == 0 else (30, 50))
    np.testing.assert_array_equal(view.back(seen > 0.5), page > 0.5)
    if turns or mirrored:
        assert seen.shape != page.shape or ((seen > 0.5) != (page > 0.5)).any()


def test_a_mask_found_in_the_network_square_comes_back_where_it_was() -> None:
    page = np.zeros((40, 20), dtype=np.float32)
    page[10:20, 5:10] = 1.0
    there = fitted(page, 64) > 0.5
    for view in views_of(page, 8, seed=1):
        found = fitted(view.of(page), 64)
        middle = (found.max() + found.min()) / 2
        assert (view.back(found > middle) != there).mean() < 0.01


def test_views_cover_all_orientations_and_belong_to_the_image_and_the_seed() -> None:
    page = np.random.default_rng(0).random((20, 24)).astype(np.float32)
    views = views_of(page, 10, seed=43)
    assert len({(view.turns, view.mirrored) for view in views[:8]}) == 8
    assert views == views_of(page, 10, seed=43)
    assert views != views_of(page, 10, seed=44)
    assert views != views_of(1 - page, 10, seed=43)
    seen = [view.of(page) for view in views]
    assert all(one.min() >= 0 and one.max() <= 1 for one in seen)
    assert all((view.back(one) != page).any() for view, one in zip(views, seen, strict=True))


@pytest.mark.parametrize(
    ("shape", "expected"), [((30, 40), (48, 64)), ((64, 64), (64, 64)), ((300, 100), (64, 21))]
)
def test_a_page_keeps_its_shape_in_the_square(shape: Any, expected: Any) -> None:
    assert fitted(np.ones(shape, dtype=np.float32), 64).shape == expected


# Automatic masks


def test_points_lie_in_the_middle_of_equal_parts() -> None:
    assert point_grid(2, 8, 4).tolist() == [[1, 2], [3, 2], [1, 6], [3, 6]]


def test_masks_are_kept_by_quality_and_stability() -> None:
    sharp = torch.full((4, 4), -5.0)
    sharp[:2] = 5.0
    vague = torch.full((4, 4), -0.5)
    vague[:2] = 1.5
    logits = torch.stack([sharp, vague, sharp, torch.full((4, 4), -5.0)])
    assert stable(logits).tolist() == [1.0, 0.5, 1.0, 0.0]
    quality = torch.tensor([0.9, 0.95, 0.5, 0.99])
    kept = worth_keeping(Offered(logits, quality), 0.88, 0.95)
    assert torch.equal(kept.quality, quality[:1])
    assert len(worth_keeping(Offered(logits, quality), 0.88, 0.0).quality) == 2


def test_doubles_go_and_the_better_one_stays() -> None:
    masks = np.zeros((4, 20, 20), dtype=np.bool_)
    masks[0, 2:12, 3:13] = True
    masks[1, 2:12, 3:14] = True
    masks[2, 2:12, 10:19] = True
    masks[3] = masks[0]
    boxes = boxes_of(masks)
    assert boxes[:2].tolist() == [[3, 2, 13, 12], [3, 2, 14, 12]]
    kept = without_doubles(boxes, np.array([0.9, 0.95, 0.8, 0.95], dtype=np.float32))
    assert kept.tolist() == [1, 2]
    assert without_doubles(boxes[:0], np.zeros(0, dtype=np.float32)).tolist() == []


def test_masks_are_enlarged_in_their_place() -> None:
    logits = torch.full((1, 16, 16), -4.0)
    logits[0, 4:8, 2:6] = 4.0
    found = enlarged(logits, 64, 64, 40)
    assert found.shape == (1, 64, 40)
    expected = np.zeros((64, 40), dtype=np.bool_)
    expected[16:32, 8:24] = True
    assert (found[0] != expected).sum() <= 8  # the corners are rounded


# The network


def test_the_published_names_give_the_same_network(small: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {name: value.clone() for name, value in small_state().items()}
    save_file(state, tmp_path / "model.safetensors")
    page = fitted(np.random.default_rng(0).random((40, 30)).astype(np.float32), 64)
    one, other = (
        next(load_sam(path, 0, CPU).embed([page], Progress()))
        for path in (small, tmp_path / "model.safetensors")
    )
    assert torch.equal(one, other)
    assert one.shape == (1, 32, 4, 4)
    image = noise(3)
    by_folder = encoder_of(tmp_path).encode([image])
    np.testing.assert_array_equal(by_folder, encoder_of(small).encode([image]))


def test_building_leaves_the_global_generator(small: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_sam(small, 0, CPU)
    assert torch.equal(torch.rand(3), expected)


def test_a_smaller_input_has_a_smaller_grid(small: Path) -> None:
    network = load_sam(small, 32, CPU)
    assert (network.side, network.grid) == (32, 2)
    assert encoder_of(small, side=32).hash != encoder_of(small).hash
    assert np.isfinite(encoder_of(small, side=32).encode([noise(1)])).all()


def test_an_image_beside_its_square_weighs_only_its_own_patches(
    encoder: SamEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = encoder._network
    channels = torch.zeros(1, 2, 4, 4)
    channels[0, 0, :, :2] = 1.0  # the patches that a page half as wide as high covers
    channels[0, 1, 0, 0] = 8.0
    monkeypatch.setattr(network, "embed", lambda pages, progress: iter([channels] * len(pages)))
    union = np.zeros((64, 32), dtype=np.bool_)
    union[:16, :16] = True  # one half of the views sees the first patch
    unions = np.stack([union, np.zeros_like(union)])
    monkeypatch.setattr(encoder, "_unions", lambda page, progress: unions)
    page = np.random.default_rng(0).random((64, 32)).astype(np.float32)
    features, uncertainty = encoder.look(page, Progress())
    weights = [0.75] + [0.5] * 7
    assert features.tolist() == pytest.approx([1.0, 8 * 0.75 / sum(weights)])
    assert uncertainty == pytest.approx(np.mean(weights))


# The encoder


def test_chests_differ_and_some_are_more_ambiguous(
    encoder: SamEncoder, chests: list[Image]
) -> None:
    vectors = encoder.encode(chests)
    assert vectors.shape == (6, 32)
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors, axis=0)) == 6
    doubts = SamUncertainty(encoder).encode(chests)
    assert ((doubts >= 0.5) & (doubts <= 0.75)).all()
    assert np.ptp(doubts) > 0
    np.testing.assert_array_equal(vectors[2:4], encoder.encode(chests[2:4]))
    np.testing.assert_array_equal(doubts[::-1], SamUncertainty(encoder).encode(chests[::-1]))


def test_uncertainty_decides_the_vector(small: Path, chests: list[Image]) -> None:
    (plus,), (minus,) = (encoder_of(small, sign=sign).encode(chests[:1]) for sign in "+-")
    assert np.abs(plus - minus).max() > 1e-4
    page = encoder_of(small)
    assert page.hash != encoder_of(small, sign="-").hash != encoder_of(small, seed=1).hash


def test_without_masks_the_vector_is_the_plain_mean(small: Path) -> None:
    none = encoder_of(small, quality=100.0)
    image = noise(4, (1, 64, 64))
    seen = none.slices(image, None, Progress())
    assert seen.uncertainty.tolist() == [0.5]
    from ActiveSeedLib.features.slices import intensity_window, sample, slices_of

    page = slices_of(image, 0, 1, intensity_window(sample(image.array)))[0]
    features = next(load_sam(small, 0, CPU).embed([page], Progress()))[0].numpy()
    expected = pgdr(features, pool_uncertainty(np.full((64, 64), 0.5), (4, 4)))
    np.testing.assert_allclose(seen.features[0], expected, rtol=1e-5)


def test_a_volume_is_the_mean_of_its_slices(small: Path) -> None:
    volume = noise(2, (3, 40, 30))
    volume = Image(volume.array, Geometry((30, 40, 3), (1.0, 1.0, 4.0)))
    encoder = encoder_of(small, slices=3, views=2)
    seen = encoder.slices(volume, None, Progress())
    assert (seen.axis, seen.indices.tolist()) == (0, [0, 1, 2])
    assert seen.features.shape == (3, 32)
    np.testing.assert_allclose(encoder.encode([volume])[0], seen.features.mean(axis=0), rtol=1e-6)
    (value,) = SamUncertainty(encoder).encode([volume])
    assert value == pytest.approx(seen.uncertainty.mean())


def test_what_was_seen_of_a_slice_survives_a_cancel(small: Path, tmp_path: Path) -> None:
    encoder = encoder_of(small, slices=3, views=2)
    volume = noise(2, (3, 40, 30))
    store = FeatureStore(tmp_path)
    stopped = False

    def listen(kind: str, values: dict[str, Any]) -> None:
        nonlocal stopped
        stopped = "slice 2 of 3, view 2 of 2" in values.get("step", "")

    with pytest.raises(CancelledError):
        encode_pool(
            [case(1, (3, 40, 30))],
            lambda _: volume,
            encoder,
            store,
            Progress(listen, lambda: stopped),
        )
    assert store.missing([case(1).key], encoder) == [case(1).key]
    steps: list[str] = []
    again = Progress(lambda kind, values: steps.append(values["step"]))
    assert encode_pool([case(1, (3, 40, 30))], lambda _: volume, encoder, store, again) == {}
    assert not any("slice 1 of 3, view" in step for step in steps)
    assert any("Encoding case 1 of 1: slice 2 of 3, view 1 of 2" in step for step in steps)
    np.testing.assert_array_equal(store.get([case(1).key], encoder), encoder.encode([volume]))
    # The uncertainty was found on the way.
    steps.clear()
    encode_pool([case(1, (3, 40, 30))], lambda _: volume, SamUncertainty(encoder), store, again)
    assert not any("view" in step for step in steps)


# What is wrong is said


def test_missing_weights_say_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingDependencyError, match=r"sam_vit_b_01ec64\.pth into .*sam-vit-b"):
        make_encoder("sam")


def test_a_published_file_that_is_not_whole_is_refused(
    tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    shutil.copy(small, tmp_path / "sam_vit_b_01ec64.pth")
    with pytest.raises(InputError, match="is not the published sam-vit-b"):
        make_encoder("sam")


@pytest.mark.parametrize("kind", ["nothing", "text", "other", "lacking", "safetensors"])
def test_files_that_hold_no_sam_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights.pth"
    sentence = {
        "nothing": "There is no weights file",
        "text": "cannot be read as weights",
        "other": "holds no Segment Anything Model",
        "lacking": "1 missing",
        "safetensors": "cannot be read as safetensors",
    }[kind]
    if kind == "text":
        path.write_text("no weights")
    elif kind == "other":
        torch.save({"a": torch.zeros(1)}, path)
    elif kind == "lacking":
        state = small_state()
        del state["mask_decoder.upscale_conv1.weight"]
        torch.save(state, path)
    elif kind == "safetensors":
        path = tmp_path / "model.safetensors"
        path.write_text("no weights")
    with pytest.raises(InputError, match=sentence):
        encoder_of(path)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"side": 40}, "multiple of its patches' 16 pixels"),
        ({"views": 0}, "must be at least 1"),
        ({"largest": 0.0}, "largest must lie above 0"),
        ({"sign": "*"}, "sign of sam"),
    ],
)
def test_wrong_parameters_are_refused(
    small: Path, parameters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        encoder_of(small, **parameters)


def test_nothing_asks_the_internet(small: Path) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('the internet was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from Testing.features.images import noise\n"
        "from Testing.features.test_sam import encoder_of\n"
        "from pathlib import Path\n"
        "print(encoder_of(Path(sys.argv[1])).encode([noise(1)]).shape)"
    )
    project = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(small)], capture_output=True, text=True, cwd=project
    )
    assert done.stdout.strip() == "(1, 32)", done.stderr


# The loop


def test_a_project_starts_with_sugfw(small: Path, shared: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for path in sorted((shared / "data/cxr_lung/images").iterdir())[:8]:
        shutil.copy(path, images)
    root = tmp_path / "project"
    JOBS["init"]({"project": str(root), "images": str(images)}, Progress())
    chosen = {"weights": str(small), "device": "cpu", **SMALL}
    encoded = JOBS["encode"](
        {"project": str(root), "encoder": "sam", "encoder_parameters": chosen}, Progress()
    )
    assert encoded["cases"] == 8
    steps: list[str] = []
    listen = Progress(lambda kind, values: steps.append(values.get("step", "")))
    with Project.open(root) as project:
        sam = make_encoder("sam", chosen)
        found = sam_uncertainty_of(project, sam_measure(sam, "cpu"), listen)
        assert not any("view" in step for step in steps)
        keys = [record.case.key for record in project.cases()]
    assert sorted(found) == sorted(keys)
    round_ = JOBS["suggest"](
        {
            "project": str(root),
            "budget": 3,
            "strategy": "sugfw",
            "encoder": "sam",
            "encoder_parameters": chosen,
            "device": "cpu",
        },
        Progress(),
    )
    keys.sort()
    with Project.open(root, write=False) as project:
        features = FeatureStore(project.features_folder).get(keys, sam)
    clusters = cluster_at_most(features, 3, 43)
    expected = gscu(clusters, [found[key] for key in keys], 3).picks
    assert [pick["key"] for pick in round_["picks"]] == [keys[index] for index in expected]
    assert round_["picks"][1]["why"]["sam_uncertainty"] == found[round_["picks"][1]["key"]]


def test_without_weights_sugfw_says_so_before_the_pool_is_encoded(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    root = tmp_path / "project"
    JOBS["init"]({"project": str(root), "images": str(shared / "data/cxr_lung/images")}, Progress())
    steps: list[str] = []
    listen = Progress(lambda kind, values: steps.append(values.get("step", "")))
    with pytest.raises(InputError, match="activeseed download sam-vit-b"):
        JOBS["suggest"]({"project": str(root), "budget": 3, "strategy": "sugfw"}, listen)
    assert not any("Encod" in step for step in steps)


def test_a_case_that_cannot_be_read_is_left_out_with_a_note(
    small: Path, shared: Path, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    paths = sorted((shared / "data/cxr_lung/images").iterdir())[:3]
    for path in paths:
        shutil.copy(path, images)
    root = tmp_path / "project"
    JOBS["init"]({"project": str(root), "images": str(images)}, Progress())
    bad = images / paths[1].name
    bad.write_bytes(bad.read_bytes()[:2000])
    notes: list[str] = []
    listen = Progress(lambda kind, values: notes.append(values["text"]) if kind == "note" else None)
    with Project.open(root) as project:
        found = sam_uncertainty_of(project, sam_measure(encoder_of(small), "cpu"), listen)
    assert len(found) == 2
    assert [paths[1].stem in note for note in notes] == [True]
