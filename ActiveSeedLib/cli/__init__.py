"""The command `activeseed`."""

import os
import sys
from collections.abc import Sequence

from ActiveSeedLib.errors import ActiveSeedError, CancelledError, InputError
from ActiveSeedLib.plain_text import visible


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 bad input, 1 failed, 130 cancelled."""
    from ActiveSeedLib.cli.arguments import make_parser

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not be UTF-8
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = make_parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except InputError as error:
        print(visible(str(error)), file=sys.stderr)
        return 2
    except ActiveSeedError as error:
        print(visible(str(error)), file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return 1
    except (CancelledError, KeyboardInterrupt):
        print("Cancelled; what was done so far is kept.", file=sys.stderr)
        return 130
    return 0
