"""The keys of the page: what they do, in words and by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One shortcut.

    Attributes:
        press: as the page reports it: modifiers in the order Ctrl, Shift, then the key's name.
        shown: as people read it.
        words: what it does.
        action: the name of what is done; see `web.keys`.
        value: handed to the action, if it takes one.
        while_typing: whether it works while somebody types into a field as well.
    """

    press: str
    shown: str
    words: str
    action: str
    value: str = ""
    while_typing: bool = False


# Where Slicer's panel or its Segment Editor has a key for it, the page has the same one.
KEYS = (
    Key("Ctrl+Enter", "Ctrl+Return", "Open the next case", "next", while_typing=True),
    Key("Ctrl+s", "Ctrl+S", "Save the label map", "save", while_typing=True),
    Key(
        "Ctrl+Shift+s",
        "Ctrl+Shift+S",
        "Save, and open the next case",
        "save_and_next",
        while_typing=True,
    ),
    Key("u", "U", "Show or hide the uncertainty", "uncertainty"),
    Key("n", "N", "Show the next slice to label", "next_slice"),
    Key("Ctrl+z", "Ctrl+Z", "Undo", "undo"),
    Key("Ctrl+y", "Ctrl+Y", "Redo", "redo"),
    Key("Ctrl+Shift+z", "Ctrl+Shift+Z", "Redo", "redo"),
    Key("q", "Q", "Choose the segment above", "segment", "-1"),
    Key("w", "W", "Choose the segment below", "segment", "+1"),
    Key("1", "1", "Paint", "tool", "paint"),
    Key("2", "2", "Draw", "tool", "draw"),
    Key("3", "3", "Erase", "tool", "erase"),
    Key("4", "4", "Threshold", "tool", "threshold"),
    Key("5", "5", "Scissors", "tool", "scissors"),
    Key("6", "6", "Islands", "tool", "islands"),
    Key("Escape", "Esc", "Put the tool away", "tool", "none"),
    Key("?", "?", "Show these keys", "help"),
)
"""Every press is there once."""
