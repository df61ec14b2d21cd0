"""The label schema: which value of a label map means what. A value keeps its meaning for good."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ActiveSeedLib.errors import InputError

LARGEST_VALUE = 65535
# The colours of Okabe and Ito (2008) that people with colour blindness can tell apart.
_PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def default_color(value: int) -> str:
    """Return the colour, as #rrggbb, of a segment for which none was chosen."""
    return _PALETTE[(value - 1) % len(_PALETTE)]


@dataclass(frozen=True)
class Segment:
    """One structure: its value in label maps (1 to 65535), its name, its colour (#rrggbb)."""

    value: int
    name: str
    color: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, int) or not 1 <= self.value <= LARGEST_VALUE:
            raise InputError(
                f"The segment {self.name!r} has the value {self.value!r}; "
                f"values are whole numbers from 1 to {LARGEST_VALUE} (0 is the background)."
            )
        if not self.name or self.name != self.name.strip() or not self.name.isprintable():
            raise InputError(
                f"The segment with value {self.value} has the name {self.name!r}; a name needs "
                "visible characters and no spaces around them."
            )
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.color):
            raise InputError(
                f"The segment {self.name!r} has the colour {self.color!r}; "
                "write it as #rrggbb, such as #e69f00."
            )


@dataclass(frozen=True)
class LabelSchema:
    """The segments of a project; values and names are unique, 0 is the background."""

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        if not self.segments:
            raise InputError("A label schema needs at least one segment, such as 1=lung.")
        for what, seen in (
            ("value", [str(s.value) for s in self.segments]),
            ("name", [s.name.casefold() for s in self.segments]),
        ):
            twice = sorted({one for one in seen if seen.count(one) > 1})
            if twice:
                raise InputError(f"The label schema has the {what} {twice[0]} twice.")

    @property
    def values(self) -> frozenset[int]:
        """The values that a label map may hold besides 0."""
        return frozenset(segment.value for segment in self.segments)

    @classmethod
    def parse(cls, text: str) -> "LabelSchema":
        """Read `1=anterior,2=posterior`; a colour may follow a name: `1=lung#56b4e9`.

        What `to_json` wrote is read as well: names may hold commas there.
        """
        if text.lstrip().startswith("{"):
            return cls.from_json(text)
        segments = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            found = re.fullmatch(r"(\d{1,9})\s*=\s*(.+?)\s*(#[0-9a-fA-F]{6})?", part)
            if found is None:
                raise InputError(
                    f"{part!r} does not name a segment; write value=name, such as "
                    "1=anterior,2=posterior."
                )
            value = int(found[1])
            segments.append(Segment(value, found[2], found[3] or default_color(value)))
        return cls(tuple(segments))

    def to_json(self) -> str:
        """Return the schema as JSON text that `from_json` reads."""
        return json.dumps({"segments": [asdict(s) for s in self.segments]}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "LabelSchema":
        """Read what `to_json` wrote, or raise `InputError`."""
        try:
            entries: list[Mapping[str, Any]] = json.loads(text)["segments"]
            return cls(tuple(Segment(e["value"], e["name"], e["color"]) for e in entries))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"This is not a label schema in JSON: {error}.") from error


def check_change(
    known: Collection[tuple[Segment, bool]], uses: Mapping[int, int], new: LabelSchema
) -> None:
    """Raise `InputError` if `new` would change what a value means.

    Args:
        known: every segment that the project ever had, under its last name, and whether it was
            removed.
        uses: value → how many label maps hold it; 0 is ignored.
        new: the schema that should come; names and colours of present values may differ.
    """
    values = {segment.name.casefold(): segment.value for segment, _ in known}
    removed = {segment.value: segment.name for segment, gone in known if gone}
    for segment in new.segments:
        before = values.get(segment.name.casefold(), segment.value)
        if before != segment.value:
            raise InputError(
                f"The segment {segment.name!r} has the value {before} in this project and "
                f"cannot become {segment.value}: saved label maps would change their meaning. "
                "Keep its value, or give the new segment another name."
            )
        if removed.get(segment.value, segment.name).casefold() != segment.name.casefold():
            raise InputError(
                f"The value {segment.value} belonged to the removed segment "
                f"{removed[segment.value]!r} and is never reused; "
                f"give {segment.name!r} a new value."
            )
    for value, count in uses.items():
        if value and count and value not in new.values:
            raise InputError(
                f"The value {value} cannot be removed: {count} label maps of the project hold it."
            )
