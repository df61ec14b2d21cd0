"""What is found out about an encoder, in plain words: whether to trust it on this pool, and why.

The sentences say what was measured, what chance alone would give, and what follows. None of them
says that the encoder sees what is to be segmented: that only label maps can show.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ActiveSeedLib.pool.slices import of_slices

NAMED = 5  # cases or groups of cases named in a sentence; all of them are in the JSON output
CLEAR = 0.05  # a silhouette this much above chance is worth telling
HARD_AND_TYPICAL = 0.3

VERDICTS = {
    "trust": "Worth trusting: cases chosen by {encoder} stand for this pool clearly better than "
    "cases drawn at random.",
    "care": "Worth trusting with care: cases chosen by {encoder} stand for this pool {better} "
    "than cases drawn at random{but}.",
    "random": "Not worth trusting: on this pool a choice by {encoder} is no better than random, "
    "and random is as good.",
    "too few": "Too few to tell: {cases} are not enough to measure an encoder on; it takes 20.",
}


@dataclass(frozen=True)
class EncoderReport:
    """The answer in one sentence, and a sentence for each finding."""

    verdict: str
    findings: tuple[str, ...]

    def text(self) -> str:
        """Return the whole as lines."""
        return "\n".join([self.verdict, "", *(f"• {finding}" for finding in self.findings)])


def encoder_report(result: Mapping[str, Any]) -> EncoderReport:
    """Return what the job `inspect` measured, in words."""
    findings = [*_choosing(result), *_groups(result), *_stability(result), *_difficulty(result)]
    told = [_verdict(result), *findings, *_measured_on(result)]
    if result["unit"] == "slice":
        told = list(map(of_slices, told))
    # These two name cases, whose names stay as they are.
    place = 1 + len(findings)
    told[place:place] = [_copies(result), _outliers(result)]
    return EncoderReport(told[0], tuple(told[1:]))


def _verdict(result: Mapping[str, Any]) -> str:
    better, but = "somewhat better", ""
    if result["verdict"] == "care":
        maps = result["stability_over_maps"]["distance"]
        steady = maps <= 0.5
        better = "somewhat better" if steady else "better"
        but = "" if steady else ", but which ones are chosen hangs on the settings of the map"
    return VERDICTS[result["verdict"]].format(
        encoder=result["encoder"], cases=_count(result["cases"], "case"), better=better, but=but
    )


def _choosing(result: Mapping[str, Any]) -> list[str]:
    """Say what the features have in common, and how much choosing by them gains."""
    structure, gain, on_map = (result[name] for name in ("structure", "gain", "map_gain"))
    if structure is None:
        return []
    numbers = f"its {result['dimension']} numbers"
    share = structure["share"]
    if structure["directions"] == 0:
        said = [f"Structure: none; {numbers} vary independently of each other, as noise does."]
    else:
        said = [
            f"Structure: {_percent(share)} of what differs among the cases is shared by several of "
            f"{numbers}, in {_count(structure['directions'], 'direction')}; noise would share "
            "nothing."
        ]
    picks = _count(result["budget"], "case")
    said.append(
        f"Choosing: {picks} chosen among the features are {_nearer(gain['gain'])} to the rest of "
        f"the pool than {picks} at random"
        + (
            ", which is what choosing among noise gains as well."
            if result["verdict"] == "random"
            else f", nearer than {_percent(gain['beaten'])} of the random choices."
        )
    )
    if on_map["gain"] < 0.5 * gain["gain"] and result["verdict"] != "random":
        said.append(
            f"The map: {picks} chosen on it are {_nearer(on_map['gain'])} than random ones; a "
            "strategy that works on the features themselves covers the pool better."
        )
    return said


def _groups(result: Mapping[str, Any]) -> list[str]:
    """Say whether there are groups, and what the map makes of them."""
    clusters, map_of = result["clusters"], result["silhouettes"]
    # Groups of noise are no groups, however clear a skewed number makes them look.
    if clusters is None or clusters["silhouette"] is None or result["verdict"] == "random":
        return []
    own, chance = clusters["silhouette"], clusters["silhouette_by_chance"]
    measured = (
        f"silhouette {own:.2f}, by chance {chance:.2f}; Hopkins {clusters['hopkins']:.2f}, by "
        f"chance {clusters['hopkins_by_chance']:.2f}"
    )
    clear = clusters["p"] <= 0.05 and own - chance >= CLEAR
    if clear:
        said = [f"Groups: the cases fall into {clusters['k']} groups ({measured})."]
    elif clusters["hopkins_p"] <= 0.05:
        said = [f"Groups: the cases gather in places, but not in separate groups ({measured})."]
    else:
        said = [f"Groups: none; the cases pass into each other without gaps ({measured})."]
    curve = {int(k): score for k, score in map_of["curve"].items() if score is not None}
    if curve:
        listed = ", ".join(f"{k}: {score:.2f}" for k, score in sorted(curve.items())[: NAMED * 2])
        more = ", …" if len(curve) > NAMED * 2 else ""
        best, by_chance = max(curve.values()), map_of["by_chance"]
        follows = (
            "its groups are real"
            if best - by_chance >= CLEAR
            else "the map of a pool without groups looks as grouped"
        )
        said.append(
            f"Groups on the map: {map_of['k']} by the highest silhouette ({listed}{more}; by "
            f"chance {by_chance:.2f}), and {follows}."
        )
    return said


def _stability(result: Mapping[str, Any]) -> list[str]:
    """Say how far the picks hang on seeds and settings."""
    said = []
    for name, what in (
        ("stability_over_seeds", "Other seeds"),
        ("stability_over_maps", "Other maps"),
    ):
        found = result[name]
        if found is None:
            continue
        distance = found["distance"]
        if distance <= 0.1:
            leads = "lead to the same picks or ones beside them"
        elif distance <= 0.5:
            leads = "lead to similar picks"
        elif distance <= 0.8:
            leads = "lead to rather different picks"
        else:
            leads = "lead to picks as different as random ones"
        settings = "" if name.endswith("seeds") else f" ({', '.join(found['settings'])})"
        said.append(
            f"{what}{settings} {leads}: {_percent(found['shared'])} are the very same (random: "
            f"{_percent(found['shared_by_chance'])}), and the nearest pick is at "
            f"{_percent(distance)} of the distance of a random one."
        )
    return said


def _difficulty(result: Mapping[str, Any]) -> list[str]:
    """Say what the Difficulty-Coverage Ratio means."""
    if result["dcr"] is None:
        return []
    value, cases = result["dcr"]["value"], result["dcr"]["cases"]
    if value >= HARD_AND_TYPICAL:
        means = "the hard cases are the typical ones, so that typical cases teach the most"
    elif value <= -HARD_AND_TYPICAL:
        means = "the hard cases are the unusual ones, so that typical cases leave them out"
    else:
        means = "hard cases are found among typical and unusual ones alike"
    return [f"Difficulty-Coverage Ratio {value:+.2f} on {_count(cases, 'case')}: {means}."]


def _copies(result: Mapping[str, Any]) -> str:
    groups = result["near_copies"]
    if not groups:
        return "Near-copies: none."
    listed = "; ".join(_listed(group) for group in groups[:NAMED])
    more = f"; and {len(groups) - NAMED} groups more" if len(groups) > NAMED else ""
    return (
        f"Near-copies: {_count(sum(map(len, groups)), result['unit'])} in "
        f"{_count(len(groups), 'group')} look alike to the encoder, so label one of each: "
        f"{listed}{more}."
    )


def _outliers(result: Mapping[str, Any]) -> str:
    found = result["outliers"]
    if not found:
        return "Outliers: none."
    cases = _listed([f"{one['case']} ({one['times']:.1f} times as far)" for one in found])
    return (
        f"Outliers: {_count(len(found), result['unit'])} far from all others; look at them, and "
        f"exclude them if they do not belong here: {cases}."
    )


def _measured_on(result: Mapping[str, Any]) -> list[str]:
    """Say what was measured on a part of the pool, and what nothing of this can tell."""
    said = []
    cases, sample, on_maps = result["cases"], result["sample"], result["map_sample"]
    if result["structure"] is not None and min(sample, on_maps) < cases:
        said.append(
            f"Measured on samples of the {cases} cases, drawn by the seed: structure and choosing "
            f"on {min(sample, cases)}, groups and other maps on {min(on_maps, cases)}."
        )
    if not result["neighbours_exact"]:
        said.append(
            "Near-copies and outliers were looked for in 50 principal components of the features; "
            "every near-copy was confirmed in all of them."
        )
    if result["structure"] is not None and result["verdict"] != "random":
        said.append(
            "Whether the encoder sees what is to be segmented, and not the scanner or the "
            "position, no measure without label maps can tell."
        )
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _nearer(gain: float) -> str:
    if abs(gain) < 0.005:
        return "no nearer"
    return f"{_percent(abs(gain))} {'nearer' if gain > 0 else 'farther'}"


def _listed(names: list[str]) -> str:
    """Return names in a row, the rest of a long row counted."""
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
