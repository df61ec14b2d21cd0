"""Which packages ActiveSeed needs, and which are there; found without importing any of them."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from packaging.requirements import Requirement as Parsed

# In the order of installation: torch first, so that monai does not bring another one.
_NEEDED = {
    "torch>=2.8": "trains the models",
    "monai>=1.5": "networks and losses of the training",
    "scikit-learn>=1.5": "groups the images and draws their map",
    "numpy>=2.0,<3": "arrays",
    "scipy>=1.13": "distances and image filters",
    "SimpleITK>=2.4": "reads the images",
    "pydicom>=2.4": "reads DICOM folders",
    "pillow>=10": "reads and writes pictures",
}
_HELPFUL = {
    "openTSNE>=1.0.2": "draws the map of more than 5,000 images quickly",
    "isal>=1.7": "reads compressed images faster",
    "matplotlib>=3.8": "draws pictures of the map and of the learning curves",
}
# The top modules of what Slicer ships.
_MODULES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "SimpleITK": "SimpleITK",
    "pydicom": "pydicom",
    "pillow": "PIL",
}


@dataclass(frozen=True)
class Requirement:
    """One package.

    Attributes:
        package: its name, such as "torch".
        requirement: what pip is asked for, such as "torch>=2.8".
        installed: the version that is there, or None.
        ok: whether that version will do.
        why: what it is for, in a few words.
        needed: whether the loop cannot run without it.
    """

    package: str
    requirement: str
    installed: str | None
    ok: bool
    why: str
    needed: bool


def requirements() -> list[Requirement]:
    """Return all packages, in the order in which they are to be installed."""
    return [
        _look(text, why, needed=needed)
        for wanted, needed in ((_NEEDED, True), (_HELPFUL, False))
        for text, why in wanted.items()
    ]


def missing() -> list[Requirement]:
    """Return the needed packages that are not there, or too old or too new."""
    return [one for one in requirements() if one.needed and not one.ok]


def _look(text: str, why: str, *, needed: bool) -> Requirement:
    wanted = Parsed(text)
    try:
        installed = version(wanted.name)
    except PackageNotFoundError:
        # What Slicer builds itself, such as its SimpleITK, need not tell its version.
        built_in = _MODULES.get(wanted.name)
        there = built_in is not None and find_spec(built_in) is not None
        return Requirement(wanted.name, text, "unknown" if there else None, there, why, needed)
    ok = wanted.specifier.contains(installed, prereleases=True)
    return Requirement(wanted.name, text, installed, ok, why, needed)
