"""Whether the bytes that hold the voxels are all there and, where they carry a checksum, right."""

from pathlib import Path

from ActiveSeedLib.errors import UnreadableImageError
from ActiveSeedLib.pool import inflate, limits
from ActiveSeedLib.pool.textheader import Voxels

_PIECE = 1 << 20


def require_voxels(voxels: Voxels) -> None:
    """Raise UnreadableImageError unless the voxels of a NRRD or MetaImage file are whole.

    Compressed ones are inflated to their end, where their checksum lies.
    """
    require_room(voxels)
    if voxels.gzip and voxels.offset >= 0:
        require_gzip(voxels.file, voxels.offset, voxels.inflated or 0)
    elif voxels.stored is not None:
        _require_zlib(voxels)


def require_room(voxels: Voxels) -> None:
    """Raise UnreadableImageError if the file is too small for the voxels, judged by its size."""
    size = voxels.file.stat().st_size
    if voxels.stored is not None:
        require(size, max(voxels.offset, 0) + voxels.stored)
    if voxels.inflated is not None and voxels.stored != voxels.inflated:
        require(size * inflate.MOST_SHRUNK, voxels.inflated)


def require_gzip(path: Path, offset: int, expected: int) -> None:
    """Raise UnreadableImageError unless a gzip stream holds what is `expected`, in bytes.

    All its members are inflated, so that their checksums are proven.
    """
    buffer = bytearray(_PIECE)
    total = 0
    with path.open("rb") as file:
        file.seek(offset)
        try:
            with inflate.open_stream(file) as stream:
                while total < expected and (count := stream.readinto(buffer)):
                    total += count
                total += inflate.prove_rest(stream)
        except inflate.DAMAGE as error:
            raise UnreadableImageError(_damage(error)) from error
    require(total, expected)


def require(present: int, expected: int) -> None:
    """Raise UnreadableImageError if fewer bytes are `present` than `expected`."""
    if present < expected:
        raise UnreadableImageError(
            f"The file is cut short: it can hold {present:,} of {expected:,} bytes; copy it again."
        )


def _require_zlib(voxels: Voxels) -> None:
    """Inflate a compressed MetaImage to the end."""
    if voxels.stored == voxels.inflated or voxels.stored is None or voxels.offset < 0:
        return
    inflater = inflate.inflater()
    total, left = 0, voxels.stored
    with voxels.file.open("rb") as file:
        file.seek(voxels.offset)
        try:
            while left > 0 and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                while piece and not inflater.eof:
                    total += len(inflater.decompress(piece, _PIECE))
                    limits.require_beside(total - (voxels.inflated or 0))
                    piece = inflater.unconsumed_tail
        except inflate.DAMAGE as error:
            raise UnreadableImageError(_damage(error)) from error
    if not inflater.eof:
        raise UnreadableImageError(_damage("it ends too early"))
    require(total, voxels.inflated or 0)


def _damage(error: object) -> str:
    return f"The compressed stream is damaged or cut short ({error}); copy the file again."
