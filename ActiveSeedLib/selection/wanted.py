"""Which measures of the pool a strategy reads, as its tags and its parameters tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ActiveSeedLib.selection.strategy import strategies

AROUND = "foreground_"
BEFORE = "previous_"
BY_PREDICTION = (
    "entropy",
    "foreground_entropy",
    "least_confidence",
    "foreground_least_confidence",
    "margin",
    "foreground_margin",
    "foreground",
    "class_scores",
)
"""What every prediction tells of itself, at no further cost."""
BY_PASSES: Mapping[str, str] = {
    "bald": "bald",
    "foreground_bald": "bald",
    "tta": "tta",
    "ensemble": "ensemble",
    "foreground_ensemble": "ensemble",
    "gradients": "gradients",
}
"""What takes further passes through the model, and which ones (`segmentation.assess`)."""
_ALWAYS_THERE = {"features", "coords", "nothing"}
# Parameters that name the measure that a strategy goes by.
_NAMING = ("measure", "uncertainty")


@dataclass(frozen=True)
class Wanted:
    """The measures that a strategy reads.

    Attributes:
        needs: those it cannot do without.
        uses: those it reads where they are known.
    """

    needs: frozenset[str]
    uses: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Both."""
        return self.needs | self.uses

    @property
    def needs_model(self) -> bool:
        """Whether it cannot do without a trained model."""
        return any(is_of_model(name) for name in self.needs)


def is_of_model(name: str) -> bool:
    """Return whether only a trained model can tell the measure called `name`."""
    return name in BY_PREDICTION or name in BY_PASSES


def wanted(strategy: str, parameters: Mapping[str, Any] | None = None) -> Wanted:
    """Return the measures that `strategy` reads with these `parameters`.

    The tags "needs" and "uses" hold for the default parameters. Another `measure` or `uncertainty`
    takes the default one's place; `over="foreground"` asks for measures around the predicted
    foreground; a strategy that passes on to another `strategy` reads what that one reads, too.

    Raises:
        InputError: unknown strategy or parameter.
    """
    entry = strategies.get(strategy)
    values = entry.parse(parameters or {})
    needs, uses = (_named(entry.tags.get(tag, "")) for tag in ("needs", "uses"))
    defaults = {one.name: one.default for one in fields(entry.parameters)}
    for name in _NAMING:
        if name in defaults:
            chosen, default = getattr(values, name), defaults[name]
            swap = {default: chosen, BEFORE + str(default): BEFORE + chosen}
            needs, uses = ({swap.get(one, one) for one in names} for names in (needs, uses))
    if getattr(values, "over", None) == "foreground":
        needs = set(map(_around, needs))
    if "strategy" in defaults:
        inner = wanted(values.strategy)
        needs, uses = needs | inner.needs, uses | inner.uses
    return Wanted(frozenset(needs), frozenset(uses - needs))


def passes(names: Iterable[str]) -> list[str]:
    """Return which further passes through a model the measures called `names` take, sorted."""
    return sorted({BY_PASSES[name] for name in names if name in BY_PASSES})


def _named(tag: str) -> set[str]:
    return {name.strip() for name in tag.split(",") if name.strip()} - _ALWAYS_THERE


def _around(name: str) -> str:
    around = AROUND + name
    return around if around in BY_PREDICTION or around in BY_PASSES else name
