"""Asking for a folder, a file or a colour: the only windows of the panel that wait for an answer.

Use them as `choosers.folder(...)`: then a test can put a function of its own in their place.
"""

from pathlib import Path
from typing import Any

import qt


def folder(parent: Any, title: str, start: Path | None = None) -> Path | None:
    """Return the folder that the user chose, or None."""
    found = qt.QFileDialog.getExistingDirectory(parent, title, str(start or ""))
    return Path(found) if found else None


def file(parent: Any, title: str, kinds: str = "", start: Path | None = None) -> Path | None:
    """Return the file that the user chose, or None; `kinds` such as "Tables (*.csv *.json)"."""
    found = qt.QFileDialog.getOpenFileName(parent, title, str(start or ""), kinds)
    if isinstance(found, tuple):  # PySide tells the kind as well
        found = found[0]
    return Path(found) if found else None


def colour(parent: Any, present: str, title: str) -> str | None:
    """Return the colour that the user chose in place of `present` (#rrggbb), or None."""
    chosen = qt.QColorDialog.getColor(qt.QColor(present), parent, title)
    return str(chosen.name()) if chosen.isValid() else None
