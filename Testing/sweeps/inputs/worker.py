"""The process in which odd inputs are tried: it may crash or hang without ending the sweep."""

import logging
import os
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

from Testing.sweeps.inputs import all_kinds
from Testing.sweeps.inputs.check import WrongError, as_json, check_images, clear
from Testing.sweeps.inputs.check_labels import check_labels
from Testing.sweeps.inputs.kinds import Kind

_MOST_MEMORY = 400  # MiB that a kind may add to the largest use so far


def main() -> None:
    """Try each kind that is named on a line of the input; answer each by a line of JSON."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("ignore")
    logging.disable()
    kinds = all_kinds()
    for line in sys.stdin:
        answer = _try(kinds[line.rstrip("\n")])
        print(as_json(answer), file=answers, flush=True)


def _try(kind: Kind) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="odd-"))
    before = _peak()
    try:
        check = check_labels if kind.family.startswith("label map") else check_images
        outcome, said = check(kind, folder)
        grown = _peak() - before
        if grown > _MOST_MEMORY:
            raise WrongError(f"it took {grown} MiB")  # noqa: TRY301 - told as the others are
    except WrongError as error:
        return {"outcome": "wrong", "said": [str(error)]}
    except Exception as error:  # the outcome of the sweep
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = [f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"]
        return {"outcome": "crash", "said": said}
    finally:
        clear(folder)
    return {"outcome": outcome, "said": said}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
