"""DICOM series: in space, incomplete, mixed, repeated, without the numbers that tell them apart."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from Testing.odd_files import dicom_dataset
from Testing.sweeps.inputs.kinds import Affine, Kinds, Outcome, Refused, Used, placed, turned

KINDS = Kinds("DICOM series")
VOLUME = np.random.default_rng(7).integers(0, 2000, (6, 8, 7))
ORIGIN = (-10.0, -20.0, 30.0)
SPACING = (0.75, 0.5, 2.0)
PLACE = placed(SPACING, ORIGIN)
Change = Callable[[int], dict[str, Any]]


def write_series(
    folder: Path,
    affine: Affine = PLACE,
    change: Change = lambda _: {},
    numbers: Sequence[int] = range(6),
    volume: NDArray[Any] = VOLUME,
) -> None:
    """Write slices `numbers` of a volume; `change` gives attributes of slice n; None leaves out."""
    folder.mkdir(parents=True, exist_ok=True)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    for n in numbers:
        place = affine @ np.array([0, 0, n, 1.0])
        attributes = {
            "SeriesInstanceUID": "1.2.3.77",
            "SOPInstanceUID": f"1.2.3.77.{n + 1}",
            "InstanceNumber": 100 - n,
            "PixelSpacing": [SPACING[1], SPACING[0]],
            "SliceThickness": 2.0,
            "ImagePositionPatient": [round(float(v), 6) for v in place[:3]],
            "ImageOrientationPatient": [round(float(v), 8) for v in (*axes[:, 0], *axes[:, 1])],
        }
        path = folder / f"{(n * 5) % 7}.dcm"
        pixels = change(n).pop("pixels", volume[n])
        values = attributes | {k: v for k, v in change(n).items() if k != "pixels"}
        dicom_dataset(path, pixels, **values).save_as(path)


def used(
    affine: Affine = PLACE,
    wanted: NDArray[Any] = VOLUME,
    change: Change = lambda _: {},
    note: str = "",
    reader: str = "pydicom",
    **common: Any,
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        write_series(folder / "ct", affine, lambda n: common | change(n))
        return Used("ct", wanted, affine, note, reader)

    return write


def refused(
    fault: str,
    remedy: str,
    change: Change = lambda _: {},
    numbers: Sequence[int] = range(6),
    affine: Affine = PLACE,
    **common: Any,
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        write_series(folder / "ct", affine, lambda n: common | change(n), numbers)
        return Refused("ct", fault, remedy)

    return write


def _places() -> None:
    add = KINDS.add
    sagittal = np.array([[0, 0, 1.0], [1, 0, 0], [0, -1, 0]])
    coronal = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    for words, direction in (
        ("axial", np.eye(3)),
        ("sagittal", sagittal @ np.diag([1, 1, np.linalg.det(sagittal)])),
        ("coronal", coronal @ np.diag([1, 1, np.linalg.det(coronal)])),
        ("prone", np.diag([-1.0, -1, 1])),
        ("feet first", np.diag([-1.0, 1, -1])),
        ("oblique", turned((1, 2, 3), 25)),
    ):
        add(words, used(placed(SPACING, ORIGIN, direction)))
    add(
        "in the order of neither names nor numbers",
        used(change=lambda n: {"InstanceNumber": (n * 3) % 5}),
    )
    add("without numbers", used(InstanceNumber=None))
    add("thickness that its places deny", used(SliceThickness=5.0))
    add("negative spacing between slices", used(SpacingBetweenSlices=-2.0))
    jitter = (0.0, 0.02, -0.02, 0.01, 0.0, 0.0)
    add(
        "places rounded by a hundredth",
        used(change=lambda n: {"ImagePositionPatient": [-10.0, -20.0, 30 + 2 * n + jitter[n]]}),
    )
    copy, export = "copy", "export"
    add("a slice missing", refused("1 of its slices is missing", copy, numbers=(0, 1, 2, 4, 5)))
    add("two slices missing", refused("2 of its slices are missing", copy, numbers=(0, 1, 4, 5)))
    add("every other slice missing at the end", refused("missing", copy, numbers=(0, 1, 2, 3, 5)))
    uneven = (0, 2, 4.7, 6, 8, 10)
    add(
        "uneven",
        refused(
            "unevenly", "resample", lambda n: {"ImagePositionPatient": [-10, -20, 30 + uneven[n]]}
        ),
    )
    add(
        "a tilted gantry",
        refused(
            "tilted gantry",
            "resample",
            lambda n: {"ImagePositionPatient": [-10, -20 + n, 30 + 2 * n]},
        ),
    )
    add("no places", refused("no position", export, ImagePositionPatient=None))
    add(
        "one without a place",
        refused(
            "1 of its slices have no position",
            export,
            lambda n: {"ImagePositionPatient": None} if n == 3 else {},
        ),
    )
    add("no orientations", refused("no position", export, ImageOrientationPatient=None))
    add(
        "all in one place",
        refused("6 images at each of 1 position", export, ImagePositionPatient=list(ORIGIN)),
    )
    add(
        "4-D",
        refused(
            "2 images at each of 3 positions",
            export,
            lambda n: {"ImagePositionPatient": [-10, -20, 30 + n // 2 * 2]},
        ),
    )
    add(
        "an image too many in one place",
        refused(
            "lie in only 5 positions",
            export,
            lambda n: {"ImagePositionPatient": [-10, -20, 30 + 2 * min(n, 4)]},
        ),
    )
    add(
        "two directions",
        refused(
            "different directions",
            export,
            lambda n: {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]} if n > 2 else {},
        ),
    )
    add(
        "a scout of two",
        refused(
            "scout",
            "leave",
            lambda n: {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]} if n else {},
            (0, 1),
        ),
    )


def _mixtures() -> None:
    add = KINDS.add
    odd: Callable[[dict[str, Any]], Change] = lambda values: lambda n: values if n == 3 else {}  # noqa: E731
    for words, values, fault in (
        ("two studies", {"StudyInstanceUID": "1.2.3.9"}, "2 different studies"),
        ("two patients", {"PatientID": "Other"}, "2 different patients"),
        ("two pixel sizes", {"PixelSpacing": [0.6, 0.75]}, "2 different pixel spacings"),
        (
            "two photometries",
            {"PhotometricInterpretation": "MONOCHROME1"},
            "2 different photometric",
        ),
        ("two image sizes", {"pixels": VOLUME[3][:, :-1]}, "2 different image sizes"),
    ):
        add(words, refused(fault, "export", odd(values)))
    deeper = VOLUME.astype("f8")
    slopes = [1, 1.5, 0.25, 3, 1, 0.5]
    scaled = deeper * np.array(slopes)[:, None, None]
    add(
        "a slope of its own for each slice",
        used(wanted=scaled, change=lambda n: {"RescaleSlope": slopes[n]}),
    )
    shifts = [0, -1000, 40000, 5, 0, -3]
    shifted = deeper + np.array(shifts)[:, None, None]
    add(
        "an intercept of its own for each slice",
        used(wanted=shifted, change=lambda n: {"RescaleIntercept": shifts[n]}),
    )
    low = VOLUME.copy()
    low[3] -= 1500
    signs: Change = lambda n: {"PixelRepresentation": 1, "pixels": low[3]} if n == 3 else {}  # noqa: E731
    add("signed and unsigned slices", used(wanted=low, change=signs))
    first: Change = lambda n: {"PixelRepresentation": 1} if n == 0 else {"pixels": high[n]}  # noqa: E731
    high = VOLUME.copy()
    high[1:] += 40000
    add("a signed slice before large unsigned ones", used(wanted=high, change=first))
    small = VOLUME.copy()
    small[0] = small[0] // 8
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "pixels": small[0]}
    add(
        "an 8-bit slice before 16-bit ones",
        used(wanted=small, change=lambda n: eight if n == 0 else {}),
    )
    add("two modalities", refused("2 different modalities", "export", odd({"Modality": "MR"})))


def _numbers() -> None:
    add = KINDS.add
    add("no number of the study", used(StudyInstanceUID=""))
    add("no patient", used(PatientID=""))
    add("no instance numbers of their own", used(SOPInstanceUID=""))
    add("one instance number for all", used(SOPInstanceUID="1.2.3.4"))
    for words, number in (("an empty", ""), ("no", None)):

        def apart(folder: Path, number: str | None = number) -> list[Outcome]:
            write_series(folder / "ct", change=lambda _: {"SeriesInstanceUID": number})
            return [
                Refused(f"ct/{(n * 5) % 7}.dcm", "SeriesInstanceUID", "export") for n in range(6)
            ]

        add(f"{words} number of the series", apart)


def _copies() -> None:
    @KINDS.kind("copies beside the originals")
    def copies(folder: Path) -> Outcome:
        write_series(folder / "ct")
        for path in sorted((folder / "ct").iterdir())[:2]:
            shutil.copy(path, path.with_name(f"copy of {path.name}"))
        return Used("ct", VOLUME, PLACE, "2 repeated files", "pydicom")

    @KINDS.kind("two versions of a slice under one number")
    def versions(folder: Path) -> Outcome:
        write_series(folder / "ct")
        write_series(folder / "other", numbers=(3,), volume=VOLUME + 5)
        (folder / "other" / "1.dcm").rename(folder / "ct" / "zz.dcm")
        return Refused("ct", "one of its slices", "keep")

    @KINDS.kind("one series in two folders")
    def halves(folder: Path) -> Outcome:
        write_series(folder / "ct" / "a", numbers=(0, 2, 4))
        write_series(folder / "ct" / "b", numbers=(1, 3, 5))
        return Used("ct", VOLUME, PLACE, reader="pydicom")

    @KINDS.kind("two series in one folder")
    def two(folder: Path) -> list[Outcome]:
        write_series(folder / "ct")
        write_series(
            folder / "ct2",
            change=lambda n: {"SeriesInstanceUID": "1.2.4", "SOPInstanceUID": f"9.{n}"},
            volume=VOLUME + 3,
        )
        for path in (folder / "ct2").iterdir():
            path.rename(folder / "ct" / f"second {path.name}")
        (folder / "ct2").rmdir()
        return [
            Used("ct", VOLUME, PLACE, reader="pydicom"),
            Used("ct", VOLUME + 3, PLACE, reader="pydicom"),
        ]


def _x_rays() -> None:
    def x_rays(folder: Path) -> list[Outcome]:
        none = dict.fromkeys(
            ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")
        )
        write_series(
            folder / "dx",
            change=lambda _: none | {"Modality": "DX", "ImagerPixelSpacing": [0.2, 0.1]},
        )
        return [
            Used(
                f"dx/{(n * 5) % 7}.dcm",
                VOLUME[n : n + 1],
                placed((0.1, 0.2, 1.0)),
                reader="pydicom",
            )
            for n in range(6)
        ]

    KINDS.add("X-rays, each a case", x_rays)

    def no_size(folder: Path) -> list[Outcome]:
        none = dict.fromkeys(
            ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness")
        )
        write_series(folder / "dx", change=lambda _: none | {"Modality": "CR"}, numbers=(0,))
        return [Used("dx/0.dcm", VOLUME[:1], placed(), "no voxel size", "pydicom")]

    KINDS.add("an X-ray without the size of its pixels", no_size)


def _later() -> None:
    def gone(folder: Path) -> None:
        (folder / "ct" / "5.dcm").unlink()

    KINDS.add(
        "a slice vanishes after listing",
        refused("1 of 6 slices are gone", "put them back"),
        later=gone,
    )

    def cut(folder: Path) -> None:
        path = folder / "ct" / "5.dcm"
        path.write_bytes(path.read_bytes()[:-40])

    KINDS.add("a slice is cut after listing", refused("cut short", "copy"), later=cut)

    def swapped(folder: Path) -> None:
        one, other = folder / "ct" / "5.dcm", folder / "ct" / "3.dcm"
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)

    KINDS.add("two slices change places after listing", refused("changed", "scan"), later=swapped)


_places()
_mixtures()
_numbers()
_copies()
_x_rays()
_later()
