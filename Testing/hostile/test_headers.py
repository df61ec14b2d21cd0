"""Headers that would have a file elsewhere read as voxels, or do harm through a pattern."""

from pathlib import Path

import pytest

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.pool.scan import scan

ELSEWHERE = [
    "/etc/passwd",
    "../secret.raw",
    "a/../../secret.raw",
    "C:\\secret.raw",
    "\\\\server\\share\\x.raw",
    "..\\secret.raw",
    "LIST\n../secret.raw",
    "LIST\na.raw\n/etc/passwd",
    "../%03d.raw 1 4 1",
]
PATTERNS = ["%n%n%n%n", "%s%s%s 1 4 1", "%999999999d.raw 1 4 1", "%*d.raw 1 4 1"]


def header(folder: Path, kind: str, data: str) -> Path:
    path = folder / f"a{kind}"
    if kind == ".nhdr":
        text = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 4\nencoding: raw\ndata file: "
    else:
        text = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 4\nElementType = MET_UCHAR\n"
        text += "ElementDataFile = "
    path.write_text(text + data + "\n")
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """An empty folder beside a file that is none of its business."""
    (tmp_path / "secret.raw").write_bytes(bytes(range(16)))
    (tmp_path / "images" / "a").mkdir(parents=True)
    return tmp_path / "images"


@pytest.mark.parametrize("kind", [".nhdr", ".mhd"])
@pytest.mark.parametrize("data", ELSEWHERE)
def test_a_file_elsewhere_is_not_read(images: Path, kind: str, data: str) -> None:
    path = header(images, kind, data)
    (reason,) = [one.reason for one in scan(images).refused]
    assert "outside its own folder" in reason
    assert "\n" not in reason
    assert verify(path) == reason
    with pytest.raises(UnreadableImageError, match="outside its own folder"):
        read_file(path)


@pytest.mark.parametrize("kind", [".nhdr", ".mhd"])
@pytest.mark.parametrize("data", PATTERNS)
def test_a_pattern_that_printf_would_stumble_over(images: Path, kind: str, data: str) -> None:
    path = header(images, kind, data)
    with pytest.raises(UnreadableImageError, match="pattern of its data files is malformed"):
        read_file(path)


@pytest.mark.parametrize("kind", [".nhdr", ".mhd"])
@pytest.mark.parametrize("data", ["LIST 2\n1.raw\n2.raw\n3.raw\n4.raw", "%01d.raw 1 4 1"])
def test_several_files_beside_are_read(images: Path, kind: str, data: str) -> None:
    for number in range(1, 5):
        (images / f"{number}.raw").write_bytes(bytes([number] * 4))
    if kind == ".mhd":
        data = data.replace("LIST 2", "LIST 2D")
    array = read_file(header(images, kind, data)).array
    assert array[:, 0, 0].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", [".nhdr", ".mhd"])
@pytest.mark.parametrize("name", ["a/b.raw", "b..raw"])
def test_a_file_below_is_read(images: Path, kind: str, name: str) -> None:
    (images / name).write_bytes(bytes(range(16)))
    assert read_file(header(images, kind, name)).array.max() == 15
