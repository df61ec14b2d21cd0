"""Files as scanners, converters and accidents leave them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing import odd_files


@pytest.fixture
def write_nifti() -> Callable[..., Path]:
    """Write a NIfTI-1 file with exactly the header fields that are asked for."""
    return odd_files.write_nifti


@pytest.fixture
def write_dicom() -> Callable[..., Path]:
    """Write one DICOM slice; any attribute may be given, None leaves it out."""
    return odd_files.write_dicom


@pytest.fixture
def write_series(write_dicom: Callable[..., Path]) -> Callable[..., np.ndarray]:
    """Write a CT series with slices at the given heights (mm), file names in reverse order."""

    def write(folder: Path, heights: Any = (0, 2, 4, 6, 8), **attributes: Any) -> np.ndarray:
        seed = len(str(folder))
        volume = np.random.default_rng(seed).integers(0, 2000, (len(heights), 6, 5))
        for index, (height, pixels) in enumerate(zip(heights, volume, strict=True)):
            write_dicom(
                folder / f"{len(heights) - index:03d}",
                pixels,
                **{"ImagePositionPatient": [-10.0, -20.0, float(height)]} | attributes,
            )
        return volume

    return write
