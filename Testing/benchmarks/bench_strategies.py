"""Time and memory of every strategy at 1,000, 10,000 and 100,000 cases of 2,048 numbers.

    python Testing/benchmarks/bench_strategies.py [--full] [--cold] [--cases N ...] [--only NAME ..]

Each strategy picks 50 of a generated pool in groups, of which all is known that it may read, in a
process of its own. Printed are the seconds of all processor cores together, those on the clock, and
the highest memory above what the process held with the pool in it. 100,000 cases are left to
`--full`: the pool alone is 0.8 GB. A strategy that takes more processor seconds than `--limit` is
ended and says so.
"""

import argparse
import multiprocessing
import resource
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import sklearn.cluster
import sklearn.decomposition  # noqa: F401  what is imported already is not the strategy's

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.selection.strategy import Candidates, select, strategies
from Testing.selection.contract import SCORES

DIMENSIONS = 2_048
LATENT = 64
GROUPS = 40
GRADIENTS = 51  # 16 weights and a bias for each of three classes: the last layer of a 3-D network
LABELLED = 20
BUDGET = 50
# Of the system: kilobytes, on macOS bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


def pool_of(count: int, labelled: int = LABELLED) -> Candidates:
    """Return a pool of `count` cases in groups, made without ever holding more than it needs.

    As features do, they vary in some tens of directions, less from one to the next, and hardly in
    all others.
    """
    rng = np.random.default_rng(0)
    weights = 1.0 / np.sqrt(np.arange(1, LATENT + 1))
    directions = rng.normal(size=(LATENT, DIMENSIONS)) * weights[:, None]
    centres = rng.normal(scale=1.5, size=(GROUPS, LATENT))
    group = rng.integers(0, GROUPS, count)
    features = np.empty((count, DIMENSIONS), dtype=np.float32)
    for start in range(0, count, 1_000):
        part = slice(start, start + 1_000)
        rng.standard_normal(out=features[part], dtype=np.float32)
        features[part] *= 0.1
        latent = centres[group[part]] + rng.normal(size=(len(group[part]), LATENT))
        features[part] += (latent @ directions).astype(np.float32)
    places = rng.uniform(-40, 40, size=(GROUPS, 2))
    return Candidates(
        features=features,
        coords=places[group] + rng.normal(scale=2.5, size=(count, 2)),
        candidates=np.arange(labelled, count),
        labelled=np.arange(labelled),
        entropy=rng.random(count),
        scores={name: rng.random(count) for name in SCORES},
        class_scores=rng.random((count, 3)),
        gradients=rng.normal(size=(count, GRADIENTS)),
        patients=rng.integers(0, count // 3, count),
        minutes=1.0 + rng.random(count) * 20,
        round=1 if labelled else 0,
    )


def measure(name: str, pool: Candidates, limit: int) -> str:
    """Return a line of the table: what a strategy takes in a process of its own."""
    context = multiprocessing.get_context("fork")  # the child shares the pool until it writes to it
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_measured, args=(name, pool, limit, there))
    child.start()
    there.close()
    try:
        return str(here.recv())
    except EOFError:
        child.join()
        if -(child.exitcode or 0) == signal.SIGXCPU:
            return f"more than {limit} s of the processor, ended"
        raise SystemExit(f"{name} ended with exit code {child.exitcode}.") from None
    finally:
        child.join()


def _measured(name: str, pool: Candidates, limit: int, answer: Connection) -> None:
    """Measure the strategy in this process; a refusal is an answer, too."""
    select(name, pool_of(200), BUDGET)  # what libraries set up at their first use is not counted
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + limit, -1))
    memory, cpu, clock = _peak(), time.process_time(), time.perf_counter()
    try:
        select(name, pool, BUDGET)
    except InputError as error:
        answer.send(f"refused: {error}")
        return
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    answer.send(f"{cpu:10.2f} {clock:10.2f} {(_peak() - memory) / 2**30:8.2f}")


def _peak() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="100,000 cases, too")
    parser.add_argument("--cases", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--only", nargs="+", default=[one.name for one in strategies.entries()])
    parser.add_argument("--cold", action="store_true", help="nothing is labelled")
    parser.add_argument("--limit", type=int, default=1_800, help="processor seconds a strategy")
    arguments = parser.parse_args()
    print(f"{BUDGET} of N cases of {DIMENSIONS:,} numbers")
    print(f"{'strategy':20} {'N':>8} {'CPU s':>10} {'clock s':>10} {'GiB':>8}", flush=True)
    for count in arguments.cases + ([100_000] if arguments.full else []):
        pool = pool_of(count, 0 if arguments.cold else LABELLED)
        for name in arguments.only:
            print(f"{name:20} {count:8,} {measure(name, pool, arguments.limit)}", flush=True)


if __name__ == "__main__":
    main()
