"""What is chosen for which images and how much memory."""

import json

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError, OutOfMemoryError
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.segmentation.device import FALLBACK_BYTES, Memory, free_ram
from ActiveSeedLib.segmentation.plan import Plan, make_plan, smaller, step_bytes
from ActiveSeedLib.segmentation.settings import TrainSettings

RICH = Memory(16 * 2**30)
XRAY = Geometry((1024, 900, 1))
HIPPOCAMPUS = [Geometry((34, 52, 35)), Geometry((36, 48, 40)), Geometry((33, 50, 41))]
THICK = Geometry((256, 256, 40), (0.5, 0.5, 4.0))


def test_single_slices_follow_the_paper():
    plan = make_plan([XRAY] * 8, TrainSettings(epochs=120), RICH)
    assert plan.network == "attention-unet-2d"
    assert plan.channels == (16, 32, 64, 128, 256)
    assert (plan.size_2d, plan.batch, plan.epochs, plan.dropout) == ((256, 256), 2, 120, 0.15)
    assert plan.learning_rate == 1e-3
    assert not plan.augment
    assert not plan.decay


def test_small_volumes_take_one_patch_that_covers_them_all():
    plan = make_plan(HIPPOCAMPUS, TrainSettings(), RICH, classes=3)
    assert plan.network == "unet-3d"
    assert plan.patch == (48, 56, 40)  # K, J, I up to 41, 52, 36, padded to multiples of 8
    assert plan.whole
    assert plan.samples_per_case == 1
    assert plan.spacing == (1.0, 1.0, 1.0)


def test_large_volumes_take_patches_from_the_memory_there_is():
    large = [Geometry((300, 280, 200), (1.0, 1.0, 1.5))] * 3
    rich, poor = (make_plan(large, TrainSettings(), Memory(b)) for b in (2**33, 2**28))
    for plan in (rich, poor):
        assert plan.patch is not None
        assert not plan.whole
        assert all(side % 8 == 0 for side in plan.patch)
    assert 0.8 * 96**3 < np.prod(rich.patch) <= 96**3
    assert step_bytes("unet-3d", int(np.prod(poor.patch)), 2) <= 2**27
    assert poor.batch == 1


@pytest.mark.parametrize(
    ("geometries", "memory", "words"),
    [
        ([XRAY, *HIPPOCAMPUS], RICH, "single-slice"),
        ([Geometry((256, 256, 9))], RICH, "only about 9 slices"),
        ([THICK], RICH, "8.0 times as thick"),
        ([Geometry((200, 200, 200))], Memory(2**23), "memory"),
    ],
)
def test_when_volumes_are_taken_slice_by_slice(geometries, memory, words):
    settings = TrainSettings(size_2d=(32, 32))
    plan = make_plan(geometries, settings, memory)
    assert plan.network == "attention-unet-2d"
    assert words in " ".join(plan.sentences)


def test_slices_are_cut_across_the_coarsest_axis():
    sagittal = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)  # I to P, J to foot, K to the right
    geometry = Geometry((256, 256, 40), (0.5, 0.5, 4.0), direction=sagittal)
    plan = make_plan([geometry], TrainSettings(), RICH)
    assert plan.slice_axis == 2
    assert "left-right" in " ".join(plan.sentences)


def test_the_smaller_plans_end():
    plan = make_plan([Geometry((300, 300, 300))], TrainSettings(batch_size=4), RICH)
    seen = [plan]
    while (plan := smaller(plan)) is not None:
        seen.append(plan)
    assert [p.batch for p in seen[:3]] == [4, 2, 1]
    sizes = [int(np.prod(p.patch)) for p in seen[2:]]
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes[-1] <= 32**3
    assert smaller(make_plan([XRAY], TrainSettings(batch_size=1), RICH)) is None


@pytest.mark.parametrize("geometries", [[XRAY], HIPPOCAMPUS, [THICK]])
def test_plan_and_settings_survive_json(geometries):
    settings = TrainSettings(patch=(40, 48, 40), spacing=(1.5, 1.0, 1.0), epochs=7)
    assert TrainSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    plan = make_plan(geometries, settings, RICH)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"network": "unet"}, "choose one of"),
        ({"epochs": 0}, "at least 1"),
        ({"seed": -1}, "0 or above"),
        ({"learning_rate": 0.0}, "above 0"),
        ({"epoch": 3}, "no training setting 'epoch'"),
        ({"validation_fraction": 0.7}, "0 to 0.5"),
        ({"patch": [-8, 8, 8]}, "patch is .* 3 numbers above 0"),
        ({"spacing": [1.0, 1.0]}, "spacing is .* 3 numbers above 0"),
        ({"size_2d": [0, 0]}, "size_2d is .* 2 numbers above 0"),
        ({"channels": [8]}, "channels is .* at least 2 numbers"),
        ({"channels": []}, "channels is .* at least 2 numbers"),
        ({"epochs": "many"}, "epochs of training is 'many'"),
    ],
)
def test_wrong_settings_are_named(values, words):
    with pytest.raises(InputError, match=words):
        TrainSettings.from_json(values)


def test_what_cannot_be_planned_is_said():
    with pytest.raises(InputError, match="no labelled case"):
        make_plan([], TrainSettings(), RICH)
    with pytest.raises(InputError, match="single slices"):
        make_plan([XRAY], TrainSettings(network="unet-3d"), RICH)
    with pytest.raises(InputError, match="multiples of 16"):
        make_plan([XRAY], TrainSettings(size_2d=(250, 256)), RICH)
    with pytest.raises(InputError, match="above 16"):
        make_plan([XRAY], TrainSettings(size_2d=(16, 16)), RICH)
    with pytest.raises(OutOfMemoryError, match="MiB"):
        make_plan([XRAY], TrainSettings(), Memory(2**20))


def test_the_free_memory_is_plausible():
    free = free_ram()
    assert free == FALLBACK_BYTES or 2**26 < free < 2**45
