"""Vectors, weights and models that inflate, or ask for more memory than any of their kind."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ActiveSeedLib.archives import MOST_TIMES
from Testing.hostile.measured import run_python

ROOM = 200
"""MiB that a process may take which has met such vectors."""

ARRAY = """
import sys
from pathlib import Path
from ActiveSeedLib.errors import InputError
path = Path(sys.argv[1])
try:
    if sys.argv[2] == "weights":
        from ActiveSeedLib.features.network import read_state
        read_state(path)
    elif sys.argv[2] == "model":
        from ActiveSeedLib.segmentation.model_file import load_model
        load_model(path)
    else:
        from ActiveSeedLib.features.shards import Shelf
        shelf = Shelf(path.parent)
        if shelf.missing(["k"]):
            print("counts as missing")
        else:
            shelf.get(["k"])
except InputError as error:
    print(error)
"""


def deflated_archive(path: Path, names: tuple[str, ...], heads: tuple[bytes, ...]) -> Path:
    """Write a zip archive whose members are `heads`, each followed by 400 MB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, head in zip(names, heads, strict=True):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(head)
                for _ in range(4):
                    member.write(bytes(100_000_000))
    return path


def npy_head(shape: tuple[int, ...], kind: str) -> bytes:
    head = io.BytesIO()
    facts = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, facts)
    return head.getvalue()


@pytest.mark.parametrize("door", ["weights", "vectors"])
def test_arrays_that_inflate(tmp_path: Path, door: str) -> None:
    heads = (npy_head((100, 1_000_000), "<f4"), npy_head((100_000_000,), "<U1"))
    path = deflated_archive(tmp_path / "shard-00000001.npz", ("vectors.npy", "keys.npy"), heads)
    done = run_python(ARRAY, path, door)
    assert done.code == 0, done.err[-2000:]
    said = {"weights": "would inflate to 800,000,256", "vectors": "counts as missing"}
    assert said[door] in done.out
    assert done.mebibytes < {"weights": 350, "vectors": ROOM}[door]  # torch itself takes 220


def test_arrays_whose_header_claims_much(tmp_path: Path) -> None:
    """2⁴⁰ numbers in 128 bytes."""
    path = tmp_path / "shard-00000001.npz"
    np.savez(path, keys=np.array(["k"]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("vectors.npy", npy_head((1 << 20, 1 << 20), "<f4"))
    done = run_python(ARRAY, path, "vectors")
    assert "shard-00000001.npz is damaged" in done.out, done.err[-2000:]
    assert done.mebibytes < ROOM


def test_a_model_that_inflates(tmp_path: Path) -> None:
    stored, path = tmp_path / "stored.pt", tmp_path / "model.pt"
    torch.save({"weights": {"a": torch.zeros(10_000_000)}, "info": "{}"}, stored)
    with (
        zipfile.ZipFile(stored) as whole,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as tight,
    ):
        for entry in whole.infolist():
            tight.writestr(entry.filename, whole.read(entry))
    assert stored.stat().st_size > MOST_TIMES * path.stat().st_size
    done = run_python(ARRAY, path, "model")
    assert "would inflate to" in done.out, done.err[-2000:]
    assert "delete it" in done.out


PLAN = """
import sys
from pathlib import Path
import dataclasses
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.model_file import load_model, save_model
from ActiveSeedLib.segmentation.networks import build
from ActiveSeedLib.segmentation.plan import Plan

path = Path(sys.argv[1])
plan = Plan("unet-3d", (8, 16), 0.0, 1, 1, 1, False, 1e-3, False, patch=(32,) * 3)
plan = dataclasses.replace(plan, spacing=(1.0,) * 3)
weights = build(plan, 2).state_dict()
save_model(path, weights, plan, (1,), {})
assert load_model(path).plan == plan
for change in (
    {"channels": (20_000, 20_000)},
    {"patch": (4096,) * 3},
    {"spacing": (1e-9,) * 3},
    {"spacing": None, "patch": None, "size_2d": (100_000, 100_000), "network": "attention-unet-2d"},
):
    save_model(path, weights, dataclasses.replace(plan, **change), (1,), {})
    try:
        load_model(path)
    except InputError as error:
        print(error)
"""


def test_a_model_whose_plan_asks_for_much(tmp_path: Path) -> None:
    """Its network, patch, grid or slices would fill the memory."""
    done = run_python(PLAN, tmp_path / "model.pt")
    assert done.code == 0, done.err[-2000:]
    sentences = done.out.splitlines()
    assert len(sentences) == 4
    assert all("model.pt does not fit this program: its plan" in one for one in sentences)
    assert done.mebibytes < 900  # torch and MONAI take most of it
