"""Files as scanners, converters and accidents leave them, written field by field."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

NIFTI_CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "i1": 256, "u2": 512, "u4": 768}
NIFTI_CODES |= {"i8": 1024, "u8": 1280}


def write_nifti(path: Path, array: np.ndarray, **fields: Any) -> Path:
    """Write a NIfTI-1 file with exactly the header fields that are asked for."""
    order = fields.get("order", "<")
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    dims = fields.get("dims", (array.ndim, *array.shape[::-1]))
    dims = (*dims, *[1] * (8 - len(dims)))
    pixdim = (fields.get("qfac", 1.0), *fields.get("spacing", (1.0, 1.0, 1.0)), 0, 0, 0, 0)
    header = bytearray(352)
    put = lambda code, at, *values: struct.pack_into(order + code, header, at, *values)  # noqa: E731
    put("i", 0, fields.get("length", 348))
    put("8h", 40, *dims)
    put("2h", 70, fields.get("datatype", NIFTI_CODES.get(kind, 0)), 8 * array.dtype.itemsize)
    put("8f", 76, *pixdim)
    put(
        "3f",
        108,
        fields.get("vox_offset", 352.0),
        fields.get("slope", 0.0),
        fields.get("inter", 0.0),
    )
    header[123] = fields.get("units", 2)
    put("2h", 252, fields.get("qform", 0), fields.get("sform", 0))
    put("6f", 256, *fields.get("quaternion", (0, 0, 0)), *fields.get("offset", (0, 0, 0)))
    put("12f", 280, *np.ravel(fields.get("rows", np.zeros((3, 4)))))
    header[344:348] = fields.get("magic", b"n+1\0")
    between = fields.get("extension", b"")
    data = bytes(header) + between + array.astype(array.dtype.newbyteorder(order)).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)
    return path


def dicom_dataset(path: Path, pixels: np.ndarray, **attributes: Any) -> Any:
    """Return one CT slice as a data set of pydicom; any attribute may be given, None leaves it out.

    Pixels of one byte stay such unless `BitsAllocated` is given.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    values = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"1.2.3.{zlib.crc32(str(path).encode())}",
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "SeriesNumber": 4,
        "Modality": "CT",
        "PatientID": "Jane Doe 1970",
        "PatientName": "Doe^Jane",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "PixelSpacing": [0.5, 0.75],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [-10.0, -20.0, 30.0],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
    }
    values |= attributes
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = values["SOPClassUID"]
    meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"] or "1.2.3"
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    for name, value in values.items():
        if value is not None:
            setattr(dataset, name, value)
    width = int(values["BitsAllocated"]) // 8
    sign = "i" if values["PixelRepresentation"] else "u"
    dataset.PixelData = pixels.astype(f"<{sign}{width}").tobytes()
    return dataset


def write_dicom(path: Path, pixels: np.ndarray, **attributes: Any) -> Path:
    """Write what `dicom_dataset` makes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dicom_dataset(path, pixels, **attributes).save_as(path)
    return path
