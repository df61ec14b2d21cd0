"""Files that are none, cannot be read, lead elsewhere, repeat each other, change or vanish."""

import gzip
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np

from Testing.odd_files import write_nifti
from Testing.sweeps.inputs.kinds import (
    Duplicate,
    Kinds,
    Outcome,
    PassedOver,
    Refused,
    Used,
    volume,
)
from Testing.sweeps.inputs.nifti import PLACE, SFORM

KINDS = Kinds("files")
A = "a.nii.gz"
USED = Used(A, volume(), PLACE)


def put(path: Path, seed: int = 5) -> Path:
    return write_nifti(path, volume(seed), **SFORM)


def refused(fault: str, remedy: str) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        put(folder / A)
        return Refused(A, fault, remedy)

    return write


def _links() -> None:
    @KINDS.kind("a link to a file elsewhere")
    def elsewhere(folder: Path) -> Outcome:
        (folder / A).symlink_to(put(folder.parent / "elsewhere.nii.gz"))
        return USED

    @KINDS.kind("a link that leads nowhere")
    def nowhere(folder: Path) -> Outcome:
        (folder / A).symlink_to(folder / "gone")
        return Refused(A, "leads to no file", "restore")

    @KINDS.kind("a link to itself")
    def itself(folder: Path) -> Outcome:
        (folder / A).symlink_to(folder / A)
        return Refused(A, "leads to no file", "restore")

    @KINDS.kind("two links to each other")
    def circle(folder: Path) -> list[Outcome]:
        (folder / A).symlink_to(folder / "b.nii.gz")
        (folder / "b.nii.gz").symlink_to(folder / A)
        return [Refused(name, "leads to no file", "restore") for name in (A, "b.nii.gz")]

    @KINDS.kind("a folder that links to the one above")
    def loop(folder: Path) -> Outcome:
        put(folder / "x" / A)
        (folder / "x" / "loop").symlink_to(folder)
        (folder / "x" / "self").symlink_to(folder / "x")
        return Used(f"x/{A}", volume(), PLACE)

    @KINDS.kind("links to the same file")
    def twice(folder: Path) -> list[Outcome]:
        put(folder / A)
        (folder / "b.nii.gz").symlink_to(folder / A)
        os.link(folder / A, folder / "c.nii.gz")
        return [USED, Duplicate("b.nii.gz"), Duplicate("c.nii.gz")]

    @KINDS.kind("a copy in another folder")
    def copy(folder: Path) -> list[Outcome]:
        put(folder / A)
        (folder / "copies").mkdir()
        shutil.copy(folder / A, folder / "copies" / "b.nii.gz")
        return [USED, Duplicate("copies/b.nii.gz")]


def _no_files() -> None:
    @KINDS.kind("a folder named like an image")
    def folder_named(folder: Path) -> list[Outcome]:
        put(folder / "b.nii.gz" / A)
        (folder / "c.nrrd").mkdir()
        return [Used(f"b.nii.gz/{A}", volume(), PLACE), PassedOver("c.nrrd")]

    def special(words: str, make: Callable[[Path], object], name: str = A) -> None:
        def write(folder: Path) -> Outcome:
            make(folder / name)
            return PassedOver(name)

        KINDS.add(words, write)

    special("a pipe", os.mkfifo)
    KINDS.add("a link to an endless device", device("/dev/zero"))
    KINDS.add("a link to an empty device", device("/dev/null"))
    special("a pipe of no suffix", os.mkfifo, "pipe")
    special("a socket", _listen, "s.nrrd")

    @KINDS.kind("a file that the disk fails to read")
    def failing(folder: Path) -> Outcome:
        (folder / A).symlink_to("/proc/self/mem")
        return Refused(A, "cannot be read", "check")

    def piped(folder: Path) -> None:
        (folder / A).unlink()
        os.mkfifo(folder / A)

    KINDS.add("a pipe takes the image's place", refused("no file", "put"), later=piped)

    def foldered(folder: Path) -> None:
        (folder / A).unlink()
        (folder / A).mkdir()

    KINDS.add("a folder takes the image's place", refused("folder", "put"), later=foldered)


def device(path: str) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        (folder / A).symlink_to(path)
        return Refused(A, "leads to no file", "restore")

    return write


def _listen(path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.close()


def _sizes() -> None:
    @KINDS.kind("a small image at the beginning of 20 GB")
    def sparse(folder: Path) -> Outcome:
        path = put(folder / "a.nii")
        os.truncate(path, 20 << 30)
        return Used("a.nii", volume(), PLACE)

    @KINDS.kind("a small image in a stream that inflates to 20 GB")
    def bomb(folder: Path) -> Outcome:
        zeros = gzip.compress(bytes(64 << 20), 1)
        path = put(folder / A)
        path.write_bytes(path.read_bytes() + zeros * 320)
        return Refused(A, "far more", "leave the file out")

    @KINDS.kind("20 GB of nothing")
    def nothing(folder: Path) -> Outcome:
        (folder / A).touch()
        os.truncate(folder / A, 20 << 30)
        return Refused(A, "NIfTI header", "copy")


def _permissions() -> None:
    def file_without(folder: Path) -> Outcome:
        put(folder / A).chmod(0)
        return Refused(A, "Permission denied", "check")

    KINDS.add("a file without permission", file_without, as_user=True)

    def folder_without(folder: Path) -> Outcome:
        put(folder / "x" / A)
        (folder / "x").chmod(0)
        return Refused("x", "cannot be opened", "check its permissions")

    KINDS.add("a folder without permission", folder_without, as_user=True)

    def listed_only(folder: Path) -> list[Outcome]:
        put(folder / "x" / A)
        (folder / "x").chmod(0o444)
        return [Refused(f"x/{A}", "Permission denied", "check")]

    KINDS.add("a folder that may be listed but not entered", listed_only, as_user=True)

    def taken(folder: Path) -> None:
        (folder / A).chmod(0)

    KINDS.add(
        "permission is taken after listing",
        refused("Permission", "check"),
        later=taken,
        as_user=True,
    )


def _changes() -> None:
    def gone(folder: Path) -> None:
        (folder / A).unlink()

    KINDS.add("it vanishes after listing", refused("gone", "put it back"), later=gone)

    def below(folder: Path) -> Outcome:
        put(folder / "x" / A)
        return Refused(f"x/{A}", "gone", "put it back")

    KINDS.add("its folder vanishes after listing", below, later=lambda f: shutil.rmtree(f / "x"))

    def midway(folder: Path) -> Outcome:
        put(folder / A)
        (folder / "x").mkdir()
        return Refused(A, "gone", "put it back")

    KINDS.add("it vanishes while listed", midway, midway=gone)

    def folder_gone(folder: Path) -> Outcome:
        put(folder / "x" / A)
        return Refused("x", "cannot be opened", "check")

    KINDS.add(
        "a folder vanishes while listed", folder_gone, midway=lambda f: shutil.rmtree(f / "x")
    )

    def emptied(folder: Path) -> None:
        (folder / A).write_bytes(b"")

    KINDS.add("it is emptied after listing", refused("ends within", "copy"), later=emptied)

    def cut(folder: Path) -> None:
        path = folder / A
        path.write_bytes(path.read_bytes()[:-9])

    KINDS.add("it is cut after listing", refused("cut short", "copy"), later=cut)

    def other(folder: Path) -> None:
        write_nifti(folder / A, volume(shape=(3, 5, 6)), **SFORM)

    KINDS.add("another image takes its place", refused("changed", "scan"), later=other)

    def moved(folder: Path) -> None:
        rows = np.array(SFORM["rows"]) + np.array([[0, 0, 0, 1.0]] * 3)
        write_nifti(folder / A, volume(), **SFORM | {"rows": rows})

    KINDS.add("it is moved in space after listing", refused("changed", "scan"), later=moved)


_links()
_no_files()
_sizes()
_permissions()
_changes()
