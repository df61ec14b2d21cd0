"""How large an image may be: what a header claims is believed within these limits only.

A header of a few bytes can claim any size, and a few megabytes can inflate to gigabytes. So sizes
are compared with the limits before memory is taken, and a stream is read no further than its header
lets expect.
"""

import os
from contextlib import suppress

from ActiveSeedLib.errors import UnreadableImageError

MOST_BYTES = 8 * 2**30
"""Bytes of voxels of one image, inflated: 1,024³ voxels of eight bytes."""
MOST_PIXELS = 89_478_485
"""Pixels of one picture or DICOM slice: what Pillow takes without a warning, 9,459²."""
MOST_BESIDE = 1 << 26
"""Bytes that a compressed file may hold beside its voxels: 64 MiB."""
TOO_MANY_PIXELS = (
    f"Its header says more than {MOST_PIXELS:,} pixels, which is the most that is read: if that is "
    "its true size, cut it into smaller pictures."
)


def most_bytes() -> int:
    """Return how many bytes of voxels one image may have here: half of the memory at most."""
    with suppress(AttributeError, OSError, ValueError):  # Windows does not tell
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min(MOST_BYTES, memory // 2)
    return MOST_BYTES


def require_bytes(count: int) -> None:
    """Raise UnreadableImageError if an image of `count` bytes of voxels is beyond the limit."""
    most = most_bytes()
    if count > most:
        raise UnreadableImageError(
            f"Its header says {count:,} bytes of voxels, and at most {most:,} are read on this "
            "machine: if that is its true size, crop or resample it."
        )


def require_pixels(columns: int, rows: int) -> None:
    """Raise UnreadableImageError if a picture or slice has more pixels than the limit."""
    if columns * rows > MOST_PIXELS:
        raise UnreadableImageError(TOO_MANY_PIXELS)


def require_beside(count: int) -> None:
    """Raise UnreadableImageError if a stream holds `count` bytes beside its voxels, too many."""
    if count > MOST_BESIDE:
        raise UnreadableImageError(
            "The compressed stream holds far more than its header says, which no image needs; "
            "leave the file out, or copy it again."
        )
