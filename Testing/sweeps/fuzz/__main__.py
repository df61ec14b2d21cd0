"""`python -m Testing.sweeps.fuzz [--seconds 60] [--seed 0] [words]`: damage files and read them.

Exit code 1 if anything crashed, hung, or failed in another way than by a sentence.
"""

import argparse
import sys
import time
from collections import Counter
from itertools import count

from Testing.sweeps.fuzz.targets import all_targets
from Testing.sweeps.inputs.sweep import Worker


def main() -> int:
    """Take the targets in turn, a seed each, until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m Testing.sweeps.fuzz")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("words", nargs="*", help="only targets with these words")
    given = parser.parse_args()
    names = [name for name in all_targets() if all(word in name for word in given.words)]
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    worker = Worker("Testing.sweeps.fuzz.worker")
    end = time.monotonic() + given.seconds
    failed = False
    for seed in count(given.seed):
        if time.monotonic() > end:
            break
        for name in names:
            outcome, said = worker.ask(f"{seed} {name}")
            counts[name][outcome] += 1
            if outcome not in {"read", "refused"}:
                failed = True
                print(f"{outcome.upper()} {name}, seed {seed}: {' '.join(said)!a}")
    worker.close()
    print(f"| target | tried | read | refused | else |\n{'| --- ' * 5}|")
    for name, found in counts.items():
        other = found.total() - found["read"] - found["refused"]
        print(f"| {name} | {found.total()} | {found['read']} | {found['refused']} | {other} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
