"""Where a selection came from, as text that a person can read, keep and repeat."""

from collections.abc import Mapping, Sequence
from typing import Any

from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Pick, Round


def describe_rounds(project: Project, number: int | None = None) -> str:
    """Return the provenance of one round, or of all of them.

    Raises:
        InputError: there is no such round.
    """
    if number is not None:
        project.selection(number)  # says which rounds there are, if this one is not
    rounds = project.rounds_in_brief(number)
    if not rounds:
        return "Nothing has been suggested yet."
    names = {row.key: row.name for row in project.rows()}
    return "\n\n".join(_describe(one, project.selection(one.number), names) for one in rounds)


def _describe(one: Round, picks: Sequence[Pick], names: Mapping[str, str]) -> str:
    facts = dict(one.provenance)
    lines = [
        f"Round {one.number}, {one.created}",
        f"  strategy: {one.strategy}{_pairs(one.parameters)}",
        f"  seed: {one.seed}",
        f"  cases: {one.size} of {facts.pop('candidates', '?')} that could be chosen; "
        f"{facts.pop('already_chosen')} were chosen before",
    ]
    facts.pop("seed", None)
    for name, value in facts.items():
        lines += _lines(name.replace("_", " "), value)
    lines.append("  chosen, in this order:")
    lines += [
        f"    {pick.position}. {names.get(pick.key, pick.key)}: {pick.reason}" for pick in picks
    ]
    return "\n".join(lines)


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"  {name}:", *(f"    {key}: {_text(one)}" for key, one in value.items())]
    return [f"  {name}: {_text(value)}"]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _pairs(parameters: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    return f" ({text})" if text else ""
