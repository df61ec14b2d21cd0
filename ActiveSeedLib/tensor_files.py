"""Files of tensors, written whole or not at all; reading one executes nothing (imports torch)."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ActiveSeedLib.archives import require_moderate
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.files import replacing
from ActiveSeedLib.version import __version__


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values atomically."""
    with replacing(path) as temporary:
        try:
            torch.save(dict(content), temporary)
        except RuntimeError as error:  # all that PyTorch says of a full disk
            raise OSError("PyTorch could not write all of it") from error


def read_tensors(path: Path, what: str, *, missing: str, remedy: str) -> dict[str, Any]:
    """Return what `save_tensors` wrote.

    Args:
        path: of the file.
        what: it shall hold, as "a model".
        missing: the sentence for a file that is not there.
        remedy: what to do about a damaged one, as the end of a sentence.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise InputError(missing)
    require_moderate(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise InputError(f"{path} is damaged and cannot be read: {remedy}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is not {what} of ActiveSeed.")
    return content


def versions() -> dict[str, str]:
    """Return the versions that a trained network and its results may depend on."""
    import monai

    return {
        "activeseed": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "monai": str(monai.__version__),
        "numpy": np.__version__,
    }
