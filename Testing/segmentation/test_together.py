"""A training shared by processes that torchrun begins: real ones, on the CPU.

What they compute is compared with a training in one process by the losses: the weights of biases
before a norm have no influence and a gradient of rounding errors only, which Adam makes large.
"""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ActiveSeedLib.children import gpus
from ActiveSeedLib.errors import ActiveSeedError, CancelledError, InputError
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.device import Memory
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.model_file import load_model
from ActiveSeedLib.segmentation.plan import make_plan
from ActiveSeedLib.segmentation.together import LAUNCHER, MEMBER, team_size
from ActiveSeedLib.segmentation.training import train

linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc tells who lives")
SLICES = {"size_2d": (32, 32), "dropout": 0.0}
VALIDATED = {"validation_fraction": 0.4, "validation_minimum": 2, "validation_every": 1}


@pytest.fixture
def volumes(given):
    return [given.training_case(seed) for seed in range(5)]


@pytest.fixture
def slices(given):
    return [given.training_case(seed, given.slice_case(seed)) for seed in range(5)]


def run(given, cases, folder, progress=None, **changes):
    settings = dataclasses.replace(given.tiny, **changes)
    return train(cases, given.values, settings, folder, progress or Progress())


def losses(trained):
    return [record["loss"] for record in trained.history]


def processes(folder):
    """The ids of torchrun (first) and of the processes that train in `folder`."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode().split("\0")
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder / "team") in words and state != "Z":
            found[int(place.name)] = LAUNCHER in words
    return sorted(found, key=lambda pid: not found[pid])


def listening(pids):
    """The addresses (hexadecimal) and ports on which the processes wait for connections."""
    sockets = {str(x.readlink()) for pid in pids for x in Path(f"/proc/{pid}/fd").iterdir()}
    lines = [x for n in ("tcp", "tcp6") for x in Path(f"/proc/net/{n}").read_text().splitlines()]
    rows = [line.split() for line in lines[1:] if line.split()[3] == "0A"]
    return [row[1] for row in rows if f"socket:[{row[9]}]" in sockets]


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param("volumes", {"augmentation": "on", "batch_size": 2}, id="augmented, 2 or 1"),
        pytest.param("volumes", {"patch": (8, 8, 8), "batch_size": 4}, id="Dice over the batch"),
        pytest.param("slices", {**SLICES, "batch_size": 3}, id="batch norm, 2 + 1 samples"),
    ],
)
def test_a_shared_training_is_that_of_one_process(given, kind, changes, tmp_path, request):
    """Also where the last batch of an epoch is too small to be shared, and in validation."""
    cases = request.getfixturevalue(kind)
    changes = {"batch_size": 3, "epochs": 4, **VALIDATED, **changes}
    alone = run(given, cases, tmp_path / "alone", **changes)
    recorder = given.Recorder()
    shared = run(given, cases, tmp_path / "shared", recorder.progress, processes=2, **changes)
    assert "is shared by 2 processes" in recorder.notes
    assert losses(shared) == pytest.approx(losses(alone), rel=2e-4)
    scores = [[r["validation_dice"] for r in t.history] for t in (alone, shared)]
    assert scores[1] == pytest.approx(scores[0], abs=0.02)
    image, _ = given.volume_case(9) if kind == "volumes" else given.slice_case(9)
    found = [Predictor(t.path, "cpu").predict(image).labels for t in (alone, shared)]
    assert np.mean(found[0] == found[1]) > 0.99
    assert [m["epoch"] for m in recorder.of("metric")] == [1, 2, 3, 4]
    assert sorted(p.name for p in shared.path.parent.iterdir()) == ["model.pt", "training.jsonl"]


def test_one_seed_gives_one_model_with_dropout_too(given, slices, tmp_path):
    changes = {**SLICES, "dropout": 0.3, "batch_size": 2, "epochs": 2, "processes": 2}
    models = []
    for name in ("first", "second"):
        trained = run(given, slices, tmp_path / name, cache_gib=1e-9, **changes)
        models.append(load_model(trained.path).network.state_dict())
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


@linux
def test_cancel_ends_the_processes_and_what_they_did_is_gone_on_with(given, volumes, folder):
    changes = {"epochs": 30, "batch_size": 2}
    heard = given.Recorder(lambda recorder: len(recorder.of("metric")) >= 3)
    with pytest.raises(CancelledError):
        run(given, volumes, folder, heard.progress, processes=2, **changes)
    assert not processes(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["checkpoint.pt", "training.jsonl"]
    again = given.Recorder()
    resumed = run(given, volumes, folder, again.progress, processes=2, **changes)
    assert "goes on after epoch" in again.notes
    whole = run(given, volumes, folder.with_name("whole"), **changes)
    assert losses(resumed)[:10] == pytest.approx(losses(whole)[:10], rel=1e-3)
    assert len(losses(resumed)) == 30


@linux
def test_a_killed_process_ends_the_training_which_can_go_on(given, volumes, folder):
    changes = {"epochs": 400, "batch_size": 2, "checkpoint_seconds": 0.0}

    def kill(recorder):
        if len(recorder.of("metric")) >= 2 and not killed:
            killed.append(processes(folder)[-1])
            os.kill(killed[0], signal.SIGKILL)
        return False

    killed = []
    with pytest.raises(ActiveSeedError, match=r"ended early .* goes on from the last checkpoint"):
        run(given, volumes, folder, given.Recorder(kill).progress, processes=2, **changes)
    assert killed
    assert not processes(folder)
    again = given.Recorder(lambda recorder: len(recorder.of("metric")) > 0)
    with pytest.raises(CancelledError):  # alone: the checkpoint is the same
        run(given, volumes, folder, again.progress, **changes)
    assert "goes on after epoch" in again.notes


@linux
def test_the_processes_speak_on_loopback_and_end_with_the_one_that_began_them(folder):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import dataclasses; "
        "from pathlib import Path; from conftest import TINY, VALUES, training_case; "
        "from ActiveSeedLib.progress import Progress; "
        "from ActiveSeedLib.segmentation.training import train; "
        "train([training_case(s) for s in range(3)], VALUES, "
        "dataclasses.replace(TINY, epochs=9999, batch_size=2, processes=2), "
        "Path(sys.argv[2]), Progress())"
    )
    arguments = [str(Path(__file__).parent), str(folder)]
    with subprocess.Popen([sys.executable, "-c", program, *arguments]) as parent:
        try:
            until(lambda: (folder / "training.jsonl").exists())
            assert len(processes(folder)) == 3
            addresses = {place.partition(":")[0] for place in listening(processes(folder))}
            assert addresses == {"0100007F"}  # 127.0.0.1
        finally:
            parent.kill()
    until(lambda: not processes(folder))


def test_memory_that_one_process_lacks_halves_the_batch(given, volumes, folder, monkeypatch):
    """The one thing that cannot be made to happen safely, so it is put in by hand."""
    program = f"""
import os, sys
if {MEMBER!r} in sys.orig_argv and os.environ.get("RANK") == "1":
    from ActiveSeedLib.segmentation.loop import Loop
    def short(self, chosen, fraction):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    Loop._step = short
"""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    recorder = given.Recorder()
    trained = run(given, volumes, folder, recorder.progress, epochs=1, batch_size=2, processes=2)
    assert trained.plan.batch == 1
    assert "half the batch" in recorder.notes


def test_no_more_processes_than_samples_or_gpus(given, volumes, monkeypatch):
    recorder = given.Recorder()
    settings = dataclasses.replace(given.tiny, processes=8, batch_size=4)
    geometries = [case.load_image().geometry for case in volumes]
    plan = make_plan(geometries, settings, Memory(2**33))
    assert team_size(settings, plan, "cpu", recorder.progress) == 4
    assert "by 4 only" in recorder.notes
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert gpus() == ["0", "1"]
    with pytest.raises(InputError, match="offers 2"):
        team_size(settings, plan, "cuda", recorder.progress)


def test_a_training_that_goes_astray_says_so(given, volumes, folder):
    with pytest.raises(ActiveSeedError, match="went astray in epoch"):
        run(given, volumes, folder, learning_rate=1e36, batch_size=2, processes=2)
    assert sorted(p.name for p in folder.iterdir()) == ["training.jsonl"]
