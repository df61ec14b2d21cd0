"""The house rules that a machine can check: who may know whom, what loads when, what is packed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
LIBRARY = PROJECT / "ActiveSeedLib"

FOUNDATION = {
    "errors",
    "archives",
    "children",
    "files",
    "plain_text",
    "progress",
    "registry",
    "requirements",
    "signals",
    "tensor_files",
    "version",
}
MAY_KNOW: dict[str, set[str]] = {
    "pool": set(),
    "project": {"pool"},
    "features": {"pool", "selection"},
    "selection": set(),
    "segmentation": {"pool"},
    "executor": {"pool"},
    "pictures": {"pool"},
    "demo": {"pool"},
    "jobs": {
        "benchmark",
        "demo",
        "executor",
        "features",
        "pictures",
        "pool",
        "project",
        "segmentation",
        "selection",
    },
    "benchmark": {"features", "pictures", "pool", "segmentation", "selection"},
    "worker": set(),
    "app": {"features", "pictures", "pool", "project", "selection", "segmentation", "worker"},
    "scene": {"app", "pool", "project"},
    "panel": {"app", "features", "pool", "project", "scene", "selection", "worker"},
    "viewer": {"app", "features", "pictures", "pool", "project", "scene", "selection", "worker"},
    "cli": {
        "app",
        "benchmark",
        "executor",
        "features",
        "jobs",
        "pictures",
        "pool",
        "project",
        "segmentation",
        "selection",
        "viewer",
        "worker",
    },
}
HEAVY = {
    "torch",
    "monai",
    "sklearn",
    "openTSNE",
    "matplotlib",
    "SimpleITK",
    "pydicom",
    "PIL",
    "transformers",
}
MRML = {"slicer", "vtk"}
# Whatever trame-slicer brings; one folder alone deals with it.
WEB = {
    "LayerDMLib",
    "aiohttp",
    "plotly",
    "trame",
    "trame_client",
    "trame_plotly",
    "trame_rca",
    "trame_server",
    "trame_slicer",
    "trame_vuetify",
    "undo_stack",
    "vtkmodules",
    "wslink",
}
GUI = MRML | WEB | {"qt", "ctk", "PySide6", "PyQt5"}
MAY_IMPORT = {
    "scene": MRML,
    "panel": MRML | {"qt", "ctk"},
    "viewer": MRML,
    "viewer/web": MRML | WEB,
}
# Slicer has no trame: the browser's front end comes with the Python package only.
NOT_IN_SLICER = "viewer"


def _modules() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_a_module_knows_only_what_lies_below_it(path: Path) -> None:
    part = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    if part in FOUNDATION | {"__init__"}:
        allowed = FOUNDATION
    else:
        assert part in MAY_KNOW, f"{part} is new: say in MAY_KNOW whom it may know"
        allowed = FOUNDATION | {part} | MAY_KNOW[part]
    folder = path.parent.relative_to(LIBRARY).as_posix()
    for name in _imports(ast.parse(path.read_text(encoding="utf-8"))):
        first, *rest = name.split(".")
        assert first not in GUI - MAY_IMPORT.get(folder, set()), f"{path.name} imports {name}"
        if first == "ActiveSeedLib" and rest:
            assert rest[0] in allowed or name == "ActiveSeedLib.__version__", (
                f"{path.name} imports {name}"
            )


def test_listing_what_can_be_chosen_loads_nothing_heavy() -> None:
    code = (
        "import sys, ActiveSeedLib.cli, ActiveSeedLib.pool, ActiveSeedLib.project.project, "
        "ActiveSeedLib.selection.strategy, ActiveSeedLib.features.encoder, "
        "ActiveSeedLib.worker.client\n"
        "from ActiveSeedLib.cli import main\n"
        "main(['strategies', '--json']); main(['encoders', '--json'])\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert done.stderr.strip() == "[]"


def _listed(cmake: Path) -> set[str]:
    return set(re.findall(r"^\s+(\S+\.(?:py|png|ui|json))\s*$", cmake.read_text(), re.MULTILINE))


def test_every_file_of_the_library_is_packed_for_slicer() -> None:
    on_disk = {path.relative_to(LIBRARY).as_posix() for path in _modules()}
    on_disk = {name for name in on_disk if not name.startswith(f"{NOT_IN_SLICER}/")}
    assert _listed(LIBRARY / "CMakeLists.txt") == on_disk


def test_every_file_of_the_module_is_packed_for_slicer() -> None:
    folder = PROJECT / "ActiveSeed"
    on_disk = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in {".py", ".png", ".ui", ".json"}
    }
    listed = {
        name.replace("${MODULE_NAME}", "ActiveSeed") for name in _listed(folder / "CMakeLists.txt")
    }
    assert listed == on_disk
