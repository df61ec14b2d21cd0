"""How SAM gets to see a slice: in its square, and in altered views whose masks are put back.

A page is a slice [H, W] with values in [0, 1].
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_ORIENTATIONS = 8
"""Four quarter turns, each mirrored or not: all that can be put back pixel by pixel."""
_LEAST_GAMMA, _MOST_GAMMA = 0.7, 1.4
_CONTRAST = 0.2
_BRIGHTNESS = 0.1
_NOISE = 0.03


@dataclass(frozen=True)
class View:
    """One alteration of a page, in space and in intensity.

    Attributes:
        turns: quarter turns, after mirroring.
        mirrored: whether the columns are reversed.
        gamma: exponent of the grey values.
        contrast: factor of the grey values' distance to their mean.
        brightness: added to the grey values.
        noise: standard deviation of Gaussian noise.
        seed: of the noise.
    """

    turns: int = 0
    mirrored: bool = False
    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    noise: float = 0.0
    seed: int = 0

    def of(self, page: Floats) -> Floats:
        """Return the altered page, [H, W] or, turned on its side, [W, H]."""
        values = np.power(page, self.gamma)
        mean = float(values.mean())
        values = (values - mean) * self.contrast + mean + self.brightness
        if self.noise > 0:
            generator = np.random.default_rng(self.seed)
            values = values + generator.normal(0.0, self.noise, size=page.shape)
        turned = self.turned(np.clip(values, 0.0, 1.0).astype(np.float32))
        return np.ascontiguousarray(turned)

    def turned(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return `array` [H, W] mirrored and turned, its values as they are."""
        return np.rot90(array[:, ::-1] if self.mirrored else array, self.turns)

    def back(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Undo `turned`: return what was found in the view, where it lies on the page."""
        upright = np.rot90(array, -self.turns)
        return np.ascontiguousarray(upright[:, ::-1] if self.mirrored else upright)


def content_key(page: Floats) -> str:
    """Return 32 hexadecimal digits that stand for the page."""
    digest = hashlib.sha256(repr(page.shape).encode())
    digest.update(np.ascontiguousarray(page).tobytes())
    return digest.hexdigest()[:32]


def views_of(page: Floats, count: int, seed: int) -> list[View]:
    """Return `count` views of the page, the same whatever else is in the pool.

    Every orientation comes once before any comes again.
    """
    generator = np.random.default_rng([seed, int(content_key(page)[:16], 16)])
    orientations: list[int] = []
    while len(orientations) < count:
        orientations += generator.permutation(_ORIENTATIONS).tolist()
    gammas = np.exp(generator.uniform(np.log(_LEAST_GAMMA), np.log(_MOST_GAMMA), size=count))
    contrasts = generator.uniform(1 - _CONTRAST, 1 + _CONTRAST, size=count)
    brightnesses = generator.uniform(-_BRIGHTNESS, _BRIGHTNESS, size=count)
    noises = generator.uniform(0.0, _NOISE, size=count)
    seeds = generator.integers(2**32, size=count)
    return [
        View(
            turns=orientations[index] // 2,
            mirrored=orientations[index] % 2 == 1,
            gamma=float(gammas[index]),
            contrast=float(contrasts[index]),
            brightness=float(brightnesses[index]),
            noise=float(noises[index]),
            seed=int(seeds[index]),
        )
        for index in range(count)
    ]


def fitted(page: Floats, side: int) -> Floats:
    """Return the page with its longer side brought to `side`, linear, with antialiasing.

    Its pixels keep their shape, as SAM was trained; the rest of the square is filled up below and
    to the right (`SamNetwork.embed`).
    """
    from PIL import Image as PillowImage

    longest = max(page.shape)
    height, width = (max(1, int(size * side / longest + 0.5)) for size in page.shape)
    if page.shape == (height, width):
        return page
    picture = PillowImage.fromarray(np.ascontiguousarray(page))
    return np.asarray(picture.resize((width, height), PillowImage.Resampling.BILINEAR))
