"""`python -m Testing.sweeps.inputs [--said] [words]`: try all kinds, or those with these words."""

import sys
import time

from Testing.sweeps.inputs import all_kinds
from Testing.sweeps.inputs.sweep import sweep, table


def main(arguments: list[str]) -> int:
    """Print the table and the failures; return 1 if there are any."""
    tell = "--said" in arguments
    words = [word.casefold() for word in arguments if word != "--said"]
    kinds = [k for k in all_kinds().values() if all(word in k.id.casefold() for word in words)]
    start = time.monotonic()
    results = []
    for result in sweep(kinds):
        results.append(result)
        if result.failed or tell:
            print(f"{result.outcome.upper():12}{result.kind.id}")
            for line in result.said:
                print(f"{'':12}{line!a}")
    print(table(results))
    failed = sum(result.failed for result in results)
    print(f"{len(results)} kinds in {time.monotonic() - start:.0f} s; {failed} failed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
