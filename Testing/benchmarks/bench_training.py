"""Seconds of training and prediction on this machine: `python bench_training.py [DATA]`.

Prints steps per second of the training loop against a bare PyTorch loop of the same network and
data, and of 1, 2 and 4 trainings side by side (`--only loop`, `--only processes`); milliseconds
a step of the 2-D Attention U-Net in each precision and layout, of candidate 3-D networks on
patches of the hippocampus's size (`--only steps`), and what a whole training of eight hippocampus
volumes and of eight X-rays takes and reaches on unseen patients (DATA: the folder that holds
`hippocampus` and `cxr_lung`; without it only the steps are timed).
"""

import argparse
import itertools
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
import torch
from monai.losses import DiceCELoss
from monai.networks.nets import AttentionUnet, BasicUNet, UNet

from ActiveSeedLib.errors import CancelledError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation import forward
from ActiveSeedLib.segmentation.device import Memory
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.loop import Loop, Training
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.networks import build
from ActiveSeedLib.segmentation.plan import Plan, make_plan
from ActiveSeedLib.segmentation.prepare import Prepared
from ActiveSeedLib.segmentation.reproducible import reproducible
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

CASES = 8
SETUPS: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {
    "2-D of the paper: 16..256, 256x256": ((1, 256, 256), {}),
    "2-D reduced: 8..64, 64x64": ((1, 64, 64), {"size_2d": (64, 64), "channels": (8, 16, 32, 64)}),
    "3-D default: 16..128, 40x56x48, augmented": ((40, 56, 48), {}),
    "3-D without augmentation": ((40, 56, 48), {"augmentation": "off"}),
}
"""A case's shape (K, J, I) and settings; in fp32, so that both loops compute the same."""


def our_loop(name: str, device: str, folder: Path) -> Loop:
    """Return a training of eight cases of noise, three classes, that never ends by itself."""
    shape, changes = SETUPS[name]
    settings = TrainSettings(device=device, epochs=10**6, mixed_precision="fp32", **changes)
    plan = make_plan([Geometry(shape[::-1])] * CASES, settings, Memory(2**34, device), 3)
    generator = np.random.default_rng(0)
    cases = [
        Prepared(
            str(index),
            str(index),
            generator.normal(size=shape).astype(np.float32),
            generator.integers(0, 3, shape).astype(np.uint8),
            "",
            (generator.integers(0, shape, (2000, 3)),) * 2,
        )
        for index in range(CASES)
    ]
    return Loop(Training(plan, settings, device, 3, cases, [], folder, ""))


def our_speed(loop: Loop, seconds: float, clock: Callable[[], float]) -> float:
    """Go on with the training for `seconds`; return steps per second."""
    first, start, took = loop.state.step, clock(), 0.0

    def over() -> bool:
        nonlocal took
        if clock() - start < seconds or loop.state.step == first:
            return False
        wait(loop.device)
        took = took or clock() - start  # not the checkpoint written on cancel
        return True

    with reproducible(43, torch.get_num_threads()), suppress(CancelledError):
        loop.run(Progress(cancelled=over))
    return (loop.state.step - first) / took


def bare_step(plan: Plan, cases: list[Prepared], device: str) -> Callable[[], None]:
    """Return a step of the same network on the same data, and nothing else."""
    torch.manual_seed(43)
    network = forward.place(build(plan, 3), plan, device).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    criterion = DiceCELoss(to_onehot_y=True, softmax=True, batch=not plan.whole)
    inner = (lambda array: array) if plan.is_2d else (lambda array: array[None])
    images = torch.from_numpy(np.stack([inner(case.image) for case in cases])).to(
        device, memory_format=forward.memory_format(plan)
    )
    labels = torch.from_numpy(np.stack([inner(case.labels) for case in cases])).long().to(device)
    batches = itertools.cycle(zip(images.split(plan.batch), labels.split(plan.batch), strict=True))

    def step() -> None:
        given, wanted = next(batches)
        optimiser.zero_grad()
        criterion(network(given), wanted).backward()
        optimiser.step()

    return step


def bare_speed(
    step: Callable[[], None], seconds: float, clock: Callable[[], float], device: str
) -> float:
    count, start = 0, clock()
    while count == 0 or clock() - start < seconds:
        step()
        count += 1
    wait(device)
    return count / (clock() - start)


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def against_bare(device: str, seconds: float = 2.0, turns: int = 11) -> None:
    """Print our steps per second, the bare loop's, and the median ratio of their turns.

    On a CPU one thread computes and its own seconds count, since others use the machine too.
    """
    clock = time.process_time if device == "cpu" else time.perf_counter
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name in SETUPS:
        with tempfile.TemporaryDirectory() as folder:
            loop = our_loop(name, device, Path(folder))
            step = bare_step(loop.plan, list(loop.cases), device)
            pairs = [
                (our_speed(loop, seconds, clock), bare_speed(step, seconds, clock, device))
                for _ in range(turns + 1)
            ][1:]  # the first warms up
        ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(our / other for our, other in pairs)
        words = f"{ours:.2f} steps a second, bare {bare:.2f}, ratio {ratio:.3f}"
        print(f"{device}, {name}: {words}", flush=True)
    torch.set_num_threads(threads)


def one_of_many(name: str, device: str, seconds: float, ready: Any, speeds: Any) -> None:
    """Train in a process of its own once all others are ready; put steps per second."""
    if device == "cpu":
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        loop = our_loop(name, device, Path(folder))
        our_speed(loop, 0.5, time.perf_counter)
        ready.wait()
        speeds.put(our_speed(loop, seconds, time.perf_counter))


def side_by_side(device: str, seconds: float = 6.0, counts: tuple[int, ...] = (1, 2, 4)) -> None:
    """Print the steps per second of several trainings at once, all together."""
    spawn = multiprocessing.get_context("spawn")
    for name in SETUPS:
        parts = []
        for count in counts:
            ready, speeds = spawn.Barrier(count), spawn.Queue()
            work = (name, device, seconds, ready, speeds)
            processes = [spawn.Process(target=one_of_many, args=work) for _ in range(count)]
            for process in processes:
                process.start()
            total = sum(speeds.get(timeout=300) for _ in processes)
            for process in processes:
                process.join()
            parts.append(f"{count}: {total:.2f}")
        print(f"{device}, {name}, steps a second side by side: {', '.join(parts)}", flush=True)


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


def all_steps() -> None:
    """Print milliseconds a step of every candidate in each precision and layout."""
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


def all_trainings(data: Path, threads: int | None) -> None:
    """Print what whole trainings take and reach."""
    for epochs in (25, 60, 120):
        settings = TrainSettings(device="cpu", epochs=epochs, threads=threads)
        whole_training(data / "hippocampus", "subject", (1, 2), settings, "8 volumes")
    for precision in ("fp32", "bf16"):
        settings = TrainSettings(
            device="cpu", epochs=40, mixed_precision=precision, threads=threads
        )
        whole_training(data / "cxr_lung", "patient", (1,), settings, f"8 images, {precision}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", choices=("loop", "processes", "steps"))
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    if arguments.only in (None, "loop"):
        for device in devices:
            against_bare(device)
    if arguments.only in (None, "processes"):
        for device in devices:
            side_by_side(device)
    if arguments.only in (None, "steps"):
        all_steps()
    if arguments.only is None and arguments.data is not None:
        all_trainings(arguments.data, arguments.threads)


if __name__ == "__main__":
    main()
