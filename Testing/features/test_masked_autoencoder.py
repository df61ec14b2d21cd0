"""The masked autoencoder, its difficulty and its encoder, on small images."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ActiveSeedLib.errors import CancelledError, InputError, UnreadableImageError
from ActiveSeedLib.features.encoder import make_encoder
from ActiveSeedLib.features.masked_autoencoder import Autoencoder, load_autoencoder
from ActiveSeedLib.features.masked_autoencoder_difficulty import Difficulty
from ActiveSeedLib.features.masked_autoencoder_images import (
    AutoencoderSettings,
    crop,
    fingerprint,
    on_grid,
    padded,
    visible,
)
from ActiveSeedLib.features.masked_autoencoder_training import train_autoencoder
from ActiveSeedLib.pool.case import Case, Geometry, Image
from ActiveSeedLib.progress import Progress

from .images import case, noise

CPU = torch.device("cpu")
SMALL = AutoencoderSettings(steps=6, batch=2, channels=(8, 16), checkpoint_seconds=1e9)
VOLUME = (9, 14, 18)


def load(one: Case) -> Image:
    return noise(int(one.key, 16), one.geometry.shape)


def trained(
    folder: Path,
    cases: list[Case],
    settings: AutoencoderSettings = SMALL,
    *,
    seed: int = 1,
    progress: Progress | None = None,
    read: Callable[[Case], Image] = load,
) -> Autoencoder:
    path = train_autoencoder(cases, read, settings, seed, CPU, folder, progress or Progress())
    return load_autoencoder(path, CPU)


def stopping_at(step: int) -> Progress:
    asked: list[str] = []

    def listen(kind: str, values: dict[str, Any]) -> None:
        if values.get("step", "") and f"step {step} of" in str(values["step"]):
            asked.append(kind)

    return Progress(listen, lambda: bool(asked))


# Grid, crops, masks


def test_a_long_side_is_averaged_and_a_short_one_kept() -> None:
    ramp = np.arange(4 * 12 * 30, dtype=np.int16).reshape(4, 12, 30)
    grid = on_grid(Image(ramp, Geometry((30, 12, 4))), 3, 10)
    assert grid.shape == (4, 10, 10)
    assert grid.mean() == pytest.approx(0, abs=1e-5)
    assert grid.std() == pytest.approx(1, abs=1e-4)
    thirds = ramp[:, :10].reshape(4, 10, 10, 3).mean(axis=3)
    plain = on_grid(Image(ramp[:, :10], Geometry((30, 10, 4))), 3, 10)
    inner = slice(1, -1)  # the window clips both ends
    np.testing.assert_allclose(
        np.corrcoef(plain[inner].ravel(), thirds[inner].ravel())[0, 1], 1, atol=1e-6
    )


def test_averaging_by_a_fraction_counts_parts_of_voxels() -> None:
    row = np.array([0.0, 3.0, 6.0], dtype=np.float32)
    grid = on_grid(Image(np.tile(row, (1, 3, 1)), Geometry((3, 3, 1))), 2, 2)
    # (0 + 3/2)/1.5 = 1 and (3/2 + 6)/1.5 = 5, then as z-scores
    np.testing.assert_allclose(grid, np.tile([-1.0, 1.0], (2, 1)), atol=1e-5)


def test_not_a_number_does_no_harm() -> None:
    image = noise(3, VOLUME)
    array = image.array.copy()
    array[0, 0, 0] = np.nan
    assert np.isfinite(on_grid(Image(array, image.geometry), 3, 8)).all()


@pytest.mark.parametrize("shape", [(16, 24, 16), (33, 50), (8, 8), (3, 5, 7), (40, 56, 40)])
def test_the_share_of_patches_is_hidden_and_patches_are_whole(shape: tuple[int, ...]) -> None:
    seen = visible(shape, 8, 0.45, np.random.default_rng(0))
    assert seen.shape == shape
    cells = [-(-size // 8) for size in shape]
    hidden = 0
    for cell in np.ndindex(*cells):
        patch = seen[tuple(slice(8 * c, 8 * c + 8) for c in cell)]
        assert patch.min() == patch.max()
        hidden += not patch.min()
    count = int(np.prod(cells))
    assert hidden == min(max(round(0.45 * count), 1), max(count - 1, 1))


def test_a_crop_adapts_to_what_is_smaller() -> None:
    grid = noise(1, (5, 20, 9)).array.astype(np.float32)
    piece = crop(grid, (8, 8, 8), np.random.default_rng(0))
    assert piece.shape == (8, 8, 8)
    assert (piece[5:] == piece[4]).all()
    assert padded(grid, 8).shape == (8, 24, 16)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"hidden": 1.0}, {"channels": []}, {"side_3d": 2}, {"rotations": 5}, {"x": 1}],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        AutoencoderSettings.from_json(wrong)


# Training


def test_the_loss_falls_on_what_can_be_learnt(tmp_path: Path) -> None:
    waves = np.sin(np.arange(32) / 5)[:, None] * np.cos(np.arange(32) / 7)

    def read(one: Case) -> Image:
        return Image((waves * (1 + int(one.key, 16)))[None], Geometry((32, 32, 1)))

    cases = [case(number, (1, 32, 32)) for number in range(4)]
    settings = replace(SMALL, steps=40, batch=4)
    history = trained(tmp_path, cases, settings, read=read).info["history"]
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert (history[-1]["step"], history[-1]["epoch"]) == (40, 40)


@pytest.mark.parametrize("shape", [VOLUME, (1, 30, 22)])
def test_equal_input_gives_equal_weights_and_another_seed_others(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    cases = [case(number, shape) for number in range(3)]
    first = trained(tmp_path / "a", cases)
    again = trained(tmp_path / "b", cases[::-1])
    assert first.axes == (2 if shape[0] == 1 else 3)
    assert first.weights_hash == again.weights_hash
    assert first.info["fingerprint"] == again.info["fingerprint"]
    assert first.weights_hash != trained(tmp_path / "c", cases, seed=2).weights_hash


@pytest.mark.parametrize("step", [1, 3, 6])
def test_a_training_that_goes_on_ends_with_the_same_weights(tmp_path: Path, step: int) -> None:
    cases = [case(number, VOLUME) for number in range(3)]
    whole = trained(tmp_path / "whole", cases)
    with pytest.raises(CancelledError):
        trained(tmp_path / "parts", cases, progress=stopping_at(step))
    notes: list[str] = []
    resumed = trained(
        tmp_path / "parts",
        cases,
        progress=Progress(lambda kind, v: notes.append(v["text"]) if kind == "note" else None),
        read=lambda one: pytest.fail(f"{one.name} was read again"),
    )
    assert notes == [f"The autoencoder's training goes on after step {step}."]
    assert resumed.weights_hash == whole.weights_hash
    assert resumed.info["history"] == whole.info["history"]
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["autoencoder.pt"]


def test_a_damaged_checkpoint_is_told_and_costs_only_time(tmp_path: Path) -> None:
    cases = [case(number, VOLUME) for number in range(3)]
    with pytest.raises(CancelledError):
        trained(tmp_path / "parts", cases, progress=stopping_at(4))
    (tmp_path / "parts" / "checkpoint.pt").write_bytes(b"no checkpoint")
    notes: list[str] = []
    progress = Progress(lambda kind, v: notes.append(v["text"]) if kind == "note" else None)
    resumed = trained(tmp_path / "parts", cases, progress=progress)
    assert "starts afresh" in notes[0]
    assert resumed.weights_hash == trained(tmp_path / "whole", cases).weights_hash


def test_a_bad_case_is_noted_and_left_out(tmp_path: Path) -> None:
    def read(one: Case) -> Image:
        if one.key.endswith("1"):
            raise UnreadableImageError("The file ends too early.")
        return load(one)

    notes: list[str] = []
    cases = [case(number, VOLUME) for number in range(3)]
    progress = Progress(lambda kind, v: notes.append(v["text"]) if kind == "note" else None)
    made = trained(tmp_path, cases, progress=progress, read=read)
    assert notes == ["Left out of the autoencoder's training: case1: The file ends too early."]
    assert made.info["left_out"] == [[cases[1].key, "The file ends too early."]]
    assert (made.info["pool"], made.info["trained_on"]) == (3, 2)
    with pytest.raises(InputError, match=r"None of the 1 images .* ends too early"):
        trained(tmp_path / "none", cases[1:2], read=read)


def test_a_large_pool_is_trained_on_in_part(tmp_path: Path) -> None:
    cases = [case(number, (1, 20, 20)) for number in range(9)]
    made = trained(tmp_path, cases, replace(SMALL, images=4))
    assert (made.info["pool"], made.info["trained_on"]) == (9, 4)


def test_the_fingerprint_tells_pools_settings_and_seeds_apart() -> None:
    first = fingerprint(["a", "b"], SMALL, 1, 3)
    assert fingerprint(["b", "a"], replace(SMALL, checkpoint_seconds=1.0), 1, 3) == first
    others = {
        fingerprint(["a", "c"], SMALL, 1, 3),
        fingerprint(["a", "b"], replace(SMALL, steps=7), 1, 3),
        fingerprint(["a", "b"], SMALL, 2, 3),
        fingerprint(["a", "b"], SMALL, 1, 2),
    }
    assert len(others - {first}) == 4


def test_volumes_and_slices_of_one_pool(tmp_path: Path) -> None:
    cases = [case(0, VOLUME), case(1, (1, 20, 12)), case(2, (30, 8, 8))]
    made = trained(tmp_path, cases)
    assert made.axes == 3
    vectors = [made.features(load(one)) for one in cases]
    assert all(np.isfinite(vector).all() for vector in vectors)


# Difficulty


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Autoencoder:
    return trained(
        tmp_path_factory.mktemp("autoencoder"), [case(number, VOLUME) for number in range(3)]
    )


def test_the_difficulty_is_the_variance_over_nine_reconstructions(
    autoencoder: Autoencoder,
) -> None:
    image = noise(5, VOLUME)
    made = autoencoder.reconstructions(image, np.random.default_rng(0))
    assert made.shape == (9, *VOLUME)
    by_voxel = [np.var(made[(slice(None), *voxel)].astype(float)) for voxel in np.ndindex(*VOLUME)]
    found = autoencoder.difficulty(image, np.random.default_rng(0))
    assert found == pytest.approx(np.mean(by_voxel), rel=1e-5)
    assert found > 0


def test_reconstructions_are_turned_back(autoencoder: Autoencoder) -> None:
    """A network that returns what it sees leaves each voxel its own value, or 0 where masked."""
    same = replace(autoencoder, network=_Same())
    image = noise(5, VOLUME)
    grid = on_grid(image, 3, SMALL.side_3d)
    made = same.reconstructions(image, np.random.default_rng(0))
    masked = made == 0
    np.testing.assert_array_equal(made[~masked], np.broadcast_to(grid, made.shape)[~masked])
    assert 0.2 < masked.mean() < 0.7
    assert len({mask.tobytes() for mask in masked}) > 6


def test_a_case_has_the_same_difficulty_in_any_company(autoencoder: Autoencoder) -> None:
    measure = Difficulty(autoencoder)
    images = [noise(number, VOLUME) for number in range(4)]
    together = measure.encode(images)
    assert together.shape == (4, 1)
    for image, value in zip(images[::-1], together[::-1], strict=True):
        np.testing.assert_array_equal(measure.encode([image]), value[None])
    assert (
        measure.hash
        != Difficulty(replace(autoencoder, settings=replace(autoencoder.settings, views=2))).hash
    )


# The encoder


def test_the_encoder_averages_the_bottleneck(autoencoder: Autoencoder, tmp_path: Path) -> None:
    cases = [case(number, VOLUME) for number in range(3)]
    path = train_autoencoder(cases, load, SMALL, 1, CPU, tmp_path, Progress())
    encoder = make_encoder("cscs", {"weights": str(path), "device": "cpu"})
    images = [noise(7, VOLUME), noise(8, (20, 9, 30))]
    vectors = encoder.encode(images)
    assert vectors.shape == (2, encoder.dimension) == (2, 16)
    np.testing.assert_array_equal(encoder.encode(images[1:]), vectors[1:])
    grid = padded(on_grid(images[0], 3, SMALL.side_3d), SMALL.multiple)
    network: Any = autoencoder.network
    with torch.inference_mode():
        found = network.intermediate(network.encode(torch.from_numpy(grid)[None, None]))
    np.testing.assert_allclose(vectors[0], found.mean(dim=(2, 3, 4))[0].numpy(), rtol=1e-6)
    assert encoder.provenance["sha256"] == autoencoder.weights_hash


def test_the_encoders_hash_covers_its_weights(tmp_path: Path) -> None:
    cases = [case(number, VOLUME) for number in range(3)]
    hashes = []
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        path = train_autoencoder(cases, load, SMALL, seed, CPU, tmp_path / name, Progress())
        hashes.append(make_encoder("cscs", {"weights": str(path)}).hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_what_is_no_autoencoder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trained on the pool"):
        make_encoder("cscs", {})
    with pytest.raises(InputError, match="There is no autoencoder"):
        make_encoder("cscs", {"weights": str(tmp_path / "none.pt")})
    (tmp_path / "bad.pt").write_bytes(b"nothing of use")
    with pytest.raises(InputError, match="damaged"):
        make_encoder("cscs", {"weights": str(tmp_path / "bad.pt")})
    slices = [case(number, (1, 20, 20)) for number in range(2)]
    path = train_autoencoder(slices, load, SMALL, 1, CPU, tmp_path / "flat", Progress())
    with pytest.raises(InputError, match="single slices"):
        make_encoder("cscs", {"weights": str(path)}).encode([noise(0, VOLUME)])


class _Same(torch.nn.Module):
    """Returns what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch
