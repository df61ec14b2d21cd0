"""Names that are odd, long, alike, or no text; and how they come through a project."""

import os
import unicodedata
from pathlib import Path

from PIL import Image as Pillow

from Testing.odd_files import write_dicom, write_nifti
from Testing.sweeps.inputs.dicom import PIXELS
from Testing.sweeps.inputs.dicom import PLACE as DICOM_PLACE
from Testing.sweeps.inputs.kinds import Kinds, Outcome, PassedOver, Refused, Used, placed, volume
from Testing.sweeps.inputs.nifti import PLACE, SFORM
from Testing.sweeps.inputs.pictures import GREY
from Testing.sweeps.inputs.text_formats import PLACE as TEXT_PLACE
from Testing.sweeps.inputs.text_formats import meta, nrrd

KINDS = Kinds("names")
ODD = {
    "an accent": "é",
    "an accent in two signs": unicodedata.normalize("NFD", "é"),
    "Chinese": "肝臓の画像",
    "Arabic, from right to left": "صورة الكبد",
    "emoji": "🫀🧠",
    "emoji of several signs": "👩‍⚕️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "spaces around": "  a b  ",
    "dots": "a..b.",
    "a dash in front": "-rf",
    "percent signs": "100% %d %s %03d",
    "quotation marks": "a'b\"c`d",
    "signs of the shell": "$(x);&|>*?[a]{b}~",
    "a backslash": "a\\b",
    "a new line": "a\nb",
    "a tabulator and a bell": "a\tb\x07c",
    "a name of Windows' devices": "CON",
    "colons and bars": "C:a|b<c>d",
    "a sign without width": "a\u200bb",
    "a sign that turns the direction": "a\u202egnp",
    "as long as names may be": "a" * 240,
    "as long as names may be, in emoji": "🧠" * 60,
    "nothing but a number": "0",
    "SQL": "'; DROP TABLE cases; --",
    "HTML": "<script>alert(1)<",
    "a number sign, as slices have": "case#00003",
}
NO_IMAGES = (
    *("a.nii.gz.bak", "a.nii.gz (copy)", "a.gz", "a.nii.zip", "a.nrrd.gz", ".a.nii.gz"),
    *("._a.nii.gz", ".nii.gz", "~a.nii.gz~", "a.nii.gz.part"),
)
FORMATS = ("nii.gz", "nrrd", "mha", "png", "dcm")


def put(path: Path, seed: int = 5) -> Used:
    """Write an image in the format of the suffix of `path`; return what must become of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array, place = volume(seed), PLACE
    suffix = path.suffix.lower()
    if suffix == ".nrrd":
        path.write_bytes(nrrd(array.tobytes()))
        place = TEXT_PLACE
    elif suffix == ".mha":
        path.write_bytes(meta(array.tobytes()))
        place = TEXT_PLACE
    elif suffix == ".png":
        Pillow.fromarray(GREY + seed).save(path)
        array, place = (GREY + seed)[None], placed()
    elif suffix == ".dcm":
        write_dicom(path, PIXELS, SliceThickness=2.5, SeriesInstanceUID=f"1.2.{seed}")
        array, place = PIXELS[None], DICOM_PLACE
    else:
        write_nifti(path.with_name(f"put{suffix}"), array, **SFORM).rename(path)
    return Used(path.name, array, place)


def _every_format() -> None:
    for words, name in ODD.items():

        def write(folder: Path, name: str = name) -> list[Outcome]:
            return [put(folder / f"{name}.{suffix}", n) for n, suffix in enumerate(FORMATS)]

        KINDS.add(words, write)

        def below(folder: Path, name: str = name) -> Outcome:
            used = put(folder / name / "a.nii.gz")
            return Used(f"{name}/a.nii.gz", used.array, used.affine)

        KINDS.add(f"a folder: {words}", below)


def _together() -> None:
    def both(words: str, *names: str) -> None:
        def write(folder: Path) -> list[Outcome]:
            outcomes: list[Outcome] = []
            for seed, name in enumerate(names):
                used = put(folder / name, seed)
                outcomes.append(Used(name, used.array, used.affine))
            return outcomes

        KINDS.add(words, write)

    both("that differ in case only", "case.nii.gz", "CASE.nii.gz", "Case.nii.gz")
    both(
        "that differ in their accent's form only",
        "é.nii.gz",
        unicodedata.normalize("NFD", "é") + ".nii.gz",
    )
    both("that differ in their suffix only", "a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.png")
    both("that folders make alike", "a/b.nii.gz", "a__b.nii.gz", "A/B.nii.gz")
    both("that 80 bytes make alike", "x" * 90 + "1.nii.gz", "x" * 90 + "2.nii.gz")
    both("that Windows makes alike", "aux.nii.gz", "AUX .nii.gz", "aux..nii.gz")
    both("suffixes in capitals", "a.NII.GZ", "b.Nii", "c.NRRD", "d.PnG")
    both("a suffix twice", "a.nii.gz.nii.gz", "a.nii.gz")


def _no_images() -> None:
    for name in NO_IMAGES:

        def write(folder: Path, name: str = name) -> Outcome:
            put(folder / "a.nii.gz")
            (folder / "a.nii.gz").rename(folder / name)
            return PassedOver(name)

        KINDS.add(f"{name} is no image's", write)

    @KINDS.kind("a segmentation of 3D Slicer")
    def segmentation(folder: Path) -> Outcome:
        put(folder / "a.seg.nrrd")
        return Refused("a.seg.nrrd", "segmentation", "import it")


def _no_text() -> None:
    broken = os.fsdecode(b"b\xff\xfe")

    def renamed(words: str, name: str, path: str) -> None:
        def write(folder: Path) -> Outcome:
            put(folder / "a" / f"a.{name}")
            (folder / "a" / f"a.{name}").rename(folder / "a" / (broken + f".{name}"))
            return Refused(path, "not text", "rename")

        KINDS.add(words, write)

    for suffix in FORMATS:
        renamed(f"no text, {suffix}", suffix, f"a/b\\xff\\xfe.{suffix}")

    @KINDS.kind("no text, and no image either")
    def text(folder: Path) -> Outcome:
        (folder / (broken + ".txt")).write_text("a")
        return PassedOver("b")

    @KINDS.kind("no text, and empty")
    def empty(folder: Path) -> Outcome:
        (folder / (broken + ".nrrd")).touch()
        return Refused("b\\xff\\xfe.nrrd", "empty", "copy")

    @KINDS.kind("a folder whose name is no text")
    def below(folder: Path) -> Outcome:
        put(folder / broken / "a.nii.gz")
        return Refused("b\\xff\\xfe/a.nii.gz", "not text", "rename")


def _deep() -> None:
    def deep(folder: Path) -> Outcome:
        path = "/".join(["d" * 100] * 20) + "/a.nii.gz"
        used = put(folder / path)
        return Used(path, used.array, used.affine)

    KINDS.add("folders twenty deep, 2 KB in all", deep)

    def too_deep(folder: Path) -> Outcome:
        handle = os.open(folder, os.O_RDONLY)
        for _ in range(20):
            os.mkdir("d" * 250, dir_fd=handle)
            below = os.open("d" * 250, os.O_RDONLY, dir_fd=handle)
            os.close(handle)
            handle = below
        os.close(handle)
        limit = (4096 - len(str(folder)) - 1) // 251
        return Refused("/".join(["d" * 250] * (limit + 1)), "too long", "")

    KINDS.add("folders deeper than a path may be", too_deep)


_every_format()
_together()
_no_images()
_no_text()
_deep()
