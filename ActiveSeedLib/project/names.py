"""File names that every system accepts and that no two cases share."""

import re
import unicodedata

_PLAIN = frozenset(" ._-+=@(),")
_LONGEST = 80  # bytes; leaves room for suffixes, dates and temporary prefixes within 255
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)

# At the end of a stem, it leads readers and writers of `.nii.gz` to another file.
_IMAGE_SUFFIX = re.compile(r"\.(?=(nii|nia|hdr|img)(\.gz)?$|gz$)", re.IGNORECASE)


def fold(stem: str) -> str:
    """Return what two stems share if a system that ignores case or accents' form mixes them up."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())


def file_stem(name: str, key: str, taken: set[str]) -> str:
    """Return a file name (without suffix) for the case called `name`, and add it to `taken`.

    It is `name` itself where that is a safe file name that nobody has; otherwise what is safe of
    `name`, cut to 80 bytes, with the head of the case's `key`.

    Args:
        name: any text.
        key: 32 hexadecimal digits.
        taken: the folded stems of all other cases; changed in place.
    """
    wanted = unicodedata.normalize("NFC", name)
    safe = "".join(c if c.isalnum() or c in _PLAIN else "_" for c in wanted)
    safe = safe.encode()[:_LONGEST].decode(errors="ignore").strip(" .")
    safe = _IMAGE_SUFFIX.sub("_", safe)
    if unicodedata.normalize("NFKC", safe.split(".")[0]).strip().casefold() in _RESERVED:
        safe = f"_{safe}"
    heads = [f"{safe or 'case'}_{key[:8]}", f"{safe or 'case'}_{key}"]
    for stem in [safe, *heads] if safe and safe == wanted else heads:
        if fold(stem) not in taken:
            taken.add(fold(stem))
            return stem
    raise ValueError(f"two cases have the key {key}")
