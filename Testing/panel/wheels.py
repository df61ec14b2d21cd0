"""Tiny packages that stand for large ones, in a folder that pip takes for its index."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

SLOW_BACKEND = """
import time
def build_wheel(*arguments, **more): time.sleep(120)
def prepare_metadata_for_build_wheel(*arguments, **more): time.sleep(120)
"""


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    needs: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel that installs one module (and `files`); return it."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    contents = {
        f"{module}_stand_in.py": f"version = {version!r}\n",
        **(files or {}),
        f"{info}/METADATA": "\n".join([*lines, *(f"Requires-Dist: {one}" for one in needs), ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in contents.items():
            archive.writestr(inside, text)
    return path


def make_slow_source(folder: Path, name: str, version: str) -> Path:
    """Write a source package whose building takes two minutes; return it."""
    path = folder / f"{name}-{version}.tar.gz"
    contents = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "slow"\n'
        'backend-path = ["."]\n',
        "slow.py": SLOW_BACKEND,
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for inside, text in contents.items():
            member = tarfile.TarInfo(f"{name}-{version}/{inside}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def unpack(wheel: Path, site: Path) -> None:
    """Install a wheel without pip."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
