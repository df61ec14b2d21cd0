"""Methods that are chosen by name: strategies, encoders, networks.

An entry carries what the front ends show (title, summary, citation) and a dataclass of its
parameters, so that adding a method touches one file and no front end.
"""

import dataclasses
import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ActiveSeedLib.errors import InputError

T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True)
class NoParameters:
    """For an entry that has nothing to choose."""


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered method.

    Attributes:
        name: what the user types.
        make: the registered function or class.
        summary: one sentence for a tooltip.
        citation: the paper or authority behind it.
        parameters: a frozen dataclass; each field may carry `metadata={"help": ...}`, and a number
            "minimum" and "maximum".
        tags: further facts, such as {"stage": "cold start", "needs": "features"}.
    """

    name: str
    make: T
    summary: str
    citation: str
    parameters: type[Any] = NoParameters
    tags: Mapping[str, str] = field(default_factory=dict)

    def parse(self, values: Mapping[str, Any]) -> Any:
        """Return the parameters with `values` in place of defaults, or say which one is wrong."""
        return parse_parameters(self.name, self.parameters, values)


def parse_parameters(owner: str, kind: type[P], values: Mapping[str, Any]) -> P:
    """Return the dataclass `kind` filled with `values`, or say which parameter of `owner` is wrong.

    Unknown names, missing ones and values of another type raise `InputError`.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for name, value in values.items():
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise InputError(f"{owner} has no parameter {name!r}; it has: {known}.")
        if not _fits(value, hints[name]):
            raise InputError(
                f"The parameter {name} of {owner} is {value!r}; it must be {in_words(hints[name])}."
            )
    for name, entry in fields.items():
        if name not in values and entry.default is entry.default_factory is dataclasses.MISSING:
            raise InputError(f"{owner} needs the parameter {name}.")
    return kind(**values)


def check_seed(seed: int) -> None:
    """Raise `InputError` unless every generator takes `seed`."""
    if not 0 <= seed < 2**32:
        raise InputError(f"The seed must be between 0 and 4294967295, not {seed}.")


def read_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values of name=value texts; a value is JSON if it reads as such, else text."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"Write a parameter as name=value, not as {text!r}.")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    dict: "a table of names and values",
    type(None): "null",
}
_MANY: dict[Any, str] = {int: "whole numbers", float: "numbers", str: "texts"}


def in_words(hint: Any) -> str:
    """Return what a parameter of the type `hint` takes, as the end of "it must be …"."""
    options, kind = get_args(hint), get_origin(hint) or hint
    if isinstance(hint, UnionType) or kind is Union:
        return " or ".join(map(in_words, options))
    if kind is Literal:
        return f"one of: {', '.join(map(str, options))}"
    if kind in (tuple, list):
        count = f"{len(options)} " if kind is tuple and options[-1] is not Ellipsis else ""
        return f"a list of {count}{_MANY.get(options[0], 'values')}, in brackets"
    return _WORDS.get(kind, str(hint))


def _fits(value: Any, hint: Any) -> bool:
    """Return whether `value` may stand where `hint`, a plain or generic type, is asked."""
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        return any(_fits(value, option) for option in get_args(hint))
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(value, bool):
        return hint is bool
    kind = get_origin(hint) or hint
    if kind in (tuple, list):  # JSON knows only lists
        each = (get_args(hint) or (Any,))[0]
        return isinstance(value, (tuple, list)) and all(_fits(one, each) for one in value)
    return isinstance(value, (int, float) if kind is float else kind)


class Registry(Generic[T]):
    """Entries by name.

    Args:
        what: the word for one of them in messages.
        first: the name of the one that is listed first, as what most people want.
    """

    def __init__(self, what: str, first: str | None = None) -> None:
        self.what = what
        self._first = first
        self._entries: dict[str, Entry[T]] = {}

    def register(
        self,
        name: str,
        *,
        summary: str,
        citation: str,
        parameters: type[Any] = NoParameters,
        **tags: str,
    ) -> Callable[[T], T]:
        """Return a decorator that files the decorated function or class under `name`."""

        def decorate(make: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.what} {name!r} is registered twice")
            self._entries[name] = Entry(name, make, summary, citation, parameters, tags)
            return make

        return decorate

    def get(self, name: str) -> Entry[T]:
        """Return the entry called `name`, or raise `InputError` naming the nearest ones."""
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise InputError(
                f"There is no {self.what} called {name!r}{hint} "
                f"Choose one of: {', '.join(self._entries)}."
            )
        return self._entries[name]

    def entries(self) -> list[Entry[T]]:
        """Return all entries in the order of registration, but for the first."""
        return sorted(self._entries.values(), key=lambda entry: entry.name != self._first)
