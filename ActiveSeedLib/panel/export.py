"""Where the user wants a file to be, asked and checked."""

from pathlib import Path
from typing import Any

import qt

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.project.project import Project

PNG = "Picture (*.png)"
DRAWING = "Drawing (*.svg)"
PDF = "Document (*.pdf)"
CSV = "Table (*.csv)"


def ask_path(parent: Any, title: str, name: str, *kinds: str) -> Path | None:
    """Let the user choose the file to write; None if nothing was chosen.

    Args:
        parent: the widget to which the chooser belongs.
        title: of the chooser.
        name: proposed, with the folder.
        kinds: what can be written, such as `PNG`; the first one gives the suffix if none is typed.
    """
    chosen = qt.QFileDialog.getSaveFileName(parent, title, name, ";;".join(kinds))
    if isinstance(chosen, tuple):  # the chosen kind comes with it in some versions of Qt's binding
        chosen = chosen[0]
    if not chosen:
        return None
    path = Path(str(chosen))
    suffixes = [kind.rpartition("*")[2].rstrip(")") for kind in kinds]
    return path if path.suffix.lower() in suffixes else path.with_name(path.name + suffixes[0])


def check_place(path: Path, project: Project) -> Path:
    """Return `path`; `InputError` if it lies in the images folder, which is never written to."""
    if path.resolve().is_relative_to(project.images_root.resolve()):
        raise InputError(
            f"{path} lies in the images folder, which is never written to: choose another place."
        )
    return path
