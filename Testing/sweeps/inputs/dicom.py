"""DICOM files: transfer syntaxes, kinds of pixels, other objects, odd files."""

import io
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from Testing.odd_files import dicom_dataset, write_dicom
from Testing.sweeps.inputs.kinds import Affine, Kinds, Outcome, PassedOver, Refused, Used, placed

KINDS = Kinds("DICOM files")
PIXELS = np.random.default_rng(6).integers(0, 4000, (12, 10)).astype(np.uint16)
BYTES = (PIXELS >> 4).astype(np.uint8)
SMOOTH = np.add.outer(np.arange(12), np.arange(10) * 3).astype(np.uint8)
PLACE = placed((0.75, 0.5, 2.5), (-10, -20, 30))
A = "a.dcm"
EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
JPEG, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
J2K_LOSSLESS, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


def used(
    pixels: NDArray[Any] = PIXELS,
    wanted: NDArray[Any] | None = None,
    *,
    affine: Affine = PLACE,
    reader: str = "pydicom",
    change: Callable[[Any], None] | None = None,
    **attributes: Any,
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        dataset = dicom_dataset(folder / A, pixels, **{"SliceThickness": 2.5} | attributes)
        if change:
            change(dataset)
        dataset.save_as(folder / A)
        seen = pixels if wanted is None else wanted
        return Used(A, seen[np.newaxis], affine, reader=reader)

    return write


def refused(
    fault: str,
    remedy: str,
    pixels: NDArray[Any] = PIXELS,
    change: Callable[[Any], None] | None = None,
    **attributes: Any,
) -> Callable[[Path], Outcome]:
    def write(folder: Path) -> Outcome:
        dataset = dicom_dataset(folder / A, pixels, **{"SliceThickness": 2.5} | attributes)
        if change:
            change(dataset)
        dataset.save_as(folder / A)
        return Refused(A, fault, remedy)

    return write


def encapsulated(frame: bytes, syntax: str) -> Callable[[Any], None]:
    """Return a function that puts one compressed frame into a data set."""

    def change(dataset: Any) -> None:
        from pydicom.encaps import encapsulate

        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax

    return change


def frame_of(pixels: NDArray[Any], compressor: str) -> bytes:
    """Return the compressed frame that SimpleITK writes ("JPEG": lossless; "JPEG2000")."""
    import pydicom
    import SimpleITK
    from pydicom.encaps import generate_frames

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.dcm"
        writer = SimpleITK.ImageFileWriter()
        writer.SetImageIO("GDCMImageIO")
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.SetFileName(str(path))
        writer.Execute(SimpleITK.GetImageFromArray(pixels[np.newaxis]))
        return next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))


def syntax(uid: str) -> Callable[[Any], None]:
    def change(dataset: Any) -> None:
        dataset.file_meta.TransferSyntaxUID = uid

    return change


def big_endian(folder: Path) -> Outcome:
    from pydicom.dataset import FileDataset

    dataset = dicom_dataset(folder / A, PIXELS, SliceThickness=2.5)
    meta = dataset.file_meta
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    dataset.PixelData = PIXELS.astype(">u2").tobytes()
    turned = FileDataset(
        str(folder / A), dict(dataset), b"\0" * 128, meta, False, is_little_endian=False
    )
    turned.save_as(folder / A, implicit_vr=False, little_endian=False)
    return Used(A, PIXELS[np.newaxis], PLACE, reader="pydicom")


def claims_to_be_compressed(folder: Path) -> Outcome:
    path = write_dicom(folder / A, PIXELS)
    uid, other = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"
    path.write_bytes(path.read_bytes().replace(uid, other, 1))
    return Refused(A, "damaged", "copy")


def _syntaxes() -> None:
    add = KINDS.add
    add("implicit VR, little-endian", used(change=syntax("1.2.840.10008.1.2")))
    add("explicit VR, little-endian", used(change=syntax("1.2.840.10008.1.2.1")))
    add("deflated", used(change=syntax("1.2.840.10008.1.2.1.99")))
    flat = np.full((256, 256), 7, np.uint16)
    add("deflated to less than its pixels", used(flat, change=syntax("1.2.840.10008.1.2.1.99")))
    add("explicit VR, big-endian", big_endian)
    add("RLE", used(change=lambda d: d.compress(RLE)))
    add("RLE, 8 bits", used(BYTES, change=lambda d: d.compress(RLE), **EIGHT))
    jpeg = io.BytesIO()
    Pillow.fromarray(SMOOTH).save(jpeg, "JPEG", quality=95)
    seen = np.asarray(Pillow.open(io.BytesIO(jpeg.getvalue())))
    add("JPEG", used(SMOOTH, seen, change=encapsulated(jpeg.getvalue(), JPEG), **EIGHT))
    lossless = frame_of(PIXELS, "JPEG")
    add("JPEG, lossless", used(reader="", change=encapsulated(lossless, JPEG_LOSSLESS)))
    wavelets = frame_of(PIXELS, "JPEG2000")
    add("JPEG 2000, lossless", used(change=encapsulated(wavelets, J2K_LOSSLESS)))
    for words, frame in (
        ("cut", wavelets[: len(wavelets) // 2]),
        ("of two bytes", b"\0\0"),
        ("of zeros", bytes(200)),
    ):
        add(f"JPEG 2000, {words}", refused("", "copy", change=encapsulated(frame, J2K_LOSSLESS)))
        add(
            f"JPEG, {words}",
            refused(
                "",
                "copy",
                SMOOTH,
                encapsulated(jpeg.getvalue()[:200] if words == "cut" else frame, JPEG),
                **EIGHT,
            ),
        )
    for count in (0, 1, 3, 2**31):
        odd = struct.pack("<16I", count, 64, 100, *[0] * 13) + bytes(200)
        add(f"RLE of {count} segments", refused("damaged", "copy", change=encapsulated(odd, RLE)))
    cut_rle = struct.pack("<16I", 2, 64, 100, *[0] * 13) + bytes(20)
    add("RLE, cut", refused("", "copy", change=encapsulated(cut_rle, RLE)))
    for words, uid in (
        ("JPEG-LS of rubbish", "1.2.840.10008.1.2.4.80"),
        ("high-throughput JPEG 2000", "1.2.840.10008.1.2.4.201"),
        ("MPEG-2", "1.2.840.10008.1.2.4.100"),
        ("H.264", "1.2.840.10008.1.2.4.102"),
        ("a syntax of somebody's own", "1.2.3.4.5.6"),
    ):
        add(words, refused("", "copy", change=encapsulated(b"rubbish " * 20, uid)))
    add("told to be compressed, but plain", claims_to_be_compressed)


def _pixels() -> None:
    add = KINDS.add
    signed = PIXELS.astype("i2") - np.int16(2000)
    add("8 bits", used(BYTES, **EIGHT))
    add("16 bits, signed", used(signed, PixelRepresentation=1))
    add("12 of 16 bits", used(BitsStored=12, HighBit=11))
    twelve = {"BitsStored": 12, "HighBit": 11}
    add("12 of 16 bits, signed", used(signed, PixelRepresentation=1, **twelve))
    overlaid = PIXELS | np.uint16(0x3000)
    add("12 of 16 bits, an overlay above", used(overlaid, PIXELS, reader="", **twelve))
    wide = PIXELS.astype("u4") * 1000
    add("32 bits", used(wide, BitsAllocated=32, BitsStored=32, HighBit=31))
    add(
        "1 bit",
        refused(
            "1 bit",
            "save",
            np.zeros((12, 10), np.uint8),
            BitsAllocated=8,
            change=lambda d: (
                setattr(d, "BitsAllocated", 1),
                setattr(d, "BitsStored", 1),
                setattr(d, "HighBit", 0),
            ),
        ),
    )  # type: ignore[arg-type, func-returns-value]
    for slope, intercept in ((1, -1024), (0.5, 10), (2, 0), (-1, 0), (1e-4, 0)):
        real = PIXELS.astype("f8") * slope + intercept
        words = f"slope {slope:g}, intercept {intercept:g}"
        add(words, used(PIXELS, real, RescaleSlope=slope, RescaleIntercept=intercept))
    add("slope of zero", refused("slope", "export", RescaleSlope=0))
    add("no slope", used(RescaleSlope=None, RescaleIntercept=None))
    add("a window, which is not applied", used(WindowCenter=100, WindowWidth=20))
    turned = {"PhotometricInterpretation": "MONOCHROME1"}
    add("MONOCHROME1", used(PIXELS, 65535 - PIXELS, reader="", **turned))
    add("MONOCHROME1, 12 bits", used(PIXELS, 4095 - PIXELS, reader="", **turned, **twelve))
    rgb = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    add("RGB", refused("colour", "convert", np.dstack([BYTES] * 3), **rgb, **EIGHT))
    ybr = rgb | {"PhotometricInterpretation": "YBR_FULL"}
    add("YBR", refused("colour", "convert", np.dstack([BYTES] * 3), **ybr, **EIGHT))
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    add("palette", refused("palette", "convert", BYTES, **palette, **EIGHT))

    def floats(dataset: Any) -> None:
        del dataset.PixelData
        dataset.FloatPixelData = np.ones((12, 10), "f4").tobytes()

    add("float pixels", refused("no pixels", "leave", change=floats))
    add("no pixels", refused("no pixels", "leave", change=lambda d: d.__delattr__("PixelData")))

    def curved(dataset: Any) -> None:
        from pydicom.dataset import Dataset

        item = Dataset()
        item.LUTDescriptor = [4096, 0, 16]
        item.ModalityLUTType = "US"
        item.LUTData = (np.arange(4096, dtype="<u2")[::-1] * 3).tobytes()
        item["LUTData"].VR = "OW"
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.ModalityLUTSequence = [item]

    add("values by a table (modality LUT)", refused("table", "export", change=curved))


def _objects() -> None:
    for modality in ("SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "PR", "KO", "REG"):
        KINDS.add(f"of the kind {modality}", refused("only images are used", "", Modality=modality))
    frames = np.tile(PIXELS, (4, 1))
    KINDS.add(
        "multi-frame",
        refused(
            "4 frames",
            "convert",
            frames,
            change=lambda d: (setattr(d, "Rows", 12), setattr(d, "NumberOfFrames", 4)),
        ),
    )  # type: ignore[arg-type, func-returns-value]
    enhanced = "1.2.840.10008.5.1.4.1.1.2.1"
    KINDS.add(
        "enhanced multi-frame",
        refused(
            "4 frames",
            "convert",
            frames,
            SOPClassUID=enhanced,
            ImagePositionPatient=None,
            ImageOrientationPatient=None,
            PixelSpacing=None,
            change=lambda d: (setattr(d, "Rows", 12), setattr(d, "NumberOfFrames", 4)),
        ),
    )  # type: ignore[arg-type, func-returns-value]
    pdf = "1.2.840.10008.5.1.4.1.1.104.1"
    KINDS.add(
        "a PDF in DICOM",
        refused("no image", "", SOPClassUID=pdf, Modality="OT", Rows=None, Columns=None),
    )
    KINDS.add("a wave form", refused("no image", "", Modality="ECG", Rows=None, Columns=None))
    KINDS.add(
        "a scout", refused("scout", "leave it out", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    )

    @KINDS.kind("DICOMDIR")
    def directory(folder: Path) -> Outcome:
        from pydicom.dataset import Dataset

        dataset = dicom_dataset(
            folder / "DICOMDIR", PIXELS, SOPClassUID="1.2.840.10008.1.3.10", Rows=None, Columns=None
        )
        del dataset.PixelData
        dataset.DirectoryRecordSequence = [Dataset()]
        dataset.save_as(folder / "DICOMDIR")
        return PassedOver("DICOMDIR")


def _odd_files() -> None:
    @KINDS.kind("without a preamble")
    def bare(folder: Path) -> Outcome:
        from pydicom import dcmwrite

        dataset = dicom_dataset(folder / A, PIXELS, SliceThickness=2.5)
        dataset.preamble = None
        dcmwrite(folder / A, dataset, enforce_file_format=False)
        return Used(A, PIXELS[np.newaxis], PLACE)

    @KINDS.kind("without a preamble and without the end of its name")
    def nameless(folder: Path) -> Outcome:
        bare(folder)
        (folder / A).rename(folder / "IM0001")
        return PassedOver("IM0001")

    @KINDS.kind("without the end of its name")
    def unnamed(folder: Path) -> Outcome:
        write_dicom(folder / "IM0001", PIXELS, SliceThickness=2.5)
        return Used("IM0001", PIXELS[np.newaxis], PLACE, reader="pydicom")

    @KINDS.kind("with the end of another format's name")
    def misnamed(folder: Path) -> Outcome:
        write_dicom(folder / "1.2.3.840", PIXELS, SliceThickness=2.5)
        return Used("1.2.3.840", PIXELS[np.newaxis], PLACE, reader="pydicom")

    KINDS.add(
        "with rubbish behind its pixels",
        used(change=lambda d: setattr(d, "PixelData", d.PixelData + bytes(50))),
    )
    for charset, name in (
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "山田^太郎"),
        ("\\ISO 2022 IR 87", "山田^太郎"),
        ("NO SUCH SET", "Doe^Jane"),
    ):
        KINDS.add(
            f"names in {charset.strip(chr(92))}",
            used(SpecificCharacterSet=charset.split("\\"), PatientName=name),
        )

    def deep(dataset: Any) -> None:
        from pydicom.dataset import Dataset

        inner = Dataset()
        for _ in range(100):
            outer = Dataset()
            outer.ReferencedStudySequence = [inner]
            inner = outer
        dataset.ReferencedStudySequence = [inner]

    KINDS.add("sequences a hundred deep", used(change=deep))


_syntaxes()
_pixels()
_objects()
_odd_files()
