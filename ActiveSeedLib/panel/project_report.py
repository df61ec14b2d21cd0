"""What became of images and label maps, in words."""

from collections.abc import Iterable, Mapping
from typing import Any

LISTED = 300
WORDS = {
    "labelled": "labelled",
    "in_progress": "in progress",
    "suggested": "suggested",
    "test": "for testing",
    "skipped": "skipped",
    "excluded": "excluded",
    "unlabelled": "not labelled",
}


def counted(count: int, one: str, more: str = "") -> str:
    """Return such as "1 case" or "3 cases"."""
    return f"{count} {one if count == 1 else more or one + 's'}"


def counts_line(counts: Mapping[str, int]) -> str:
    """Return the number of cases in each status, in one line."""
    parts = [f"{counts[status]} {word}" for status, word in WORDS.items() if counts.get(status)]
    total = counted(sum(counts.values()), "case")
    return f"{total}: {', '.join(parts)}" if parts else total


def creation_sentence(result: Mapping[str, Any]) -> str:
    """Return what the job `init` made, in a sentence or two."""
    cases, patients, test = result["cases"], result["patients"], result["test"]
    whose = f" of {counted(patients, 'patient')}" if patients < cases else ""
    kept = f", {test} of them for testing" if test else ""
    sentence = f"The project is made: {counted(cases, 'case')}{whose}{kept}."
    if "labels" in result:
        sentence += f" {import_sentence(result['labels'])}"
    left_out = len(result["refused"]) + len(result["duplicates"])
    if left_out:
        sentence += f" {counted(left_out, 'file')} left out: see the list."
    return sentence


def creation_lines(result: Mapping[str, Any]) -> list[str]:
    """Return what the job `init` left out or found odd, a line each."""
    lines = left_out_lines(
        [(one["path"], one["reason"]) for one in result["refused"]],
        [(one["path"], one["same_as"]) for one in result["duplicates"]],
    )
    lines += [f"Note: {one['path']}: {one['note']}" for one in result["notes"]]
    return lines + (import_lines(result["labels"]) if "labels" in result else [])


def left_out_lines(
    refused: Iterable[tuple[str, str]], duplicates: Iterable[tuple[str, str]]
) -> list[str]:
    """Return a line for each image that cannot be used, and for each that is there twice."""
    return [
        *(f"Not used: {path}: {reason}" for path, reason in refused),
        *(f"Twice: {path} is the same image as {same_as}." for path, same_as in duplicates),
    ]


def import_sentence(report: Mapping[str, Any]) -> str:
    """Return what became of a folder of label maps, in a sentence."""
    parts = [f"{counted(len(report['imported']), 'label map')} taken over"]
    for name, words in (
        ("unchanged", "the same already"),
        ("refused", "refused"),
        ("without_image", "of no image"),
    ):
        if report[name]:
            parts.append(f"{len(report[name])} {words}")
    return ", ".join(parts) + "."


def import_lines(report: Mapping[str, Any]) -> list[str]:
    """Return the label maps that were not taken over, a line each."""
    return [
        *(f"Label map refused: {one['path']}: {one['reason']}" for one in report["refused"]),
        *(f"Label map of no image: {path}" for path in report["without_image"]),
    ]


def rescan_sentence(result: Mapping[str, Any]) -> str:
    """Return what the job `rescan` found, in a sentence."""
    changes = [
        f"{result[name]} {words}"
        for name, words in (("added", "new"), ("moved", "moved"), ("missing", "missing"))
        if result[name]
    ]
    found = ", ".join(changes) or "nothing new"
    return f"{result['images']} was looked at: {found}; {counted(result['cases'], 'case')} now."


def shortened(lines: list[str]) -> list[str]:
    """Return the first `lines`, and how many more there are."""
    more = len(lines) - LISTED
    return [*lines[:LISTED], f"… and {more} more."] if more > 0 else lines
