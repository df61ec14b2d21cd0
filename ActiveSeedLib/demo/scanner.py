"""What a scanner makes of an anatomy: contrast, grid, blur, noise and shading."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.demo.anatomy import Anatomy, Build, Volume
from ActiveSeedLib.pool.case import Geometry, Image

# Rough CT numbers (Hounsfield units) before contrast agent; then what a portal-venous phase adds.
NATIVE = {
    "air": -1000, "fat": -105, "muscle": 55, "bowel": 30, "gas": -850, "lung": -830,
    "fluid": 15, "spleen": 48, "liver": 60, "vessel": 42, "artery": 40, "lesion": 4,
    "cortex": 32, "medulla": 28, "disc": 80, "bone": 420, "marrow": 190,
}  # fmt: skip
PORTAL = NATIVE | {
    "muscle": 65, "bowel": 65, "spleen": 122, "liver": 112, "vessel": 170, "artery": 160,
    "lesion": 30, "cortex": 205, "medulla": 165,
}  # fmt: skip
# Arbitrary units of a T1-weighted MR image: fat bright, bone and gas dark.
T1 = {
    "air": 8, "fat": 820, "muscle": 300, "bowel": 250, "gas": 10, "lung": 40,
    "fluid": 130, "spleen": 280, "liver": 470, "vessel": 190, "artery": 90, "lesion": 170,
    "cortex": 330, "medulla": 230, "disc": 260, "bone": 90, "marrow": 520,
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """How one kind of scan looks.

    Attributes:
        values: intensity of each tissue.
        noise: standard deviation of the noise, in the values' unit.
        blur: of the noise, in voxels; a soft kernel makes coarse grain.
        streaks: standard deviation of noise that runs along the rows, as between the arms.
        shading: how strongly a smooth field multiplies the intensities (MR coils).
        pixel: size of a pixel at 60 pixels a row, mm.
        slice_thickness: distance of the slices at 28 slices, mm; more means fewer slices.
        flipped: whether rows and slices are stored the other way round.
        tilt: largest angle of an oblique grid, degrees.
    """

    values: Mapping[str, float]
    noise: float
    blur: float = 0.5
    streaks: float = 0.0
    shading: float = 0.0
    pixel: float = 5.8
    slice_thickness: float = 7.0
    flipped: bool = False
    tilt: float = 0.0


def scan(
    build: Build, look: Look, size: tuple[int, int, int], rng: np.random.Generator
) -> tuple[Image, NDArray[np.uint8]]:
    """Return an int16 image of the patient and its label map (KJI, uint8, same geometry).

    `size` is I, J, K at the usual slice thickness: the field of view does not depend on it.
    """
    geometry = _grid(look, size, rng)
    points = _points(geometry)
    table = np.array([0.0, 0.0, -round(rng.uniform(300, 500), 1)])
    spacing = np.array(geometry.spacing)
    anatomy = Anatomy(build, points, softness=float(spacing[:2].mean()) * 1.2)
    voxels = np.full(geometry.shape, look.values["air"], np.float64)
    for layer in anatomy.layers():
        voxels += layer.cover * (look.values[layer.tissue] - voxels)
    voxels = _degrade(voxels, look, rng)
    moved = tuple(np.array(geometry.origin) + table)
    placed = Geometry(geometry.size, geometry.spacing, moved, geometry.direction)
    return Image(np.rint(voxels).astype(np.int16), placed), anatomy.labels()


def _grid(look: Look, size: tuple[int, int, int], rng: np.random.Generator) -> Geometry:
    """Return a grid around the centre of the abdomen, with small differences between scans."""
    i, j, k = size
    pixel = look.pixel * 60 / i * rng.uniform(0.96, 1.04)
    slices = max(4, round(k * 7.0 / look.slice_thickness))
    spacing = np.round([pixel, pixel, look.slice_thickness * 28 / k], 3)
    angles = np.radians(rng.uniform(-look.tilt, look.tilt, 2))
    direction = _turn(0, angles[0]) @ _turn(1, angles[1])
    if look.flipped:
        direction = direction @ np.diag([1.0, -1.0, -1.0])
    middle = np.array([0, 4, 2]) + rng.normal(0, [4, 3, 6])
    origin = middle - direction @ (spacing * (np.array([i, j, slices]) - 1) / 2)
    return Geometry(
        (i, j, slices),
        (float(spacing[0]), float(spacing[1]), float(spacing[2])),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        tuple(direction.ravel().tolist()),
    )


def _turn(axis: int, angle: float) -> NDArray[np.float64]:
    """Return the rotation by `angle` (radians) about an axis."""
    first, second = (n for n in range(3) if n != axis)
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def _points(geometry: Geometry) -> Volume:
    """Return the LPS positions of all voxels, (3, K, J, I)."""
    k, j, i = np.indices(geometry.shape)
    steps = np.array([i, j, k]) * np.reshape(geometry.spacing, (3, 1, 1, 1))
    turned = np.tensordot(np.reshape(geometry.direction, (3, 3)), steps, axes=1)
    points: Volume = turned + np.reshape(geometry.origin, (3, 1, 1, 1))
    return points


def _degrade(voxels: Volume, look: Look, rng: np.random.Generator) -> Volume:
    """Return the image as the scanner shows it: shaded, blurred and noisy."""
    from scipy.ndimage import gaussian_filter

    voxels = gaussian_filter(voxels, (0.25, 0.4, 0.4))
    if look.shading:
        field = gaussian_filter(rng.normal(size=voxels.shape), (8, 14, 14), mode="nearest")
        voxels *= np.exp(look.shading * field / field.std())
    noise = _grain(voxels.shape, look.blur, rng) * look.noise
    if look.streaks:
        noise += gaussian_filter(rng.normal(size=voxels.shape), (0, 0.3, 12)) * look.streaks * 5
    if look.values["air"] >= 0:  # the magnitude of a complex signal: Rician noise
        other = _grain(voxels.shape, look.blur, rng) * look.noise
        return np.hypot(voxels + noise, other)
    inside = voxels > -950  # CT noise is that of the body; the air around it is nearly clean
    return np.maximum(voxels + noise * np.where(inside, 1.0, 0.3), -1024)


def _grain(shape: tuple[int, ...], blur: float, rng: np.random.Generator) -> Volume:
    """Return noise of unit variance with grains of `blur` voxels."""
    from scipy.ndimage import gaussian_filter

    grain = gaussian_filter(rng.normal(size=shape), (0.2, blur, blur), mode="wrap")
    unit: Volume = grain / grain.std()
    return unit
