"""What goes over the wire: one JSON object a line, commands in, events out, UTF-8.

The lines are plain ASCII (other characters are escaped), so no console encoding can spoil them.
Commands go to the worker's standard input, events come from its standard output:

| command | answered by |
| --- | --- |
| run | started, then progress, metric and note, then one of result, error, cancelled |
| cancel | cancelled, for the job that it names; nothing if that job is over |
| warm | warm, once torch and monai are imported |
| ping | pong |
| exit | the process ends, as it does when its standard input is closed |

The first event is always hello. An error whose id is None belongs to no job: a line that is not
JSON, a command that does not exist, or a library that is missing.
"""

import json
import math
from pathlib import PurePath
from typing import Any, Literal, NotRequired, TypedDict

PROTOCOL = 1


class Run(TypedDict):
    """Carry out a job after those that wait already; `id` is chosen by the sender, and unused."""

    command: Literal["run"]
    id: str
    job: str
    params: NotRequired[dict[str, Any]]


class Cancel(TypedDict):
    """Stop one job, whether it runs or waits."""

    command: Literal["cancel"]
    id: str


class Plain(TypedDict):
    """A command that needs no more words."""

    command: Literal["warm", "ping", "exit"]


Command = Run | Cancel | Plain


class Hello(TypedDict):
    """The worker lives. `pid` is its own, not that of a launcher; `log` is None if it has none."""

    event: Literal["hello"]
    pid: int
    protocol: int
    version: str
    log: str | None


class Warm(TypedDict):
    """The heavy libraries are imported; `seconds` says how long each one took."""

    event: Literal["warm"]
    seconds: dict[str, float]


class Started(TypedDict):
    """The job's turn has come."""

    event: Literal["started"]
    id: str


class ProgressMade(TypedDict):
    """How far the job is (0 to 1), what it does now, and seconds left (None: not known yet)."""

    event: Literal["progress"]
    id: str
    fraction: float
    step: str
    seconds_left: float | None


class Metric(TypedDict):
    """One measurement, such as {"epoch": 3, "loss": 0.41}; what is not finite is None."""

    event: Literal["metric"]
    id: str
    values: dict[str, Any]


class Note(TypedDict):
    """One sentence for the user."""

    event: Literal["note"]
    id: str
    text: str


class Result(TypedDict):
    """The job is done; this is what it returned."""

    event: Literal["result"]
    id: str
    result: dict[str, Any]


class Failure(TypedDict):
    """Something is wrong: one sentence, the kind of error, and the log that holds the traceback."""

    event: Literal["error"]
    id: str | None
    kind: str
    message: str
    log: str | None


class Cancelled(TypedDict):
    """The job was stopped because somebody asked for it."""

    event: Literal["cancelled"]
    id: str


class Pong(TypedDict):
    """The worker listens."""

    event: Literal["pong"]


Event = Hello | Warm | Started | ProgressMade | Metric | Note | Result | Failure | Cancelled | Pong


def encode(message: Command | Event) -> bytes:
    """Return `message` as one line.

    Paths become strings, NumPy's numbers and arrays become plain ones, and numbers that JSON does
    not know (NaN, infinity) become null. Raises TypeError for what cannot be said in JSON.
    """
    try:
        text = json.dumps(message, default=_plain, allow_nan=False)
    except ValueError:
        once = json.loads(json.dumps(message, default=_plain))
        text = json.dumps(_finite(once), allow_nan=False)
    return text.encode("ascii") + b"\n"


def decode(line: str) -> dict[str, Any] | None:
    """Return the JSON object that `line` holds, or None if it holds none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _plain(value: Any) -> Any:
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, without importing NumPy here
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
