"""What the command line shows: a progress bar on stderr, tables and sentences on stdout."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from ActiveSeedLib.plain_text import visible


class ProgressBar:
    """One line, redrawn on a terminal; elsewhere one line a step, so that logs stay short."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._is_terminal = self._stream.isatty()
        self._last_step = ""

    def show(self, fraction: float, step: str, seconds_left: float | None = None) -> None:
        """Show how far the job is, what it does, and how long it will take, if known."""
        if self._quiet:
            return
        if self._is_terminal:
            filled = round(24 * fraction)
            left = f", {say_seconds(seconds_left)} left" if seconds_left is not None else ""
            bar = f"[{'█' * filled}{'·' * (24 - filled)}]"
            line = f"{bar} {fraction:4.0%} {visible(step)}{left}"
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[2K{line[:width]}")
        else:
            kind = step.rstrip("0123456789 of,.")
            if kind == self._last_step:
                return
            self._last_step = kind
            self._stream.write(f"{fraction:4.0%} {visible(step)}\n")
        self._stream.flush()

    def note(self, text: str) -> None:
        """Print a sentence above the bar."""
        if not self._quiet:
            self.clear()
            self._stream.write("\n".join(map(visible, text.split("\n"))) + "\n")
            self._stream.flush()

    def clear(self) -> None:
        """Remove the bar."""
        if not self._quiet and self._is_terminal:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


def say_seconds(seconds: float) -> str:
    """Return a duration as a person would say it: "8 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def typed(text: str) -> str:
    """Return `text` as one word to type in a shell."""
    return f'"{text}"' if " " in text else text


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return `rows` (all with the same keys) as an aligned text table, numbers to the right."""
    if not rows:
        return ""
    names = list(rows[0])
    cells = [[_text(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(r[i]) for r in cells)) for i, name in enumerate(names)]
    right = [all(isinstance(row[n], (int, float)) or row[n] is None for row in rows) for n in names]

    def line(values: Sequence[str]) -> str:
        padded = (
            v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(names), line(["-" * w for w in widths]), *(line(r) for r in cells)])


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else visible(str(value))


def print_json(value: Any) -> None:
    """Print `value` for a machine."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
