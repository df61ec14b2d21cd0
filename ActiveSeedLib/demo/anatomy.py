"""A made-up abdomen: where its organs lie, told in millimetres for any grid of points.

Organs are signed distances (mm, negative inside), roughly right near the surface, which is where it
matters. Coordinates are LPS: x to the patient's left, y to the back, z to the head. The sizes are
those of an adult, rounded; nothing was traced from a person.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.float64]
EXTENT = np.array([200.0, 160.0, 140.0])  # half of the box in which an anatomy varies, mm
LIVER, KIDNEY = 1, 2


@dataclass(frozen=True)
class Build:
    """What distinguishes one patient's anatomy.

    Attributes:
        seed: drives every chance variation of shape.
        scale: size of the whole body, 1 for an average adult.
        fat: thickness of the fat under the skin, mm.
        liver: size of the liver, 1 for normal.
        lesions: number of cysts or metastases in the liver.
    """

    seed: tuple[int, ...]
    scale: float = 1.0
    fat: float = 16.0
    liver: float = 1.0
    lesions: int = 0


@dataclass(frozen=True)
class Painted:
    """One layer of the picture: a tissue's name, and how much of each voxel it covers (0 to 1)."""

    tissue: str
    cover: Volume


@dataclass
class Anatomy:
    """One patient's anatomy at given points.

    Args:
        build: the patient.
        points: (3, K, J, I) positions in mm, LPS, from the centre of the abdomen.
        softness: how far a border is blurred, mm; about the size of a voxel.
    """

    build: Build
    points: Volume
    softness: float
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.build.seed)
        scaled = self.points / self.build.scale
        outline = self._ellipse(scaled, (0, 0), (150, 102), power=2.5)
        self.body = outline - self.build.fat
        self.wall = outline + 3
        self.cavity = outline + 15
        bend = self._smooth(scaled, spacing=70, parts=3) * 7.0
        self._p: Volume = scaled + np.clip(-outline / 60, 0, 1) * bend  # the skin stays smooth
        self._jitter = self._rng.normal(0, 1, (10, 3)) * np.array([3.0, 3.0, 5.0])
        self.dome = self._dome()
        self.kidney = self._kidneys()
        self.liver = np.maximum(self._liver(), 5 - self.kidney)

    def labels(self) -> NDArray[np.uint8]:
        """Return the label map: 1 liver, 2 kidneys."""
        labels = np.zeros(self.liver.shape, np.uint8)
        labels[self.liver < 0] = LIVER
        labels[self.kidney < 0] = KIDNEY
        return labels

    def layers(self) -> Iterator[Painted]:
        """Yield what to paint, from the back to the front."""
        yield self._paint("fat", self.body)
        yield self._paint("muscle", self.wall)
        yield self._paint("fat", self.cavity)
        yield from self._bowel()
        yield from self._lungs()
        yield from self._left_side()
        yield from self._liver_layers()
        yield from self._kidney_layers()
        yield from self._midline()
        yield self._paint("bone", self._ribs())

    def _paint(self, tissue: str, distance: Volume) -> Painted:
        return Painted(tissue, np.clip(0.5 - distance / self.softness, 0, 1))

    def _at(self, index: int, *centre: float) -> Volume:
        """Return the points as seen from an organ's centre, which varies a little."""
        place = np.array(centre) + self._jitter[index, : len(centre)]
        seen: Volume = self._p[: len(centre)] - place.reshape(-1, 1, 1, 1)
        return seen

    @staticmethod
    def _ellipse(p: Volume, centre: tuple[float, ...], radii: Any, power: float = 2.0) -> Volume:
        """Return the distance to a (super-)ellipse, or ellipsoid, by the number of `radii`."""
        size = np.asarray(radii, float)
        q = (p[: len(size)] - np.reshape(centre, (-1, 1, 1, 1))) / size.reshape(-1, 1, 1, 1)
        distance: Volume = (np.sum(np.abs(q) ** power, axis=0) ** (1 / power) - 1) * size.min()
        return distance

    def _ball(self, index: int, centre: tuple[float, float, float], radii: Any) -> Volume:
        return self._ellipse(self._at(index, *centre), (0, 0, 0), radii)

    def _smooth(self, p: Volume, spacing: float, parts: int) -> Volume:
        """Return smooth noise of unit variance, (parts, K, J, I), tied to the patient."""
        from scipy.ndimage import map_coordinates

        shape = np.ceil(2 * EXTENT / spacing).astype(int) + 4
        where = (p + EXTENT.reshape(3, 1, 1, 1)) / spacing + 1.5
        grids = self._rng.normal(0, 1.6, (parts, *shape))
        fields = [
            map_coordinates(g, where, order=2, mode="nearest", prefilter=False) for g in grids
        ]
        return np.array(fields)

    def _dome(self) -> Volume:
        """Return the height below the diaphragm: negative is abdomen, positive is lung."""
        x, y, z = self._p
        top = 66 - 0.0022 * (np.abs(x) - 62) ** 2 - 0.0045 * (y + 5) ** 2 - 8 * (x > 0)
        dome: Volume = (z - top - self._jitter[0, 2]) * 0.8
        return dome

    def _liver(self) -> Volume:
        size = self.build.liver
        right = self._ball(1, (-72, -2, 22), np.array([58, 68, 70]) * size)
        left = self._ball(2, (-12, -38, 38), np.array([62, 30, 34]) * size)
        both = _join(right, left, 22)
        for limit in (self.cavity + 2, self.dome + 2, 10 - self._spine_body()):
            both = np.maximum(both, limit)
        return both

    def _kidneys(self) -> Volume:
        sides = []
        for index, side in ((3, -1), (4, 1)):
            x, y, z = self._at(index, side * 62, 42, -22 + 8 * (side > 0))
            x, z = x + 0.22 * side * z, z - 0.1 * side * x  # the upper poles lean inwards
            bean = self._ellipse(np.array([x, y, z]), (0, 0, 0), (26, 23, 52))
            hilum = self._ellipse(np.array([x, y, z]), (-side * 26, -8, 0), (15, 12, 15))
            sides.append(np.maximum(bean, -hilum))
        both: Volume = np.minimum(*sides)
        return both

    def _spine_body(self) -> Volume:
        return self._ellipse(self._p, (0, 58), (22, 17), power=2.3)

    def _bowel(self) -> Iterator[Painted]:
        _, y, z = self._p
        room = self._ellipse(self._p, (0, -28, -62), (112, 52, 78), power=3)
        loops = self._smooth(self._p, spacing=26, parts=1)[0]
        inside = np.maximum(room, self.cavity + 4)
        yield self._paint("bowel", np.maximum(inside, (np.abs(loops) - 0.55) * 12))
        gas = np.maximum(inside, (0.95 - loops) * 12 + np.maximum(y + 20, 0))
        yield self._paint("gas", gas)
        for index, side in ((5, -1), (6, 1)):  # the colon, at both flanks
            q = self._at(index, side * 106, 8)
            yield self._paint("bowel", np.maximum(np.hypot(*q) - 17, z + 10))
            yield self._paint("gas", np.maximum(np.hypot(*q) - 11 + 4 * loops, z + 14) + 0.3 * q[1])

    def _lungs(self) -> Iterator[Painted]:
        x, y, _ = self._p
        heart = self._ball(0, (25, -35, 105), (58, 42, 52))
        middle = np.minimum(30 - np.abs(x - 4), y + 20)
        yield self._paint("lung", np.maximum(np.maximum(self.cavity - 2, -self.dome), middle))
        yield self._paint("vessel", np.maximum(np.maximum(heart, self.cavity), -self.dome))

    def _left_side(self) -> Iterator[Painted]:
        inside = np.maximum(self.cavity + 3, self.dome + 3)
        stomach = np.maximum(self._ball(7, (58, -32, 34), (40, 40, 44)), inside)
        stomach = np.maximum(stomach, 4 - self.liver)
        yield self._paint("muscle", stomach)
        yield self._paint("fluid", stomach + 5)
        level = self._p[1] + 38 + self._jitter[7, 1]  # the patient lies on the back: gas in front
        yield self._paint("gas", np.maximum(stomach + 5, level))
        spleen = np.maximum(self._ball(8, (96, 32, 40), (32, 44, 42)), inside)
        yield self._paint("spleen", np.maximum(np.maximum(spleen, 6 - self.kidney), 5 - stomach))

    def _liver_layers(self) -> Iterator[Painted]:
        yield self._paint("liver", self.liver)
        tubes = np.sqrt(np.sum(self._smooth(self._p, spacing=38, parts=2) ** 2, axis=0))
        yield self._paint("vessel", np.maximum((tubes - 0.2) * 22, self.liver + 8))
        rng = np.random.default_rng((*self.build.seed, 1))
        for _ in range(self.build.lesions):
            reach = rng.normal(0, 1, 3) * 28 * self.build.liver
            radius = rng.uniform(11, 22)
            centre = np.array([-68.0, -4, 22]) + reach
            lump = self._ellipse(self._p, tuple(centre), radius * rng.uniform(0.8, 1.2, 3))
            yield self._paint("lesion", np.maximum(lump, self.liver + 1))

    def _kidney_layers(self) -> Iterator[Painted]:
        yield self._paint("cortex", self.kidney)
        yield self._paint("medulla", self.kidney + 8)
        yield self._paint("fat", self.kidney + 15)

    def _midline(self) -> Iterator[Painted]:
        x, y, z = self._p
        for side in (-1, 1):
            psoas = self._ellipse(self._p, (side * 36, 60), (14, 19))
            yield self._paint("muscle", np.maximum(psoas, z - 20))
            back = self._ellipse(self._p, (side * 34, 88), (32, 16))
            yield self._paint("muscle", np.maximum(back, self.wall))
        yield self._paint("vessel", np.hypot(*self._at(9, -16, 31)) - 11)
        yield self._paint("artery", np.hypot(*self._at(0, 11, 34)) - 10)
        disc = 8 - np.abs((z + self._jitter[1, 2]) % 36 - 18)
        body = self._spine_body()
        yield self._paint("disc", body)
        vertebra = np.maximum(body, disc - 4)
        yield self._paint("bone", vertebra)
        yield self._paint("marrow", vertebra + 4)
        arch = np.minimum(
            self._ellipse(self._p, (0, 84), (40, 6)), self._ellipse(self._p, (0, 98), (6, 17))
        )
        ring = np.hypot(x, y - 83) - 13
        yield self._paint("bone", np.maximum(np.minimum(arch, ring), disc - 4))
        yield self._paint("disc", np.hypot(x, y - 83) - 8)

    def _ribs(self) -> Volume:
        """Return ten pairs of ribs, which run downwards to the front within the wall."""
        x, y, z = self._p
        shell = np.abs(self.wall + 7) - 4.5
        along = (z - 0.55 * (y - 60)) % 30 - 15
        cage = np.maximum(-62 - z - 0.25 * (y - 60), -(y + 70))
        pieces = np.maximum(np.maximum(shell, np.abs(along) - 6), cage)
        ribs: Volume = np.maximum(pieces, 16 - np.abs(x))
        return ribs


def _join(first: Volume, second: Volume, width: float) -> Volume:
    """Return the smooth union of two distances, rounded over `width` mm (a polynomial minimum)."""
    mix = np.clip(0.5 + 0.5 * (second - first) / width, 0, 1)
    joined: Volume = second * (1 - mix) + first * mix - width * mix * (1 - mix)
    return joined
