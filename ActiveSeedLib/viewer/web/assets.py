"""Our own files for the page: `static/`."""

from pathlib import Path
from typing import Any

from ActiveSeedLib.version import __version__

_FOLDER = f"__activeseed_{__version__}"


def module(*files: str, **more: Any) -> dict[str, Any]:
    """Return what trame's `enable_module` takes to load scripts and styles of `static`."""
    paths = [f"{_FOLDER}/{name}" for name in files]
    return {
        "serve": {_FOLDER: str(Path(__file__).with_name("static").resolve())},
        "scripts": [path for path in paths if path.endswith(".js")],
        "styles": [path for path in paths if path.endswith(".css")],
        **more,
    }
