"""Tooltips of what others have named."""

from html import escape


def plain_tip(text: str) -> str:
    """Return `text` so that a tooltip shows it as it is.

    Qt takes what looks like HTML for HTML, and would fetch the pictures that it names.
    """
    if "<" not in text:
        return text
    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'
