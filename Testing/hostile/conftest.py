"""Images and a project whose every name would do harm to whoever takes it for more than text."""

from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.pictures import save_thumbnail
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.pool.itk import write
from ActiveSeedLib.pool.readers import read_file
from ActiveSeedLib.pool.scan import scan
from ActiveSeedLib.project import LabelSchema, Project
from ActiveSeedLib.project.schema import Segment
from Testing.viewer.browser import browser, context, page, problems

__all__ = ["browser", "context", "page", "problems"]

HARM = "window.hacked=1"
SCRIPTS = (
    f"<img src=x onerror={HARM}>",
    f"<svg onload={HARM}>",
    f"{{{{constructor.constructor('{HARM}')()}}}}",
    f"' onmouseover='{HARM}",
    f'" autofocus onfocus="{HARM}',
    f"`;{HARM};`",
)
FORMULAS = ("=cmd|' C'!A1", "+1+cmd", "-2+3+cmd", "@SUM(1)", "\t=1+1", "\r=1+1")
CODES = ("red\x1b[31m\x07", "two\nlines", "turned\u202egnp", "line\u2028end", "null\x9b31m")
OTHERS = (
    "$\\frac{x$ $^$",
    "%n%s%d{0}{x}",
    "'; DROP TABLE cases; --",
    "Ärztin 😀",
    " lead",
    "x" * 200,
)
NAMES = (*SCRIPTS, *FORMULAS, *CODES, *OTHERS)
GEOMETRY = Geometry((24, 20, 6), (4.0, 4.0, 8.0))


@pytest.fixture(scope="session")
def hostile_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small volume for each name; one whose name is no text; one that is empty."""
    folder = tmp_path_factory.mktemp("hostile") / "images"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        array = np.random.default_rng(number).normal(100, 5, GEOMETRY.shape).astype(np.int16)
        write(folder / "next.nii.gz", array, GEOMETRY)
        (folder / "next.nii.gz").rename(folder / f"{name}.nii.gz")
    Path(f"{folder}/empty\x1b[2J<b>.nii").write_bytes(b"")
    with open(bytes(folder) + b"/no\xfftext.nii", "wb") as file:  # noqa: PTH123 - bytes
        file.write(b"x")
    return folder


@pytest.fixture
def hostile_project(hostile_images: Path, tmp_path: Path) -> Path:
    """A project of them: all in the queue, on a map, with segments and reasons alike."""
    pool = scan(hostile_images)
    schema = LabelSchema((Segment(1, SCRIPTS[0], "#ff0000"), Segment(2, SCRIPTS[2], "#00ff00")))
    root = tmp_path / "<b>project"
    with Project.create(root, pool, schema) as project:
        keys = [case.key for case in pool.cases]
        picks = [(key, f"{SCRIPTS[n % 3]} is why.", {}) for n, key in enumerate(keys)]
        project.add_selection("random", {}, 43, {}, picks)
        project.save_map("map", {}, {key: (float(n), n % 3.0) for n, key in enumerate(keys)})
        image = read_file(hostile_images / pool.cases[0].path)
        save_thumbnail(project.thumbnail_path(keys[0]), Image(image.array, GEOMETRY))
    return root
