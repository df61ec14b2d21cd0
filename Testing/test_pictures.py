"""Pictures: thumbnails that stand upright, and figures that say what they show."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from ActiveSeedLib.pictures import (
    BLUE,
    GREEN,
    ORANGE,
    draw_contact_sheet,
    draw_map,
    save_thumbnail,
    section,
    thumbnail,
)
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.readers import read_file

RNG = np.random.default_rng(0)
POINTS = {str(n): (float(x), float(y)) for n, (x, y) in enumerate(RNG.normal(size=(40, 2)))}
KEYS = list(POINTS)
GROUPS = {
    "pool": KEYS[:25], "cold start": KEYS[25:30], "active": KEYS[30:33],
    "test": [*KEYS[33:], "a key without a place"],
}  # fmt: skip


def _oriented(volume: np.ndarray, axes: tuple[int, ...], signs: tuple[int, ...]) -> Image:
    """Return an LPS volume [z, y, x] (3, 2, 1 mm apart) stored with other axes and directions.

    `axes[n]` is the LPS axis that the n-th index (I, J, K) runs along, `signs[n]` its sense.
    """
    spacing = (1.0, 2.0, 3.0)
    direction = np.zeros((3, 3))
    for index, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        direction[axis, index] = sign
    array = np.transpose(volume, [2 - axis for axis in axes[::-1]])
    array = np.flip(array, [n for n in range(3) if signs[2 - n] < 0])
    i, j, k = array.shape[::-1]
    steps = tuple(spacing[axis] for axis in axes)
    geometry = Geometry((i, j, k), steps, direction=tuple(direction.ravel()))  # type: ignore[arg-type]
    return Image(np.ascontiguousarray(array), geometry)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_a_section_looks_the_same_however_the_volume_is_stored(
    axes: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    volume = np.random.default_rng(1).normal(size=(5, 8, 12))  # z is coarsest
    upright = section(Image(volume, Geometry((12, 8, 5), (1.0, 2.0, 3.0))), 16)
    assert upright.shape == (16, 12)  # 16 mm by 12 mm
    assert section(_oriented(volume, axes, signs), 16) == pytest.approx(upright)


def test_left_is_right_back_is_below_head_is_above() -> None:
    axial = np.zeros((3, 8, 8))
    axial[:, 6, 7] = 1  # to the patient's left, towards the back
    assert np.argwhere(section(Image(axial, Geometry((8, 8, 3), (1, 1, 4))), 8) == 1).tolist() == [
        [6, 7]
    ]
    coronal = np.zeros((8, 3, 8))
    coronal[7, :, 1] = 1  # at the head, to the patient's right
    assert np.argwhere(
        section(Image(coronal, Geometry((8, 3, 8), (1, 4, 1))), 8) == 1
    ).tolist() == [[0, 1]]
    sagittal = np.zeros((8, 8, 3))
    sagittal[0, 6, :] = 1  # at the feet, towards the back
    assert np.argwhere(
        section(Image(sagittal, Geometry((8, 8, 3)[::-1], (4, 1, 1))), 8) == 1
    ).tolist() == [[7, 6]]


def test_a_flat_image_stays_as_it_is() -> None:
    picture = RNG.integers(0, 255, (1, 20, 30)).astype(np.uint8)
    assert section(Image(picture, Geometry((30, 20, 1))), 30).tolist() == picture[0].tolist()
    assert thumbnail(Image(picture, Geometry((30, 20, 1))), 96).shape == (64, 96)


def test_labels_are_not_interpolated() -> None:
    labels = np.where(RNG.random((1, 9, 9)) < 0.5, 0, 7).astype(np.uint16)
    big = section(Image(labels, Geometry((9, 9, 1))), 50, is_label=True)
    assert set(np.unique(big)) == {0, 7}


def test_thumbnails_use_all_greys_and_bear_outliers() -> None:
    grey = RNG.normal(100, 10, (1, 64, 64))
    grey[0, 0, 0] = 1e6
    small = thumbnail(Image(grey, Geometry((64, 64, 1))), 64)
    assert small.dtype == np.uint8
    assert (small.min(), small.max()) == (0, 255)
    assert 100 < np.median(small) < 155
    flat = np.full((1, 4, 4), 7)
    assert thumbnail(Image(flat, Geometry((4, 4, 1)))).max() == 0
    ct = np.full((1, 64, 64), -1000)
    ct[0, 16:48, 16:48] = RNG.normal(50, 10, (32, 32))
    organs = thumbnail(Image(ct, Geometry((64, 64, 1))), 64)[17:47, 17:47]
    assert organs.std() > 40, "the air does not take the greys"


def test_a_thumbnail_of_a_real_volume_shows_the_organ(shared: Path, tmp_path: Path) -> None:
    image = read_file(min((shared / "data" / "hippocampus" / "images").iterdir()))
    path = tmp_path / "thumbnails" / "one.png"
    save_thumbnail(path, image, 64)
    with Pillow.open(path) as picture:
        assert max(picture.size) == 64
        assert np.asarray(picture).std() > 30


def _texts(path: Path) -> str:
    """Return an SVG's source, in which matplotlib names every text that it draws."""
    return path.read_text(encoding="utf-8")


def _has(path: Path, colour: str) -> bool:
    pixels = np.asarray(Pillow.open(path).convert("RGB")).reshape(-1, 3)
    rgb = tuple(bytes.fromhex(colour[1:]))
    return bool((pixels == rgb).all(axis=1).sum() > 20)


def test_the_map_counts_what_it_shows(tmp_path: Path) -> None:
    draw_map(tmp_path / "map.svg", POINTS, GROUPS, title="Hippocampus")
    words = _texts(tmp_path / "map.svg")
    for text in ("pool, not labelled (25)", "cold start (5)", "active selection (3)", "test (7)"):
        assert f"<!-- {text} -->" in words
    assert "<!-- Hippocampus -->" in words
    draw_map(tmp_path / "map.png", POINTS, GROUPS)
    assert all(_has(tmp_path / "map.png", colour) for colour in (BLUE, GREEN, ORANGE))
    draw_map(tmp_path / "pool.png", POINTS, {"pool": KEYS, "cold start": []})
    assert not _has(tmp_path / "pool.png", GREEN)
    with Pillow.open(tmp_path / "pool.png") as picture:
        assert min(picture.size) > 600


def test_the_map_shows_clusters_beside_it(tmp_path: Path) -> None:
    clusters = {key: n % 9 for n, key in enumerate(KEYS)}
    draw_map(tmp_path / "map.svg", POINTS, GROUPS, clusters=clusters)
    words = _texts(tmp_path / "map.svg")
    assert "<!-- 9 clusters; rings: chosen -->" in words
    assert "<!-- 9 -->" in words


def test_the_map_of_hardly_anything_is_drawn(tmp_path: Path) -> None:
    draw_map(tmp_path / "none.png", {}, {"pool": []})
    draw_map(tmp_path / "one.png", {"a": (0.0, 0.0)}, {"own group": ["a"]}, clusters={"a": 0})
    assert (tmp_path / "none.png").stat().st_size > 1000


def test_a_contact_sheet_outlines_the_labels(tmp_path: Path) -> None:
    grey = RNG.integers(0, 255, (40, 50)).astype(np.uint8)
    label = np.zeros((40, 50), int)
    label[10:30, 10:40] = 1
    sheet = [("first", grey, label), ("second", grey[:, :20] / 255.0, None)]
    draw_contact_sheet(tmp_path / "sheet.svg", sheet, title="Both", columns=2)
    words = _texts(tmp_path / "sheet.svg")
    assert all(f"<!-- {text} -->" in words for text in ("first", "second", "Both"))
    draw_contact_sheet(tmp_path / "sheet.png", sheet)
    draw_contact_sheet(tmp_path / "plain.png", [(name, grey, None) for name in "abcde"])
    assert _has(tmp_path / "sheet.png", ORANGE)
    assert not _has(tmp_path / "plain.png", ORANGE)


def test_a_failed_picture_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="reshape"):
        draw_map(path, {"a": (1.0, 2.0, 3.0)}, {"pool": ["a"]})  # type: ignore[dict-item]
    assert [p.name for p in tmp_path.iterdir()] == ["map.png"]
    assert path.read_bytes() == b"old"
