"""`activeseed benchmark`: every run of a configuration, some side by side, and the report."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ActiveSeedLib.benchmark.config import Benchmark, DataSet, find_config, read_config
from ActiveSeedLib.benchmark.report import MARKDOWN, PAGE, write_report
from ActiveSeedLib.benchmark.runs import seed_folder
from ActiveSeedLib.benchmark.sections import Picture, make_sections
from ActiveSeedLib.benchmark.statistics import areas, compare_areas
from ActiveSeedLib.benchmark.table import FULL, Row, read_table
from ActiveSeedLib.cli.commands import training
from ActiveSeedLib.cli.conductor import Conductor, Results
from ActiveSeedLib.cli.output import ProgressBar, print_json, table
from ActiveSeedLib.cli.running import Runner
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import make_folder, write_bytes
from ActiveSeedLib.jobs.opening import check_outside
from ActiveSeedLib.registry import read_assignments
from ActiveSeedLib.worker.client import WorkerClient


def benchmark(options: Namespace) -> None:
    """Do the runs of a configuration that are missing, then write table and report."""
    source = find_config(options.config)
    wanted = read_config(source, Path(options.data) if options.data else None)
    out = Path(options.out).absolute()
    results = _open(wanted, out, [read_table(Path(path)) for path in options.merge])
    write_bytes(out / "config.toml", source.read_bytes())
    if not options.report_only:
        seeds = options.seeds or wanted.all_seeds
        Conductor(wanted, seeds, results, options.parallel, quiet=options.json).run()
    _write_report(results, options.show, quiet=options.json)
    _say(results, options.json)


def simulate(options: Namespace) -> None:
    """Compare strategies on one data set that the options name, as a benchmark of its own."""
    data = DataSet(
        name="data",
        images=options.images,
        labels=options.labels,
        budgets=options.budgets,
        patients=options.patients,
        unit=options.unit,
        encoder=options.encoder,
        encoder_parameters=read_assignments(options.encoder_parameters),
        training=training(options),
    )
    wanted = Benchmark(
        title="Simulation",
        strategies=options.strategies,
        data=[data],
        seeds=options.seeds,
        test_fraction=options.test_fraction,
    )
    out = Path(options.out).absolute()
    _say(carry_out(wanted, out, options.parallel, quiet=options.json), options.json)


def carry_out(wanted: Benchmark, out: Path, parallel: int = 1, quiet: bool = False) -> Results:
    """Do the runs of `wanted` that are missing in the folder `out`, then write table and report."""
    results = _open(wanted, out)
    Conductor(wanted, wanted.all_seeds, results, parallel, quiet).run()
    _write_report(results, None, quiet)
    return results


def _open(wanted: Benchmark, out: Path, tables: Sequence[list[Row]] = ()) -> Results:
    """Return the results in `out`; `InputError` if that lies among the images."""
    for data in wanted.data:
        check_outside(out, Path(data.images))
    return Results(wanted, make_folder(out), list(tables))


def _write_report(results: Results, show: str | None, quiet: bool) -> None:
    wanted, rows = results.benchmark, results.rows
    if not rows:
        raise InputError(f"{results.out} holds no results yet: leave out --report-only.")
    pictures = draw_runs(results, show, quiet)
    sections = make_sections(rows, wanted.describe(), wanted.reference, pictures)
    write_report(results.out, wanted.title, sections)


def _say(results: Results, as_json: bool) -> None:
    """Print the strategies' areas, and where table and report are."""
    wanted, rows, out = results.benchmark, results.rows, results.out
    page, text = out / PAGE, out / MARKDOWN
    gains = {(one.data, one.strategy): one for one in compare_areas(rows, wanted.reference)}
    found = []
    for area in areas(rows):
        one = gains.get((area.data, area.strategy))
        found.append(
            {
                "data": area.data,
                "strategy": area.strategy,
                "seeds": area.seeds,
                "area (Dice)": area.mean,
                f"− {wanted.reference}": one.mean if one else None,
                "p, corrected": one.p_corrected if one else None,
            }
        )
    if as_json:
        files = {"table": str(results.path), "report": str(page), "markdown": str(text)}
        return print_json({**files, "rows": len(rows), "areas": found})
    print(table(found))
    return print(f"\nReport: {page}; as Markdown: {text}; every run: {results.path}")


def draw_runs(results: Results, show: str | None, quiet: bool) -> dict[str, list[Picture]]:
    """Draw one run of each data set whose trainings lie here: its picks, and test cases.

    Args:
        results: of the benchmark.
        show: "strategy,seed,budget"; by default levy, the first seed and the second budget.
        quiet: say nothing.
    """
    wanted, out = results.benchmark, results.out
    pictures: dict[str, list[Picture]] = {}
    with WorkerClient() as client:
        for data in wanted.data:
            run = _run_to_show(results, data, show)
            if run is None or not seed_folder(out, data.name, run[1]).exists():
                continue
            strategy, seed, budget = run
            params = {
                "benchmark": asdict(replace(wanted, data=[data])),
                "out": str(out),
                "seed": seed,
                "strategy": strategy,
                "budget": budget,
            }
            try:
                drawn = Runner(client, quiet).run("benchmark-draw", params)
            except InputError as error:
                if show is not None:
                    raise
                ProgressBar(quiet=quiet).note(f"{data.name}: no pictures. {error}")
                continue
            of_run = f"{data.name}, {strategy}, seed {seed}, {budget} labelled"
            captions = {
                "map": f"{of_run}: the picks on the map of the pool.",
                "cases": f"{of_run}: test cases that differ most from {wanted.reference}, as many "
                "for the better as for the worse.",
            }
            pictures[data.name] = [
                Picture(Path(path).stem, captions[kind], Path(path).read_bytes())
                for kind, path in drawn.items()
            ]
    return pictures


def _run_to_show(results: Results, data: DataSet, show: str | None) -> tuple[str, int, int] | None:
    if show is not None:
        named, *numbers = show.rsplit(",", 2)
        if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
            raise InputError(f"Write --show as strategy,seed,budget, not as {show!r}.")
        return named, int(numbers[0]), int(numbers[1])
    runs = [row for row in results.rows if row.data == data.name and row.strategy != FULL]
    names = dict.fromkeys(row.strategy for row in runs)
    others = [name for name in names if name != results.benchmark.reference] or list(names)
    strategy = "levy" if "levy" in names else next(iter(others), "")
    of_strategy = sorted((row.seed, row.budget) for row in runs if row.strategy == strategy)
    if not of_strategy:
        return None
    seed = of_strategy[0][0]
    budgets = [budget for s, budget in of_strategy if s == seed]
    return strategy, seed, budgets[min(1, len(budgets) - 1)]
