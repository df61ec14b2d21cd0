"""Faults at many moments of the whole loop, and what is left after each.

python -m Testing.sweeps.faults --moments 300 --seed 0
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ActiveSeedLib.cli.output import table
from Testing.sweeps.faults import striking

if TYPE_CHECKING:
    from Testing.sweeps.faults.moments import Ground, Moment

LOADED = "ACTIVESEED_SWEEP_FOLDER"
PROJECT = Path(__file__).resolve().parents[3]


def main() -> int:
    """Play the moments and print the table; 0 if nothing was lost, 1 otherwise, 2 without cc."""
    options = _options()
    if striking.find_compiler() is None:
        print("A C compiler (cc, gcc or clang) is needed for this sweep: install one.")
        return 2
    if LOADED not in os.environ:
        _start_again()
    folder = Path(os.environ.pop(LOADED))
    os.environ.pop("LD_PRELOAD")  # for us alone, not for the processes that we start
    return _sweep(options, folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Testing.sweeps.faults", description=__doc__)
    parser.add_argument("--moments", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the moment to begin with")
    parser.add_argument("--only", nargs="+", help="kinds of faults, such as killed_at_a_write")
    parser.add_argument("--json", action="store_true", help="print every moment for a machine")
    return parser.parse_args()


def _start_again() -> None:
    """Become the same program with the shim loaded before the C library."""
    folder = Path(tempfile.mkdtemp(prefix="activeseed-faults-"))
    words = [sys.executable, "-m", "Testing.sweeps.faults", *sys.argv[1:]]
    paths = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    more = {
        LOADED: str(folder),
        "LD_PRELOAD": str(striking.build(folder)),
        "PYTHONPATH": paths,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    os.execve(sys.executable, words, {**os.environ, **more})


def _sweep(options: argparse.Namespace, folder: Path) -> int:
    import monai  # noqa: F401 - all that the loop needs, once, before any fork
    import sklearn.cluster  # noqa: F401
    import torch

    from Testing.sweeps.faults.moments import survey
    from Testing.sweeps.faults.whole_loop import make_archive

    torch.set_num_threads(1)
    started = time.monotonic()
    ground = survey(make_archive(folder / "archive"), folder)
    seen = []
    for number, moment in enumerate(_until_stopped(_moments(ground, options)), options.first):
        seen.append(moment)
        if not moment.passed and not options.json:
            print(f"{number} {moment.kind}, {moment.what}:", file=sys.stderr)
            lines = [*moment.lost, *moment.odd, f"{moment.opens=}, {moment.finishes=}"]
            print("\n".join(f"    {line}" for line in lines), file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps([vars(moment) for moment in seen], indent=2))
    else:
        print(
            f"Seed {options.seed}, {len(seen)} moments, a loop of {ground.writes} writes, "
            f"{time.monotonic() - started:.0f} s"
        )
        print(table([*_lines(seen)]))
    failed = [moment for moment in seen if not moment.passed]
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)  # what was stopped may still be at work there
    elif not options.json:
        print(f"{len(failed)} did not pass; their projects are in {folder}")
    return 1 if failed else 0


def _until_stopped(moments: Iterator["Moment"]) -> Iterator["Moment"]:
    """Yield moments until Ctrl+C, after which the table tells of those that were played."""
    with suppress(KeyboardInterrupt):
        yield from moments


def _moments(ground: "Ground", options: argparse.Namespace) -> Iterator["Moment"]:
    """Play the moments, each with a seed of its own, every kind by its share."""
    from Testing.sweeps.faults.fronts import REAL
    from Testing.sweeps.faults.moments import AT_A_WRITE

    kinds = {**AT_A_WRITE, **REAL}
    if options.only:  # in turn
        kinds = {name: (1, kinds[name][1]) for name in options.only}
    plays = [play for share, play in kinds.values() for _ in range(share)]
    for number in range(options.first, options.first + options.moments):
        chance = random.Random(f"{options.seed}/{number}")
        yield plays[number % len(plays)](ground, f"moment-{number:04d}", chance)


def _lines(seen: Iterable["Moment"]) -> Iterable[dict[str, object]]:
    by_kind: dict[str, list[Moment]] = {}
    for moment in seen:
        by_kind.setdefault(moment.kind, []).append(moment)
    for kind, own in {**by_kind, "all": [m for ms in by_kind.values() for m in ms]}.items():
        yield {
            "fault": kind,
            "moments": len(own),
            "label maps held": sum(m.held for m in own),
            "lost": sum(len(m.lost) for m in own),
            "project opens": sum(m.opens for m in own),
            "loop finishes": sum(m.finishes for m in own),
            "nothing odd": sum(not m.odd for m in own),
        }


if __name__ == "__main__":
    sys.exit(main())
