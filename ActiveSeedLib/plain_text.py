"""Names that others chose, shown as text and nothing else: no control codes, no formulas."""

import unicodedata
from typing import Any

_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control codes, halves of characters, line ends
# They turn the direction of what follows, so that a name reads as another one.
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def visible(text: str) -> str:
    """Return `text` on one line, with "_" for whatever would steer a terminal or a reader's eye."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(
        "_" if unicodedata.category(sign) in _CATEGORIES or sign in _TURNS else sign
        for sign in text
    )


def cell(value: Any) -> Any:
    """Return `value` for a CSV file: text that a spreadsheet would take for a formula is marked.

    The mark is the apostrophe that spreadsheets know for text. Numbers stay as they are, also those
    that are written as text.
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
