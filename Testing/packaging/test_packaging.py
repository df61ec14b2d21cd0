"""What the Extension Manager would install: it is whole, it imports, and it runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).resolve().parent / "slicer_stand_in"
MODULES = "lib/Slicer-5.10/qt-scripted-modules"
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/"
    "slicer-extension-catalog-entry-schema-v1.0.2.json#"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of scripted modules as the CMake lists install it."""
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("cmake and a C++ compiler are not here, so no install tree can be made")
    root = tmp_path_factory.mktemp("install")
    configure = ["cmake", "-S", str(PROJECT), "-B", str(root / "build")]
    subprocess.run(
        [*configure, f"-DSlicer_DIR={STAND_IN}"], check=True, capture_output=True, text=True
    )
    target = root / "tree"
    subprocess.run(
        ["cmake", "--install", str(root / "build"), "--prefix", str(target)],
        check=True,
        capture_output=True,
    )
    return target / MODULES


def test_every_file_is_installed(installed: Path) -> None:
    files = (PROJECT / "ActiveSeedLib").rglob("*")
    library = {p.relative_to(PROJECT) for p in files if p.suffix in {".py", ".toml"}}
    wanted = {path for path in library if path.parts[1] != "viewer"}  # which Slicer has no use for
    module = PROJECT / "ActiveSeed"
    resources = {p.relative_to(module) for p in (module / "Resources").rglob("*") if p.is_file()}
    found = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    assert found == wanted | resources | {Path("ActiveSeed.py")}


def test_the_installed_library_runs_without_the_clone(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import ActiveSeedLib; assert ActiveSeedLib.__file__.startswith(sys.argv[1])\n"
        "from ActiveSeedLib.cli import main\n"
        "sys.exit(main(['strategies', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(installed)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert "levy" in {entry["name"] for entry in json.loads(done.stdout)}


def test_the_installed_worker_does_a_job(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ActiveSeedLib.worker.client import WorkerClient\n"
        "with WorkerClient() as client:\n"
        "    client.run('cohort', {'folder': sys.argv[2], 'cases': 2})"
    )
    command = [sys.executable, "-c", code, str(installed), str(folder)]
    subprocess.run(command, cwd=tmp_path, timeout=120, check=True)
    assert len(list((folder / "images").iterdir())) == 2


def test_the_catalogue_entry_fits_its_schema() -> None:
    """Schema 1.0.2: three required keys, no others than these, each of its type."""
    entry = json.loads((PROJECT / "ActiveSeed.json").read_text(encoding="utf-8"))
    kinds = {
        "$schema": str,
        "category": str,
        "scm_url": str,
        "scm_revision": str,
        "scm_type": str,
        "build_dependencies": list,
        "dicom_support_rule": str,
        "build_subdirectory": str,
        "enabled": bool,
        "tier": int,
    }
    assert {"$schema", "category", "scm_url"} <= set(entry) <= set(kinds)
    assert all(type(value) is kinds[key] for key, value in entry.items())
    assert entry["$schema"] == SCHEMA
    assert entry["build_dependencies"] == ["PyTorch"]
    assert 1 <= entry["tier"] <= 5


def test_the_extension_is_described_as_the_index_asks() -> None:
    text = (PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"^project\(ActiveSeed\)$", text, re.MULTILINE)
    assert (PROJECT / "ActiveSeed.json").is_file()  # named like the project
    for name in ("ICONURL", "SCREENSHOTURLS", "DESCRIPTION", "HOMEPAGE", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"\n]+"\)$', text, re.MULTILINE), name
    urls = re.findall(r"/main/(\S+?\.png)", text)
    assert urls
    assert all((PROJECT / url).is_file() for url in urls)
    assert (PROJECT / "LICENSE").is_file()


def test_files_end_lines_as_the_index_asks() -> None:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    texts = [n for n in done.stdout.split("\0") if n and not n.endswith((".png", ".gz", ".ico"))]
    assert len(texts) > 100
    assert [n for n in texts if b"\r\n" in (PROJECT / n).read_bytes()] == []
