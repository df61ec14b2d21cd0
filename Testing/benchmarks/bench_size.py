"""How the whole grows with the pool: seconds and memory at 1,000, 10,000 and 100,000 cases.

[SIZE_MAP=pca] python Testing/benchmarks/bench_size.py [cases …, default 1000 10000 100000]
python Testing/benchmarks/bench_size.py --volume 1024 [--network unet-3d | attention-unet-2d]

Each step runs in a process of its own, on what the steps before it have left in a folder, so that
its peak of memory is its own. The images are real files of 4 × 8 × 8 voxels; those that are encoded
come from a stub, so that neither disk nor image size plays a part. Seconds are the clock's. The
growth is the exponent p of seconds ~ cases^p between two sizes. `--volume` predicts one volume of
that many voxels along each side, through the project and its background job, with a small network
of random weights.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

Seconds = dict[str, float]
GROUPS = 30
MAP = os.environ.get("SIZE_MAP", "tsne")
SERVER = "GiB of the page's server"
DRAWN = "(n) => document.querySelectorAll('[data-name=map-plot] path.point').length >= n"


@contextmanager
def timed(times: Seconds, what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    times[what] = time.perf_counter() - started


def listing(folder: Path, times: Seconds) -> None:
    """List the files, and make a project of them."""
    from ActiveSeedLib.pool.scan import scan
    from ActiveSeedLib.project import LabelSchema, Project

    with timed(times, "list"):
        pool = scan(folder / "images")
    with timed(times, "create the project"):
        Project.create(folder / "project", pool, LabelSchema.parse("1=lung")).close()


def opening(folder: Path, times: Seconds) -> None:
    """Open the project and list its cases, as the command line does."""
    from ActiveSeedLib.project import Project

    with timed(times, "open, list all cases"), Project.open(folder / "project") as project:
        project.cases()
        project.summary()


def encoding(folder: Path, times: Seconds) -> None:
    """Encode 500 cases with the default encoder, and all with a stub that only fills the store."""
    import numpy as np

    from ActiveSeedLib.features import DEFAULT_ENCODER
    from ActiveSeedLib.features.encoder import make_encoder
    from ActiveSeedLib.features.store import FeatureStore, encode_pool
    from ActiveSeedLib.pool.case import Case, Image
    from ActiveSeedLib.project import Project

    real = make_encoder(DEFAULT_ENCODER)
    centres = np.random.default_rng(0).normal(0, 1, (GROUPS, real.dimension)).astype(np.float32)

    class Stub:
        name, hash, dimension, provenance = real.name, real.hash, real.dimension, real.provenance

        def encode(self, images: list[Image]) -> np.ndarray:
            seeds = [int(np.abs(image.array.astype(np.int64)).sum()) for image in images]
            return np.stack(
                [
                    centres[seed % GROUPS]
                    + np.random.default_rng(seed).normal(0, 0.3, real.dimension).astype(np.float32)
                    for seed in seeds
                ]
            )

    def load(case: Case) -> Image:
        generator = np.random.default_rng(int(case.key[:8], 16))
        return Image(generator.integers(0, 999, case.geometry.shape, np.int16), case.geometry)

    with Project.open(folder / "project") as project:
        cases = [record.case for record in project.cases()]
        with timed(times, "encode 500 (default encoder, stub images)"):
            failures = encode_pool(cases[:500], load, real, FeatureStore(folder / "aside"))
        with timed(times, "encode all (stub images, stub encoder)"):
            failures |= encode_pool(cases, load, Stub(), FeatureStore(project.features_folder))
    assert not failures


def mapping(folder: Path, times: Seconds) -> None:
    """Map the pool."""
    from ActiveSeedLib.jobs.encode import encode
    from ActiveSeedLib.progress import Progress

    with timed(times, f"map ({MAP})"):
        encode({"project": str(folder / "project"), "map_method": MAP}, Progress())


def choosing(folder: Path, times: Seconds) -> None:
    """Select 50 cases by each of two strategies."""
    from ActiveSeedLib.jobs.suggest import suggest
    from ActiveSeedLib.progress import Progress

    for strategy in ("levy", "random"):
        wanted = {"project": str(folder / "project"), "budget": 50, "strategy": strategy}
        wanted["map_method"] = MAP
        with timed(times, f"suggest 50 by {strategy}"):
            suggest(wanted, Progress())


def panel(folder: Path, times: Seconds) -> None:
    """Open the project in the panel of the stand-in, show all cases, show the map."""
    from Testing import host

    host.start()
    import slicer

    from Testing.host import pump
    from Testing.host.scripted import load_module, unload_module

    load_module(REPOSITORY / "ActiveSeed" / "ActiveSeed.py")
    slicer.util.mainWindow().show()
    slicer.util.selectModule("ActiveSeed")
    shown = slicer.util.getModuleWidget("ActiveSeed").panel
    with timed(times, "panel: open the project"):
        shown.open_project(folder / "project")
        _settle(pump)
    box = shown.queue.ui.filterComboBox
    with timed(times, "panel: show all cases"):
        box.setCurrentIndex(4)
        box.activated.emit(4)
        _settle(pump)
    with timed(times, "panel: search"):
        shown.queue.ui.searchEdit.setText("case_0000")
        _settle(pump)
    with timed(times, "panel: show the map"):
        shown.map.show_map()
        _settle(pump)
    shown.close_project()
    slicer.util.selectModule("")
    unload_module("ActiveSeed")


def _settle(pump: Any) -> None:
    """Let events happen until there is nothing left to do for a while."""
    quiet = 0
    while quiet < 30:
        started = time.perf_counter()
        pump.process()
        quiet = quiet + 1 if time.perf_counter() - started < 0.002 else 0
        time.sleep(0.002)


def page(folder: Path, times: Seconds) -> None:
    """Serve the project, and load it in a Chromium until queue and map are there."""
    from playwright.sync_api import sync_playwright

    from Testing.viewer.browser import find_chromium

    command = [sys.executable, "-m", "ActiveSeedLib.cli", "view", str(folder / "project")]
    started = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert server.stdout is not None
    try:
        link = next(line for line in server.stdout if "http" in line)
        link = link[link.index("http") :].split()[0]
        times["page: the link is printed"] = time.perf_counter() - started
        with sync_playwright() as browsers:
            chromium = browsers.chromium.launch(executable_path=find_chromium())
            tab = chromium.new_page()
            with timed(times, "page: queue and project are shown"):
                tab.goto(link)
                tab.wait_for_selector("[data-name=line]", timeout=300_000)
            count = len(list((folder / "images").rglob("*.nii")))
            with timed(times, "page: every point of the map is drawn"):
                tab.wait_for_function(DRAWN, arg=count, timeout=600_000)
            times[SERVER] = _peak(server.pid) / 2**20
            chromium.close()
    finally:
        server.terminate()
        server.wait(30)


def _peak(pid: int) -> int:
    """Return the peak of resident memory of a running process, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def predicting(folder: Path, times: Seconds) -> None:
    """Predict the one volume of the project `folder`."""
    from ActiveSeedLib.jobs.predict import predict
    from ActiveSeedLib.progress import Progress

    steps = Progress(lambda kind, values: print(kind, values, file=sys.stderr, flush=True))
    with timed(times, "predict"):
        done = predict({"project": str(folder / "project"), "device": "cpu"}, steps)
    assert done["predicted"] == 1


STEPS: dict[str, Callable[[Path, Seconds], None]] = {
    one.__name__: one
    for one in (listing, opening, encoding, mapping, choosing, panel, page, predicting)
}


def write_images(folder: Path, count: int) -> None:
    """Write `count` volumes of 4 × 8 × 8 voxels, all different."""
    import numpy as np

    from ActiveSeedLib.pool.case import Geometry
    from ActiveSeedLib.pool.itk import write

    folder.mkdir()
    write(folder / "first.nii", np.zeros((4, 8, 8), np.int16), Geometry((8, 8, 4)))
    first = (folder / "first.nii").read_bytes()
    (folder / "first.nii").unlink()
    for number in range(count):
        place = folder / f"site_{number // 1000:03d}"
        place.mkdir(exist_ok=True)
        voxels = np.random.default_rng(number).integers(0, 999, 256).astype("<i2")
        (place / f"case_{number:06d}.nii").write_bytes(first[:-512] + voxels.tobytes())


def write_volume(folder: Path, side: int, network: str) -> None:
    """Write one volume of `side`³ voxels, a project of it, and a model of random weights."""
    import numpy as np

    from ActiveSeedLib.pool.case import Geometry
    from ActiveSeedLib.pool.itk import write
    from ActiveSeedLib.pool.scan import scan
    from ActiveSeedLib.project import LabelSchema, Project
    from ActiveSeedLib.segmentation.model_file import save_model
    from ActiveSeedLib.segmentation.networks import build
    from ActiveSeedLib.segmentation.plan import Plan

    images = folder / "images"
    images.mkdir()
    path = images / "large.nii"
    write(path, np.zeros((1, side, side), np.int16), Geometry((side, side, 1)))
    head = bytearray(path.read_bytes()[:352])
    head[40:48] = np.array([3, side, side, side], "<i2").tobytes()
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 20, (8, side, side)).astype(np.int16)
    rows, columns = np.indices((side, side))
    with path.open("wb") as file:
        file.write(head)
        for k in range(side):
            away = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 + (k - side / 2) ** 2
            ball = 300 * (away < (side / 3) ** 2).astype(np.int16)
            file.write((noise[k % 8] + ball).astype("<i2").tobytes())
    shape = {"size_2d": (256, 256)}
    if network == "unet-3d":
        shape = {"spacing": (1.0, 1.0, 1.0), "patch": (64, 64, 64)}
    plan = Plan(network, (8, 16), 0.0, 1, 1, 1, False, 1e-3, False, **shape)
    with Project.create(folder / "project", scan(images), LabelSchema.parse("1=ball")) as project:
        model = project.start_model({}, {})
        weights = build(plan, 2).state_dict()
        save_model(model.folder / "model.pt", weights, plan, (1,), {"settings": {}})
        project.finish_model(model.id, {})


def run_step(name: str, folder: Path) -> tuple[Seconds, float]:
    """Run a step in a process of its own; return its seconds and its peak of memory in GiB."""
    found = folder / "seconds.json"
    words = [sys.executable, str(Path(__file__).resolve()), "--step", name, str(folder)]
    child = os.posix_spawn(sys.executable, words, {**os.environ, "PYTHONPATH": str(REPOSITORY)})
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{name} failed")
    return json.loads(found.read_text()), usage.ru_maxrss / 2**20


def measure(count: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Return what → (seconds, GiB) for a pool of `count` cases."""
    in_a_process("write_images", folder / "images", count)
    result = {}
    for name in STEPS:
        if name == "predicting":
            continue
        times, peak = run_step(name, folder)
        peak = times.pop(SERVER, peak)
        for what, seconds in times.items():
            result[what] = (seconds, peak)
            print(f"{count:>8,} {what:<36} {seconds:9.2f} s {peak:7.2f} GiB", flush=True)
    return result


def in_a_process(function: str, *arguments: Any) -> None:
    """Call a function of this file elsewhere, so that this process stays small."""
    words = [json.dumps([str(one) if isinstance(one, Path) else one for one in arguments])]
    done = subprocess.run(
        [sys.executable, __file__, "--call", function, *words],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    if done.returncode:
        raise SystemExit(f"{function} failed")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--volume", type=int)
    parser.add_argument("--network", default="unet-3d")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder otherwise")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--call", nargs=2, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.step:
        times: Seconds = {}
        folder = Path(wanted.step[1])
        STEPS[wanted.step[0]](folder, times)
        (folder / "seconds.json").write_text(json.dumps(times))
        return
    if wanted.call:
        first, *rest = json.loads(wanted.call[1])
        globals()[wanted.call[0]](Path(first), *rest)
        return
    with tempfile.TemporaryDirectory(dir=wanted.folder) as name:
        if wanted.volume:
            in_a_process("write_volume", Path(name), wanted.volume, wanted.network)
            times, peak = run_step("predicting", Path(name))
            print(
                f"{wanted.volume}³, {wanted.network}: {times['predict']:.0f} s, {peak:.2f} GiB",
                flush=True,
            )
            return
        results = {}
        for count in wanted.counts:
            folder = Path(name, str(count))
            folder.mkdir()
            results[count] = measure(count, folder)
            shutil.rmtree(folder)
        print_table(results)


def print_table(results: dict[int, dict[str, tuple[float, float]]]) -> None:
    """Print seconds and memory by size, and the growth from the size before."""
    counts = list(results)
    print("| step | " + " | ".join(f"{count:,}" for count in counts) + " | growth |")
    print("| --- |" + " --- |" * (len(counts) + 1))
    for what in results[counts[0]]:
        cells = [results[count].get(what, (math.nan, math.nan)) for count in counts]
        powers = [
            math.log(b[0] / a[0]) / math.log(m / n)
            for a, b, n, m in zip(cells[:-1], cells[1:], counts[:-1], counts[1:], strict=True)
        ]
        print(
            f"| {what} | "
            + " | ".join(f"{seconds:.2f}; {peak:.2f}" for seconds, peak in cells)
            + " | "
            + ", ".join(f"{power:.2f}" for power in powers)
            + " |"
        )


if __name__ == "__main__":
    main()
