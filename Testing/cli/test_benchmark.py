"""`activeseed benchmark`, as a person types it: runs, a kill, other machines' tables."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from ActiveSeedLib.benchmark.runs import read_records
from ActiveSeedLib.benchmark.table import Row, read_table
from ActiveSeedLib.demo.cohort import generate_cohort

CONFIG = """
strategies = ["random", "levy", "levy-cold-start@once", "kmeans@once", "full"]
seeds = 2
[training]
steps = {steps}
channels = [8, 16]
device = "cpu"
threads = 1
[[data]]
name = "flat"
images = "images"
labels = "labels"
patients = "patients.csv"
budgets = [2, 4]
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = generate_cohort(tmp_path_factory.mktemp("cohort"), cases=12, seed=3, size=(24, 20, 8))
    (folder / "benchmark.toml").write_text(CONFIG.format(steps=2), encoding="utf-8")
    return folder


def _command(cohort: Path, out: Path, *more: str) -> list[str]:
    config = str(cohort / "benchmark.toml")
    return [
        sys.executable,
        "-m",
        "ActiveSeedLib.cli",
        "benchmark",
        config,
        "--out",
        str(out),
        *more,
    ]


def _run(cohort: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(cohort, out, *more), capture_output=True, text=True, check=False)


def _label(cohort: Path, name: str) -> "np.ndarray[Any, Any]":
    (path,) = (cohort / "labels").glob(f"{name}.*")
    return sitk.GetArrayFromImage(sitk.ReadImage(path))


def _essence(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [(*row.key, row.dice, row.hd95, row.picks, row.minutes) for row in rows]


@pytest.fixture(scope="module")
def done(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    said = _run(cohort, out, "--parallel", "2")
    assert said.returncode == 0, said.stderr
    assert "results.csv" in said.stdout
    return out


def test_every_run_has_a_row(cohort: Path, done: Path) -> None:
    rows = read_table(done / "results.csv")
    wanted = {
        (strategy, seed, budget)
        for strategy in ("random", "levy", "levy-cold-start@once", "kmeans@once")
        for seed in (43, 44)
        for budget in (2, 4)
    }
    pools = {row.seed: row.pool for row in rows}
    wanted |= {("full", seed, pool) for seed, pool in pools.items()}
    assert {row.key[1:] for row in rows} == wanted
    assert all(0 <= row.dice <= 1 and row.pool + row.tested == 12 for row in rows)
    assert len({(row.protocol, row.cohort, row.encoder) for row in rows}) == 1
    by_key = {row.key[1:]: row for row in rows}
    for seed in (43, 44):
        # the extended cold start chooses anew; a later round only adds
        first, second = (by_key["levy-cold-start@once", seed, budget] for budget in (2, 4))
        assert (len(first.picks), len(second.picks), second.round) == (2, 4, 1)
        assert by_key["levy", seed, 2].picks == first.picks
        assert by_key["levy", seed, 2].dice == first.dice  # the same labels, the same training
        later = by_key["levy", seed, 4]
        assert (len(later.picks), later.round) == (2, 2)
        assert not set(later.picks) & set(by_key["levy", seed, 2].picks)
        labelled = [_label(cohort, name) for name in (*first.picks, *later.picks)]
        assert later.voxels == sum(label.size for label in labelled)
        assert later.foreground == sum(np.count_nonzero(label) for label in labelled)
        assert later.slices == sum(label.any(axis=(1, 2)).sum() for label in labelled)
    records = read_records(done, "flat", 43, "levy")
    assert [record["budget"] for record in records] == [2, 4]
    assert all(pick["reason"] for record in records for pick in record["picks"])


def test_a_second_call_runs_nothing_and_a_table_alone_suffices(
    cohort: Path, done: Path, tmp_path: Path
) -> None:
    before = read_table(done / "results.csv")
    started = time.monotonic()
    assert _run(cohort, done).returncode == 0
    assert time.monotonic() - started < 20
    assert read_table(done / "results.csv") == before
    # another machine has the table only
    said = _run(cohort, tmp_path / "other", "--merge", str(done / "results.csv"))
    assert said.returncode == 0, said.stderr
    assert read_table(tmp_path / "other" / "results.csv") == before
    assert not (tmp_path / "other" / "flat").exists()


def test_machines_share_the_seeds(cohort: Path, done: Path, tmp_path: Path) -> None:
    assert _run(cohort, tmp_path / "here", "--seeds", "43").returncode == 0
    assert _run(cohort, tmp_path / "there", "--seeds", "44").returncode == 0
    there = str(tmp_path / "there" / "results.csv")
    said = _run(cohort, tmp_path / "here", "--report-only", "--merge", there, "--json")
    assert json.loads(said.stdout)["rows"] == 18
    merged = read_table(tmp_path / "here" / "results.csv")
    assert _essence(merged) == _essence(read_table(done / "results.csv"))


def test_a_killed_benchmark_goes_on(cohort: Path, done: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        _command(cohort, tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    folder = tmp_path / "flat" / "runs" / "seed-43"
    try:
        while not len(list(folder.glob("*.json"))) > 2:
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("r*.json")}
    assert kept
    assert _run(cohort, tmp_path).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert _essence(read_table(tmp_path / "results.csv")) == _essence(
        read_table(done / "results.csv")
    )


def test_results_of_another_configuration_are_not_mixed(
    cohort: Path, done: Path, tmp_path: Path
) -> None:
    (tmp_path / "benchmark.toml").write_text(CONFIG.format(steps=3), encoding="utf-8")
    said = _run(tmp_path, done, "--data", str(cohort))
    assert said.returncode == 2
    assert "come from another configuration" in said.stderr
    said = _run(cohort, tmp_path / "empty", "--report-only")
    assert said.returncode == 2
    assert "holds no results yet" in said.stderr


def test_nothing_is_written_among_the_images(cohort: Path) -> None:
    out = cohort / "images" / "results"
    said = _run(cohort, out, "--report-only")
    assert said.returncode == 2
    assert "never written to" in said.stderr
    assert not out.exists()
