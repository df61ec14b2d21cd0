"""Where the user wants a file to be, asked and checked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import csv_text, write_bytes
from ActiveSeedLib.project.project import Project

if TYPE_CHECKING:
    from ActiveSeedLib.panel.section import Section

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


def ask_in_project(section: "Section", title: str, name: str, *kinds: str) -> Path | None:
    """Ask as `ask_path`, and propose the file `name` in the folder of the open project."""
    session = section.panel.session
    if session is None:
        return None
    return ask_path(section.widget, title, str(session.root / name), *kinds)


@contextmanager
def writing(path: Path, project: Project) -> Iterator[None]:
    """Guard the writing of `path` inside.

    Raises:
        InputError: it lies in the images folder, which is never written to, or nothing can be
            written there.
    """
    if path.resolve().is_relative_to(project.images_root.resolve()):
        raise InputError(
            f"{path} lies in the images folder, which is never written to: choose another place."
        )
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}): choose another place."
        ) from error


def save(section: "Section", path: Path, write: Callable[[], None], what: str) -> None:
    """Let `write` write `path`, and say on top of the panel how that went.

    Args:
        section: of the panel, with an open project.
        path: the file.
        write: writes it.
        what: is in it, such as "picture".
    """
    session = section.panel.session
    if session is None:
        return
    with section.panel.guarded():
        with writing(path, session.project):
            write()
        section.panel.notice(f"The {what} is {path}.")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write `rows` as CSV, one column a name; what a row lacks stays empty."""
    write_bytes(path, csv_text(rows).encode())
