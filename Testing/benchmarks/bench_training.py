"""Seconds of training and prediction on this machine: `python bench_training.py [DATA]`.

Prints milliseconds a step of the 2-D Attention U-Net in each precision and layout, of candidate
3-D networks on patches of the hippocampus's size, and what a whole training of eight hippocampus
volumes and of eight X-rays takes and reaches on unseen patients (DATA: the folder that holds
`hippocampus` and `cxr_lung`; without it only the steps are timed).
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
import torch
from monai.losses import DiceCELoss
from monai.networks.nets import AttentionUnet, BasicUNet, UNet

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.training import TrainingCase, train

PATCH = (48, 56, 40)
SLICE = (256, 256)


def unet(*channels: int, units: int = 0) -> torch.nn.Module:
    return UNet(3, 1, 3, channels, (2,) * (len(channels) - 1), num_res_units=units)


CANDIDATES: dict[str, tuple[tuple[int, ...], Callable[[], torch.nn.Module]]] = {
    "attention-unet-2d 16..256": (
        SLICE,
        lambda: AttentionUnet(2, 1, 3, (16, 32, 64, 128, 256), (2,) * 4, dropout=0.15),
    ),
    "unet-3d 16..128 (chosen)": (PATCH, lambda: unet(16, 32, 64, 128)),
    "unet-3d 24..192": (PATCH, lambda: unet(24, 48, 96, 192)),
    "unet-3d 16..128, 1 residual unit": (PATCH, lambda: unet(16, 32, 64, 128, units=1)),
    "unet-3d 16..128, 2 residual units": (PATCH, lambda: unet(16, 32, 64, 128, units=2)),
    "attention-unet 3-D 8..64": (PATCH, lambda: AttentionUnet(3, 1, 3, (8, 16, 32, 64), (2,) * 3)),
    "basic-unet 3-D 8..128": (PATCH, lambda: BasicUNet(3, 1, 3, features=(8, 16, 32, 64, 128, 8))),
}


def step_times(
    shape: tuple[int, ...], make: Callable[[], torch.nn.Module], half: bool, last: bool
) -> tuple[float, float]:
    """Return the median milliseconds of a training step and of a prediction, batch 2."""
    torch.manual_seed(0)
    layouts = {2: torch.channels_last, 3: torch.channels_last_3d}
    layout = layouts[len(shape)] if last else torch.contiguous_format
    network = make().to(memory_format=layout)
    images = torch.randn(2, 1, *shape).contiguous(memory_format=layout)
    labels = torch.randint(0, 3, (2, 1, *shape))
    optimiser = torch.optim.Adam(network.parameters())
    criterion = DiceCELoss(to_onehot_y=True, softmax=True)

    def learn() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = network(images)
        optimiser.zero_grad()
        criterion(logits.float(), labels).backward()
        optimiser.step()

    def predict() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            network(images)

    found = milliseconds(learn, 7)
    network.eval()
    return found, milliseconds(predict, 5)


def milliseconds(work: Callable[[], None], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def read(path: Path) -> Image:
    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    if array.ndim == 2:
        return Image(array[None], Geometry((*image.GetSize(), 1)))
    geometry = Geometry(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    return Image(array, geometry)


def whole_training(
    folder: Path, group: str, values: tuple[int, ...], settings: TrainSettings, words: str
) -> None:
    """Train on eight patients, test on 24 others, and print seconds, Dice and HD95."""
    cases = json.loads((folder / "dataset.json").read_text())["cases"]
    first = {case[group]: case for case in reversed(cases)}
    patients = sorted(first)
    np.random.default_rng(0).shuffle(patients)
    chosen = [first[p] for p in patients]
    labelled = [
        TrainingCase(
            c["image"],
            lambda c=c: read(folder / c["image"]),
            lambda c=c: read(folder / c["label"]),
        )
        for c in chosen[:8]
    ]
    with tempfile.TemporaryDirectory() as out:
        model = train(labelled, values, settings, Path(out), Progress())
        predictor = Predictor(model.path, "cpu")
        scores, seconds = [], 0.0
        for case in chosen[8:32]:
            image, label = read(folder / case["image"]), read(folder / case["label"])
            start = time.perf_counter()
            found = predictor.predict(image)
            seconds += time.perf_counter() - start
            scores.append(score(found.labels, label.array, image.geometry.spacing, values))
    dice, hd95 = (np.mean([s[name] for s in scores]) for name in ("dice", "hd95"))
    print(
        f"{folder.name}, {words}: {model.seconds:.0f} s for {model.plan.epochs} epochs, "
        f"Dice {dice:.3f}, HD95 {hd95:.1f} mm, {1000 * seconds / len(scores):.0f} ms a prediction",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"{torch.get_num_threads()} threads; ms a training step / a prediction, batch 2")
    kinds = {
        "fp32": (False, False),
        "fp32 channels-last": (False, True),
        "bf16": (True, False),
        "bf16 channels-last": (True, True),
    }
    for name, (shape, make) in CANDIDATES.items():
        count = sum(p.numel() for p in make().parameters()) / 1e6
        parts = []
        for kind, (half, last) in kinds.items():
            step, prediction = step_times(shape, make, half, last)
            parts.append(f"{kind} {step:.0f} / {prediction:.0f}")
        print(f"{name} ({count:.2f} M): " + ", ".join(parts), flush=True)
    if arguments.data is not None:
        for epochs in (25, 60, 120):
            settings = TrainSettings(device="cpu", epochs=epochs, threads=arguments.threads)
            whole_training(arguments.data / "hippocampus", "subject", (1, 2), settings, "8 volumes")
        for precision in ("fp32", "bf16"):
            settings = TrainSettings(
                device="cpu", epochs=40, mixed_precision=precision, threads=arguments.threads
            )
            words = f"8 images, {precision}"
            whole_training(arguments.data / "cxr_lung", "patient", (1,), settings, words)


if __name__ == "__main__":
    main()
