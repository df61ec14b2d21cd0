"""The process in which damaged files are read: a line names the target and the seed."""

import logging
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from Testing.sweeps.fuzz.damage import apply, random_changes
from Testing.sweeps.fuzz.targets import all_targets, try_one
from Testing.sweeps.inputs.check import as_json


def main() -> None:
    """Answer each line `seed target` by a line of JSON."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("ignore")
    logging.disable()
    targets = all_targets()
    sound = {name: target.make() for name, target in targets.items()}
    for line in sys.stdin:
        seed, name = line.rstrip("\n").split(" ", 1)
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        content = apply(sound[name], random_changes(int(seed)))
        try:
            answer = {"outcome": try_one(targets[name], content, folder), "said": []}
        except Exception as error:  # the outcome of the sweep
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            answer = {"outcome": "wrong", "said": [f"{type(error).__name__}: {error} ({place})"]}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(as_json(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
