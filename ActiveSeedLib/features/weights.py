"""Pretrained weights: which are known, where they lie, and fetching one on explicit command.

Nothing here uses the network but `download`, which only a user's explicit command calls.
"""

import hashlib
import os
import sys
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from ActiveSeedLib.errors import InputError, MissingDependencyError
from ActiveSeedLib.files import make_folder, replacing, sha256, write_bytes
from ActiveSeedLib.progress import Progress

_CHUNK = 1 << 20


@dataclass(frozen=True)
class KnownWeights:
    """One published file of weights.

    Attributes:
        name: what the user types.
        encoder: the encoder that reads it.
        file: the file name that is looked for.
        preprocessing: what the network was trained to see; a name in `network.PREPROCESSING`.
        licence: as its publisher states it.
        source: who made it, for the provenance.
        url: the public host, or None if there is none that serves it as one file.
        sha256: the published checksum, or its published first digits, or None.
    """

    name: str
    encoder: str
    file: str
    preprocessing: str
    licence: str
    source: str
    url: str | None = None
    sha256: str | None = None


KNOWN: tuple[KnownWeights, ...] = (
    KnownWeights(
        name="mobilenet-v2-tf",
        encoder="mobilenet",
        file="mobilenet_v2_imagenet_dequant.npz",
        preprocessing="minus-one-to-one",
        licence="Apache-2.0",
        source="google-coral/test_data, tf2_mobilenet_v2_1.0_224_ptq.tflite, dequantised",
        sha256="ee3653998a26ff45cc46993a907e1676ff84f4fd0062c9aa82a627a1640014c5",
    ),
    KnownWeights(
        name="mobilenet-v2-torchvision",
        encoder="mobilenet",
        file="mobilenet_v2-b0353104.pth",
        preprocessing="imagenet",
        licence="BSD-3-Clause (torchvision)",
        source="torchvision MobileNet_V2_Weights.IMAGENET1K_V1",
        url="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        sha256="b0353104",
    ),
    KnownWeights(
        name="radimagenet-resnet50-keras",
        encoder="radimagenet",
        file="RadImageNet-ResNet50_notop.pth",
        preprocessing="bgr-minus-mean",
        licence="not stated with the file; RadImageNet asks for citation (doi:10.1148/ryai.210315)",
        source="RadImageNet's Keras ResNet-50 converted to PyTorch, as hosted by MONAI",
        url="https://huggingface.co/MONAI/checkpoints/resolve/main/RadImageNet-ResNet50_notop.pth",
        sha256="2457479b254569e5a81ba48fee6c5b2b84b7a729e507aaa2466101aedb8e5c37",
    ),
    KnownWeights(
        name="radimagenet-resnet50-torch",
        encoder="radimagenet",
        file="ResNet50.pt",
        preprocessing="minus-one-to-one",
        licence="MIT, as stated by the host; cite doi:10.1148/ryai.210315",
        source="RadImageNet's own PyTorch ResNet-50, as hosted by Lab-Rasool; input as in "
        "RadImageNet's PyTorch example",
        url="https://huggingface.co/Lab-Rasool/RadImageNet/resolve/"
        "736ec1ae8ccb2e0b647b47235e8d5b7509a346a5/ResNet50.pt",
        sha256="08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734",
    ),
    KnownWeights(
        name="radimagenet-resnet50-torch-imagenet-input",
        encoder="radimagenet",
        file="ResNet50.pt",
        preprocessing="imagenet",
        licence="MIT, as stated by the host; cite doi:10.1148/ryai.210315",
        source="RadImageNet's own PyTorch ResNet-50, as hosted by Lab-Rasool; input as in the "
        "host's model card",
        url="https://huggingface.co/Lab-Rasool/RadImageNet/resolve/"
        "736ec1ae8ccb2e0b647b47235e8d5b7509a346a5/ResNet50.pt",
        sha256="08629f7e7bd3e29b8ee9522ca3f65ce4d010a7ddf74f0ea3c7e3f3d0bbab0734",
    ),
    KnownWeights(
        name="sam-vit-b",
        encoder="sam",
        file="sam_vit_b_01ec64.pth",
        preprocessing="imagenet",
        licence="Apache-2.0",
        source="facebookresearch/segment-anything, ViT-B",
        url="https://dl.fbaipublicfiles.com/segment_anything/sam_vit_b_01ec64.pth",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
)


def known(name: str) -> KnownWeights:
    """Return the weights called `name`, or raise `InputError` naming those there are."""
    for entry in KNOWN:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in KNOWN)
    raise InputError(f"There are no weights called {name!r}; choose one of: {names}.")


def choices(encoder: str, entry: str) -> list[KnownWeights]:
    """Return the weights of `encoder`: the one called `entry`, or all of them for "auto"."""
    if entry == "auto":
        return [candidate for candidate in KNOWN if candidate.encoder == encoder]
    chosen = known(entry)
    if chosen.encoder != encoder:
        raise InputError(
            f"The weights {entry!r} belong to the encoder {chosen.encoder}, not {encoder}."
        )
    return [chosen]


def provenance(entry: KnownWeights, path: Path, checksum: str) -> dict[str, str]:
    """Return what to record about the weights with the features."""
    return {
        "weights": entry.name,
        "file": path.name,
        "sha256": checksum,
        "source": entry.source,
        "licence": entry.licence,
    }


def weights_folder() -> Path:
    """Return where weights are kept: ACTIVESEED_WEIGHTS, or the user's cache folder."""
    chosen = os.environ.get("ACTIVESEED_WEIGHTS")
    if chosen:
        return Path(chosen)
    home = Path.home()
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = home / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return cache / "activeseed" / "weights"


def located(entries: list[KnownWeights]) -> tuple[KnownWeights, Path] | None:
    """Return the first of `entries` whose file is there, and the file, not verified; or None."""
    folders = [weights_folder()]
    if os.environ.get("ACTIVESEED_DATA"):
        folders.append(Path(os.environ["ACTIVESEED_DATA"]) / "weights")
    for entry in entries:
        for folder in folders:
            if (folder / entry.file).is_file():
                return entry, folder / entry.file
    return None


def find(entries: list[KnownWeights]) -> tuple[KnownWeights, Path]:
    """Return the first of `entries` whose file is there, verified, and the file.

    Raises:
        MissingDependencyError: none is there; the sentence says what to do.
        InputError: a file is there but is not the published one.
    """
    there = located(entries)
    if there is not None:
        verify(*there)
        return there
    files = " or ".join(dict.fromkeys(entry.file for entry in entries))
    fetchable = [entry.name for entry in entries if entry.url]
    or_download = f", or run: activeseed download {fetchable[0]}" if fetchable else ""
    raise MissingDependencyError(
        f"The weights of the encoder {entries[0].encoder} were not found: put {files} into "
        f"{weights_folder()}{or_download}; or name the file with the parameter "
        "'weights'."
    )


def verify(entry: KnownWeights, path: Path) -> str:
    """Return the SHA-256 of `path`; `InputError` if it is not the published or first-seen one.

    Where the publisher gives no whole checksum, that of the first use is kept beside the file
    (`<file>.sha256`) and every later use must agree with it.
    """
    found = sha256(path)
    if entry.sha256 and not found.startswith(entry.sha256):
        raise InputError(
            f"{path} is not the published {entry.name} (SHA-256 {found[:16]}…, expected "
            f"{entry.sha256[:16]}…): delete it and fetch it again, or name it with the parameter "
            "'weights' if it is your own."
        )
    if entry.sha256 and len(entry.sha256) == len(found):
        return found
    sidecar = path.with_name(path.name + ".sha256")
    if sidecar.is_file():
        first = sidecar.read_text(encoding="utf-8").split()[0]
        if first != found:
            raise InputError(
                f"{path} has changed since it was first used (SHA-256 {first[:16]}…, now "
                f"{found[:16]}…): restore it, or delete {sidecar.name} if you replaced it yourself."
            )
    else:
        # A folder that cannot be written to (shared weights) only loses the later comparison.
        with suppress(OSError):
            write_bytes(sidecar, f"{found}  {path.name}\n".encode())
    return found


def download(
    weights: str | KnownWeights, *, progress: Progress | None = None, folder: Path | None = None
) -> Path:
    """Fetch `weights` into `folder` (default `weights_folder()`) and return the file.

    The file appears only when whole and, where a checksum is published, equal to it. The progress
    notes the SHA-256.

    Raises:
        InputError: no public host, no connection, or not the published file.
        CancelledError: through `progress`; nothing is left behind.
    """
    progress = progress or Progress()
    entry = known(weights) if isinstance(weights, str) else weights
    target = (folder or weights_folder()) / entry.file
    if entry.url is None:
        raise InputError(
            f"No public host is known for {entry.name}; put {entry.file} into {target.parent}."
        )
    if not target.is_file():
        _refuse_unsafe(entry.url)
        make_folder(target.parent)
        with replacing(target) as temporary:
            digest = _fetch(entry, temporary, progress)
            if entry.sha256 and not digest.startswith(entry.sha256):
                raise InputError(
                    f"What {urlsplit(entry.url).netloc} sent is not the published {entry.name} "
                    f"(SHA-256 {digest}, expected {entry.sha256}); nothing was kept."
                )
    progress.note(f"{target} has the SHA-256 {verify(entry, target)}.")
    return target


def _fetch(entry: KnownWeights, target: Path, progress: Progress) -> str:
    """Copy the bytes of the entry's url to `target`; return their SHA-256."""
    assert entry.url is not None
    step = f"Downloading {entry.file} from {urlsplit(entry.url).netloc}"
    progress.update(0.0, step)
    digest = hashlib.sha256()
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        with opener.open(entry.url, timeout=30) as response, target.open("wb") as file:
            total = int(response.headers.get("Content-Length") or 0)
            done = 0
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                progress.update(done / total if total else 0.0, step)
    except (OSError, HTTPException) as error:
        raise InputError(
            f"{entry.file} could not be downloaded from {entry.url} ({error}): check the "
            f"connection, or fetch it elsewhere and put it into {weights_folder()}."
        ) from error
    if total and done != total:
        raise InputError(
            f"The download of {entry.file} ended after {done} of {total} bytes; try again."
        )
    return digest.hexdigest()


def _refuse_unsafe(url: str) -> None:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    if parts.scheme != "https" and not local:
        raise InputError(f"{url} is not a secure address; weights are fetched over https only.")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where a download may start."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _refuse_unsafe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
