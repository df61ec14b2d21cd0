"""DICOM series of patients who have names, and how to look for these anywhere."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

NAMES = ("Quorrashim^Zyxwvutta", "Brandelwick^Ünthalora", "Plumbergast^Oxtavian")
PERSONAL = {
    "PatientBirthDate": "19470213",
    "PatientBirthTime": "031742",
    "PatientAddress": "17 Marchpane Lane Nettlewick",
    "PatientTelephoneNumbers": "0559-7731904",
    "PatientMotherBirthName": "Haverthorne",
    "OtherPatientIDs": "OTHER-5518",
    "PatientComments": "comment Wibblethwaite",
    "PatientInsurancePlanCodeSequence": None,
    "InstitutionName": "Saint Ottokar Infirmary",
    "InstitutionAddress": "4 Gallowglass Street",
    "InstitutionalDepartmentName": "Dept Frobisher",
    "ReferringPhysicianName": "Mumblecrust^Doctor",
    "PerformingPhysicianName": "Snodgrass^Edda",
    "OperatorsName": "Tattersall^Operator",
    "StationName": "STATION-KVB",
    "AccessionNumber": "ACC-90210777",
    "StudyID": "STUDYID-4471",
    "StudyDescription": "for Quorrashim knee",
    "SeriesDescription": "series of Brandelwick",
    "ProtocolName": "knee of Plumbergast",
    "RequestingPhysician": "Requester^Vandermole",
    "DeviceSerialNumber": "SERIAL-66190",
    "StudyDate": "20190823",
    "MedicalRecordLocator": "LOCATOR-8812",
    "EthnicGroup": "grp-Xanthic",
    "Occupation": "Lamplighterman",
}
SECRETS = (
    *(part for name in NAMES for part in name.split("^")),
    "MRN-77319",
    *(
        part
        for value in PERSONAL.values()
        if value is not None
        for part in (value, *(word for word in value.replace("^", " ").split() if len(word) > 7))
    ),
)
SHAPE = (8, 32, 32)


def write_patients(folder: Path, series: int = 6) -> Path:
    """Write MR series, two a patient, whose headers hold all that a header may; return them."""
    for number in range(series):
        patient = number // 2
        volume = np.random.default_rng(number).integers(0, 900, SHAPE).astype("<u2")
        volume[:, 8 + number :, 12:24] += 800
        study, own = generate_uid(), generate_uid()
        for k, pixels in enumerate(volume):
            path = folder / f"exam_{number}" / f"{k:03d}.dcm"
            _write(path, pixels, NAMES[patient], f"MRN-77319{patient}", (study, own), number, k)
    return folder


def _write(
    path: Path,
    pixels: np.ndarray,
    name: str,
    patient: str,
    uids: tuple[str, str],
    number: int,
    k: int,
) -> None:
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = MRImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID = name, patient
    for tag, value in PERSONAL.items():
        if value is not None:
            setattr(data, tag, value)
    block = data.private_block(0x0011, "ACME", create=True)
    block.add_new(0x01, "LO", f"private {name}")
    data.StudyInstanceUID, data.SeriesInstanceUID = uids
    data.Modality, data.SeriesNumber = "MR", number + 1
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.PixelRepresentation, data.SamplesPerPixel = 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelSpacing, data.SliceThickness = [1.0, 1.0], 2.0
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.ImagePositionPatient = [0, 0, 2.0 * k]
    data.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def found_in(folder: Path) -> list[str]:
    """Return "file: secret" for every secret in a file of the folder, or in its name."""
    found = []
    for path in sorted(folder.rglob("*")):
        texts = [str(path.relative_to(folder)).encode()]
        if path.is_file():
            texts += inside(path.read_bytes())
        found += [f"{path}: {secret}" for secret in SECRETS if any(holds(t, secret) for t in texts)]
    return found


def holds(text: bytes, secret: str) -> bool:
    """Whether a secret is in the bytes, in whatever encoding and case."""
    low = text.lower()
    forms = {
        form.encode(code, "ignore").lower()
        for form in (secret, secret.lower())
        for code in ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "unicode_escape")
    }
    return any(form in low for form in forms)


def inside(content: bytes) -> Iterator[bytes]:
    """Yield the bytes, and what they hold if they are gzip, zip (npz, pt), or zlib in a PNG."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from inside(gzip.decompress(content))
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                yield entry.filename.encode()
                yield from inside(archive.read(entry))
    elif content.startswith(b"\x89PNG"):
        for mark in (b"zTXt", b"iTXt"):
            for part in content.split(mark)[1:]:
                start = part.find(b"\x78")
                if start >= 0:
                    try:
                        yield zlib.decompressobj().decompress(part[start:])
                    except zlib.error:
                        continue
