"""Where a selection came from, as text that a person can read, keep and repeat."""

from collections.abc import Mapping
from typing import Any

from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import Round


def describe_rounds(project: Project, number: int | None = None) -> str:
    """Return the provenance of one round, or of all of them.

    Raises:
        InputError: there is no such round.
    """
    if number is not None:
        project.selection(number)  # says which rounds there are, if this one is not
    rounds = [one for one in project.rounds() if number in (None, one.number)]
    if not rounds:
        return "Nothing has been suggested yet."
    return "\n\n".join(_describe(project, one) for one in rounds)


def _describe(project: Project, one: Round) -> str:
    facts = dict(one.provenance)
    clusters = facts.pop("clusters", None) or {}
    chosen = facts.pop("already_chosen", None) or []
    lines = [
        f"Round {one.number}, {one.created}",
        f"  strategy: {one.strategy}{_pairs(one.parameters)}",
        f"  seed: {one.seed}",
        f"  cases: {one.size} of {facts.pop('candidates', '?')} that could be chosen; "
        f"{len(chosen)} were chosen before",
    ]
    if clusters:
        lines.append(f"  groups found: {len(set(clusters.values()))}")
    facts.pop("seed", None)
    for name, value in facts.items():
        lines += _lines(name.replace("_", " "), value)
    lines.append("  chosen, in this order:")
    names = {row.key: row.name for row in project.rows()}
    lines += [
        f"    {pick.position}. {names.get(pick.key, pick.key)}: {pick.reason}"
        for pick in project.selection(one.number)
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
