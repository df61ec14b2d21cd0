"""One seed of one data set of a benchmark, as a job, and what must be known before."""

import dataclasses
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ActiveSeedLib.benchmark.config import Benchmark, DataSet
from ActiveSeedLib.benchmark.examples import groups_of_picks, most_different
from ActiveSeedLib.benchmark.runs import SPLIT, labelled_at, read_records, seed_folder, write_run
from ActiveSeedLib.benchmark.simulate import Simulation
from ActiveSeedLib.benchmark.split import Split
from ActiveSeedLib.benchmark.table import Row
from ActiveSeedLib.features.encoder import Encoder, make_encoder
from ActiveSeedLib.files import make_folder, write_json
from ActiveSeedLib.jobs.labelled import read_cohort
from ActiveSeedLib.jobs.opening import check_outside
from ActiveSeedLib.pictures import draw_examples, draw_map
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.registry import parse_parameters
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.version import __version__


@dataclass(frozen=True)
class BenchmarkParameters:
    """One data set of a configuration, the seed and the strategies to run now, and where to.

    `benchmark` are the fields of `benchmark.config.Benchmark`, with this data set alone.
    """

    benchmark: dict[str, Any]
    out: str
    seed: int | None = None
    strategies: list[str] = field(default_factory=list)

    def parsed(self) -> tuple[Benchmark, DataSet]:
        """Return the configuration and its one data set."""
        sets = [parse_parameters("a data set", DataSet, one) for one in self.benchmark["data"]]
        whole = parse_parameters("the benchmark", Benchmark, {**self.benchmark, "data": sets})
        return whole, sets[0]


def prepare(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Read and encode a data set, so that the seeds, side by side, find its features."""
    simulation, _ = _simulation(
        parse_parameters("benchmark-prepare", BenchmarkParameters, params), progress.part(0, 0.3)
    )
    problems = simulation.encode(progress.part(0.3, 1.0))
    return {
        "cohort": simulation.cohort.digest,
        "cases": len(simulation.cohort.cases),
        "left_out": len(problems),
    }


def run_seed(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Run some strategies on one seed; each finished run is written as a file of its own."""
    wanted = parse_parameters("benchmark-run", BenchmarkParameters, params)
    simulation, facts = _simulation(wanted, progress.part(0, 0.02))
    folder = seed_folder(Path(wanted.out), facts["data"], wanted.seed or 0)
    written: list[str] = []

    def keep(split: Split, records: list[dict[str, Any]]) -> None:
        if not written:
            write_json(make_folder(folder) / SPLIT, _split_facts(split))
        rows = [_row(record, split, facts) for record in records]
        written.append(str(write_run(folder, rows, records)))

    simulation.run(progress.part(0.02, 1.0), keep)
    return {"runs": written}


@dataclass(frozen=True)
class PictureParameters:
    """Which run to draw: of a data set (as for a run), one strategy at one budget."""

    benchmark: dict[str, Any]
    out: str
    seed: int
    strategy: str
    budget: int


def draw(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Draw where a run's picks lie on the map, and test cases beside the reference's.

    Figures 6 and 5 of Levy et al. 2026 (arXiv:2601.18532).
    """
    wanted = parse_parameters("benchmark-draw", PictureParameters, params)
    of_seed = BenchmarkParameters(wanted.benchmark, wanted.out, wanted.seed)
    simulation, facts = _simulation(of_seed, progress.part(0, 0.5))
    out, name = Path(wanted.out), facts["data"]
    split = simulation.split(simulation.encode(progress.part(0.5, 0.7)), wanted.seed)
    reference = wanted.benchmark.get("reference", "random")
    rows = {case.name: row for row, case in enumerate(split.pool)}
    records_of = {
        strategy: read_records(out, name, wanted.seed, strategy)
        for strategy in dict.fromkeys((wanted.strategy, reference))
    }
    scores, folders = {}, {}
    for strategy, records in records_of.items():
        labelled = labelled_at(records, wanted.budget)
        folders[strategy] = simulation.training_folder(split, [rows[n] for n in labelled])
        (record,) = [one for one in records if one["budget"] == wanted.budget]
        scores[strategy] = {one["case"]: one["dice"] for one in record["cases"]}
    stem = f"{name}-{wanted.seed}-{wanted.budget}"
    placed = _split_facts(split)
    groups = groups_of_picks(records_of[wanted.strategy], placed, wanted.budget)
    the_map = out / "pictures" / f"{stem}-map.png"
    draw_map(
        the_map,
        placed["pool"] | placed["test"],
        groups,
        title=f"{wanted.strategy}, seed {wanted.seed}",
    )
    pictures = {"map": str(the_map)}
    if len(scores) > 1:
        the_cases = out / "pictures" / f"{stem}-cases.png"
        draw_examples(the_cases, most_different(simulation.cohort, split.test, scores, folders))
        pictures["cases"] = str(the_cases)
    return pictures


def _simulation(
    wanted: BenchmarkParameters, progress: Progress
) -> tuple[Simulation, dict[str, Any]]:
    """Return the simulation of one data set, and what its rows say of where they come from."""
    benchmark, data = wanted.parsed()
    training = TrainSettings.from_json(data.training)
    encoder = make_encoder(data.encoder, data.encoder_parameters)
    check_outside(Path(wanted.out), Path(data.images))
    cohort = read_cohort(data, progress)
    budgets = data.budgets_of(len(cohort.units(cohort.cases)), benchmark.test_fraction)
    protocol = benchmark.protocol(data, budgets)
    if wanted.seed is not None:
        protocol = dataclasses.replace(
            protocol,
            seeds=1,
            first_seed=wanted.seed,
            strategies=tuple(wanted.strategies) or protocol.strategies,
        )
    folder = make_folder(Path(wanted.out) / data.name)
    simulation = Simulation(cohort, protocol, encoder, training, folder, data.autoencoder)
    return simulation, _facts(benchmark, data, cohort.digest, encoder, training.device)


def _facts(
    benchmark: Benchmark, data: DataSet, cohort: str, encoder: Encoder, device: str
) -> dict[str, Any]:
    return {
        "data": data.name,
        "protocol": benchmark.digest(data),
        "cohort": cohort,
        "encoder": encoder.hash,
        "device": _device(device),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": ", ".join(
            [
                f"activeseed {__version__}",
                f"python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in ("torch", "monai", "scikit-learn")),
            ]
        ),
    }


def _device(wanted: str) -> str:
    import torch

    from ActiveSeedLib.segmentation.device import choose_device

    return "cpu" if choose_device(wanted) == "cpu" else torch.cuda.get_device_name()


def _row(record: Mapping[str, Any], split: Split, facts: Mapping[str, Any]) -> Row:
    seconds = record["seconds"]
    measured = ("strategy", "seed", "budget", "round", "dice", "dice_median", "hd95", "hd95_median")
    costs = ("minutes", "slices", "voxels", "foreground")
    return Row(
        **{name: record[name] for name in (*measured, *costs)},
        **facts,
        pool=len(split.pool),
        tested=len(split.test),
        picks=tuple(pick["case"] for pick in record["picks"]),
        **{f"{name}_seconds": seconds[name] for name in ("select", "train", "predict", "measure")},
    )


def _split_facts(split: Split) -> dict[str, Any]:
    """Return names and places on the map of pool and test cases."""
    return {
        "seed": split.seed,
        "pool": _placed(split.pool, split.coords),
        "test": _placed(split.test, split.test_coords),
    }


def _placed(cases: Iterable[Case], coords: Iterable[Any]) -> dict[str, tuple[float, float]]:
    # test cases have no place where slices are taken
    return {c.name: (float(x), float(y)) for c, (x, y) in zip(cases, coords, strict=False)}
