"""Work that a stranger's project asks for: it writes nothing outside, and ends nobody's tasks."""

import json
import os
from pathlib import Path

import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.executor.shards import Folder, Shard
from ActiveSeedLib.executor.slurm import end_arrays
from ActiveSeedLib.executor.work import Item, below
from ActiveSeedLib.jobs.predict import PredictWork
from ActiveSeedLib.jobs.task import do_shard
from ActiveSeedLib.pool.case import Case, Geometry

OUTSIDE = ["../out.nii.gz", "/tmp/out.nii.gz", "a/../../out.nii.gz", "C:\\out", "\\out"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_file_outside_the_project_is_touched(tmp_path: Path, name: str) -> None:
    images = {"root": "images", "axis": None, "volumes": [], "thumbnails": {}, "verified": "no"}
    case = Case("0" * 32, "case", "case.nii", "nifti", ("case.nii",), Geometry((2, 2, 2)))
    (tmp_path / "project").mkdir()
    folder = Folder.of_work(tmp_path / "project", "0" * 32)
    shard = Shard((Item(case),))
    folder.write_work(PredictWork(model=name, checksum="", device="cpu"))
    folder.write_shard(shard, images)
    with pytest.raises(InputError, match="leads out of the project"):
        do_shard(str(folder.root), shard.key)
    with pytest.raises(InputError, match="leads out of the project"):
        below(tmp_path, name)
    assert below(tmp_path, "predictions/a..b.nii.gz") == tmp_path / "predictions" / "a..b.nii.gz"


def test_only_numbers_reach_scancel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = tmp_path / "heard"
    program = tmp_path / "bin" / "scancel"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "arrays.json").write_text(json.dumps(["--user=me", "12", "13; rm x", 14]))
    end_arrays(tmp_path)
    assert heard.read_text() == "--quiet 12\n"
