"""All measures of an image through the public door, with trained networks."""

import dataclasses

import numpy as np
import pytest
import torch

from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.assess import (
    assess,
    bent,
    dropout_passes,
    ensemble_passes,
    grid_spacing,
    left_right_axis,
    mirrored_passes,
    natural_passes,
)
from ActiveSeedLib.segmentation.gradients import gradient_embedding, last_layer
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.preprocess import image_on_grid
from ActiveSeedLib.segmentation.training import train

ALL = ("bald", "tta", "ensemble", "gradients")
BOTH = pytest.mark.parametrize("kind", ["2d", "3d"])


@pytest.fixture(scope="module")
def models(given, tmp_path_factory):
    """Two models of each kind, trained with dropout, and one in 3-D without."""

    def trained(name, **changes):
        folder = tmp_path_factory.mktemp(name)
        draw = given.slice_case if "2d" in name else given.volume_case
        cases = [given.training_case(seed, draw(seed)) for seed in range(3)]
        settings = dataclasses.replace(given.tiny, epochs=4, dropout_3d=0.2, **changes)
        return train(cases, given.values, settings, folder, Progress()).path

    flat = {"size_2d": (32, 32)}
    return {
        "2d": trained("2d-a", **flat),
        "2d-other": trained("2d-b", seed=5, **flat),
        "3d": trained("3d-a"),
        "3d-other": trained("3d-b", seed=5),
        "3d-coarse": trained("3d-c", spacing=(2.0, 2.0, 2.0)),
    }


@pytest.fixture
def image(given, kind):
    return (given.slice_case if kind == "2d" else given.volume_case)(50)[0]


@BOTH
def test_everything_at_once(models, image, kind):
    predictor, other = (Predictor(models[name], "cpu") for name in (kind, f"{kind}-other"))
    before = predictor.predict(image)
    found = assess(predictor, image, ALL, others=[other], passes=3)
    pairs = ("least_confidence", "margin", "bald", "ensemble")
    assert set(found.scores) == {
        *pairs,
        *(f"foreground_{name}" for name in pairs),
        "foreground",
        "tta",
    }
    assert all(0 < value < 1.1 for value in found.scores.values())
    assert all(found.scores[f"foreground_{name}"] > found.scores[name] for name in pairs)
    assert found.class_scores.shape == (2,)
    assert found.gradient is not None
    # the plain prediction is the one that Predictor makes, and stays so
    own = found.scores
    assert 1 - own["least_confidence"] == pytest.approx(before.confidence, abs=0.02)
    assert own["foreground"] == pytest.approx((before.labels > 0).mean(), abs=0.02)
    after = predictor.predict(image)
    np.testing.assert_array_equal(after.entropy_map, before.entropy_map)


@BOTH
def test_one_seed_one_result_in_any_order(models, given, image, kind):
    predictor = Predictor(models[kind], "cpu")
    another = (given.slice_case if kind == "2d" else given.volume_case)(51)[0]
    first = assess(predictor, image, ("bald", "gradients"), passes=3, seed=1)
    assess(predictor, another, ("bald",), passes=2)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again = assess(predictor, image, ("bald", "gradients"), passes=3, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert again.scores == first.scores
    np.testing.assert_array_equal(again.gradient, first.gradient)
    other = assess(predictor, image, ("bald",), passes=3, seed=2)
    assert other.scores["bald"] != first.scores["bald"]
    assert other.scores["margin"] == first.scores["margin"]


@BOTH
def test_dropout_passes_differ_and_only_by_dropout(models, image, kind):
    predictor = Predictor(models[kind], "cpu")
    grid = image_on_grid(image, predictor.plan)[1]
    one, two = dropout_passes(predictor, grid, 2)
    assert np.abs(one - two).max() > 0.01
    np.testing.assert_allclose(one.sum(axis=0), 1, atol=1e-5)
    assert not any(part.training for part in predictor.network.modules())
    more = list(dropout_passes(predictor, grid, 3))
    np.testing.assert_array_equal(more[0], one)


@BOTH
def test_mirrored_passes_lie_over_each_other(models, image, kind):
    predictor = Predictor(models[kind], "cpu")
    grid = image_on_grid(image, predictor.plan)[1]
    views = list(mirrored_passes(predictor, grid))
    assert len(views) == 4
    plain = predictor.probabilities(grid)
    np.testing.assert_array_equal(views[0], plain)
    for view in views[1:]:
        assert 0 < np.abs(view - plain).mean() < 0.2
        straight = (view.argmax(axis=0) == plain.argmax(axis=0)).mean()
        turned = (view.argmax(axis=0) == plain[:, ::-1, ::-1, ::-1].argmax(axis=0)).mean()
        assert straight > turned
    # the image of a mirrored image is the image: the views are the same, in another order
    mirrored = list(mirrored_passes(predictor, np.ascontiguousarray(np.flip(grid, 1))))
    place = 1 if kind == "2d" else 2
    np.testing.assert_array_equal(np.flip(mirrored[place], 2), plain)


@BOTH
def test_natural_views_exchange_left_and_right_and_bend_the_grey_values(models, image, kind):
    predictor = Predictor(models[kind], "cpu")
    frame, grid = image_on_grid(image, predictor.plan)
    axis = left_right_axis(frame, image.geometry)
    assert axis == 2
    views = list(natural_passes(predictor, grid, axis))
    plain = predictor.probabilities(grid)
    np.testing.assert_array_equal(views[0], plain)
    np.testing.assert_array_equal(
        views[1], list(mirrored_passes(predictor, grid))[2 if kind == "2d" else 3]
    )
    assert len(views) == 4
    for view in views[2:]:
        assert 0 < np.abs(view - plain).mean() < 0.2
    assert len(list(natural_passes(predictor, grid, None))) == 3
    natural, mirrored = (
        assess(predictor, image, ("tta",), views=views).scores["tta"]
        for views in ("natural", "mirrored")
    )
    assert 0 < natural < mirrored  # upside down is stranger


def test_bent_grey_values_keep_their_order_and_scale():
    grid = np.random.default_rng(0).normal(size=(4, 6, 5)).astype(np.float32)
    for gamma in (0.75, 4 / 3):
        found = bent(grid, gamma)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(np.argsort(found, axis=None), np.argsort(grid, axis=None))
        assert found.mean() == pytest.approx(0, abs=1e-5)
        assert found.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(bent(np.ones((2, 2, 2), np.float32), 0.75), 1)


def test_left_and_right_are_found_however_the_image_lies(models, given):
    predictor = Predictor(models["3d"], "cpu")
    array = np.zeros((16, 20, 18), np.float32)
    turned = (0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0)  # K runs to the left
    for direction in ((1.0, 0, 0, 0, 1, 0, 0, 0, 1), turned):
        image = Image(array, Geometry((18, 20, 16), direction=direction))
        frame, _ = image_on_grid(image, predictor.plan)
        assert left_right_axis(frame, image.geometry) == 2  # the grid is S, P, L
    flat = Predictor(models["2d"], "cpu")
    sagittal = Image(array[:, :, :1], Geometry((1, 20, 16)))
    frame, _ = image_on_grid(sagittal, flat.plan)
    assert left_right_axis(frame, sagittal.geometry) is None
    coronal = Image(array[:, :1], Geometry((18, 1, 16)))
    frame, _ = image_on_grid(coronal, flat.plan)
    assert left_right_axis(frame, coronal.geometry) == 2


@BOTH
def test_an_ensemble_of_one_model_twice_does_not_disagree(models, image, kind):
    predictor = Predictor(models[kind], "cpu")
    found = assess(predictor, image, ("ensemble",), others=[predictor])
    assert found.scores["ensemble"] < 1e-6
    views = list(ensemble_passes(predictor, [Predictor(models[f"{kind}-other"], "cpu")], image))
    assert np.abs(views[0] - views[1]).mean() > 0.001


def test_gradients_in_2d_equal_the_outer_product(models, given):
    """The mean over pixels of (p − onehot) ⊗ h, h being what goes into the last layer."""
    predictor = Predictor(models["2d"], "cpu")
    volume = given.volume_case(3, (7, 32, 32))[0]
    geometry = Geometry((32, 32, 7), (1.0, 1.0, 5.0))
    grid = image_on_grid(Image(volume.array, geometry), predictor.plan)[1]
    seen = []
    hook = last_layer(predictor.network).register_forward_hook(
        lambda _, given, output: seen.append((given[0], output))
    )
    with torch.no_grad():
        predictor.network(torch.from_numpy(grid[:, None].copy()))
    hook.remove()
    inputs, logits = seen[0]
    p = logits.softmax(dim=1)
    difference = p - torch.nn.functional.one_hot(p.argmax(dim=1), 3).movedim(-1, 1)
    wanted = torch.einsum("bcij,bhij->ch", difference, inputs) / p[:, 0].numel()
    found = gradient_embedding(predictor, grid)
    assert found.shape == (3 * 8,)
    np.testing.assert_allclose(found, wanted.flatten(), rtol=1e-3, atol=1e-7)


def test_gradients_in_3d_count_every_voxel_once(models, given):
    """Against plain autograd over hand-cut windows; a volume larger and smaller than the patch."""
    predictor = Predictor(models["3d"], "cpu")
    network = predictor.network
    asked = [parameter.requires_grad for parameter in network.parameters()]
    patch = predictor.plan.patch
    shape = (patch[0] - 5, patch[1] + 3, 2 * patch[2])
    grid = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = gradient_embedding(predictor, grid)
    assert asked == [parameter.requires_grad for parameter in network.parameters()]
    before = 2  # of the 5 slices that are missing
    padded = np.pad(grid, [(before, 3), (0, 0), (0, 0)], constant_values=grid.min())
    whole = torch.zeros(last_layer(network).weight.shape)
    counted = 0
    for row, kept_row in ((0, slice(None)), (3, slice(patch[1] - 3, None))):
        for column in (0, patch[2]):
            window = padded[:, row : row + patch[1], column : column + patch[2]]
            logits = network(torch.from_numpy(window[None, None].copy()))
            loss = torch.nn.functional.cross_entropy(
                logits, logits.argmax(dim=1), reduction="none"
            )[:, before : before + shape[0], kept_row]
            counted += loss.numel()
            network.zero_grad()
            loss.sum().backward()
            whole += last_layer(network).weight.grad
    network.zero_grad()
    assert counted == grid.size
    np.testing.assert_allclose(found, (whole / grid.size).flatten(), rtol=1e-3, atol=1e-7)


def test_the_spacing_of_the_grid_follows_the_image(models, given):
    predictor = Predictor(models["2d"], "cpu")
    image, _ = given.slice_case(0, 64)  # on a grid of 32 × 32
    wide = Image(image.array, Geometry((64, 64, 1), (0.5, 0.25, 3.0)))
    frame, _ = image_on_grid(wide, predictor.plan)
    assert grid_spacing(frame, wide.geometry) == pytest.approx((1.0, 0.5, 3.0))
    coarse = Predictor(models["3d-coarse"], "cpu")
    volume, _ = given.volume_case(0)
    frame, grid = image_on_grid(volume, coarse.plan)
    assert grid.shape == (8, 10, 9)
    assert grid_spacing(frame, volume.geometry) == pytest.approx((2.0, 2.0, 2.0))


def test_what_cannot_be_measured_is_said(models, given, tmp_path):
    image, _ = given.volume_case(50)
    predictor = Predictor(models["3d"], "cpu")
    with pytest.raises(InputError, match="no measure 'entropie'"):
        assess(predictor, image, ("entropie",))
    with pytest.raises(InputError, match="at least two models"):
        assess(predictor, image, ("ensemble",))
    coarse = Predictor(models["3d-coarse"], "cpu")
    with pytest.raises(InputError, match="same grid"):
        assess(predictor, image, ("ensemble",), others=[coarse])
    with pytest.raises(InputError, match="at least 2 passes"):
        assess(predictor, image, ("bald",), passes=1)
    cases = [given.training_case(seed) for seed in range(2)]
    without = train(cases, given.values, given.tiny, tmp_path, Progress()).path
    with pytest.raises(InputError, match="dropout_3d in 3-D"):
        assess(Predictor(without, "cpu"), image, ("bald",))


@BOTH
def test_every_step_is_cancelled_between_batches(models, image, kind):
    predictor = Predictor(models[kind], "cpu")
    grid = image_on_grid(image, predictor.plan)[1]
    plain = predictor.probabilities(grid)
    stop = Progress(None, lambda: True)
    views = mirrored_passes(predictor, grid, plain, stop)
    next(views)
    with pytest.raises(CancelledError):
        next(views)
    with pytest.raises(CancelledError):
        next(dropout_passes(predictor, grid, progress=stop))
    with pytest.raises(CancelledError):
        gradient_embedding(predictor, grid, stop)
    with pytest.raises(CancelledError):
        assess(predictor, image, progress=stop)
