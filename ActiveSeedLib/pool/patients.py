"""Whose image is whose, and a test split that keeps each patient on one side of it."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.formats import without_suffix

CASE_COLUMNS = ("name", "case", "id", "image", "file")
PATIENT_COLUMNS = ("patient", "subject")


@dataclass(frozen=True)
class PatientRule:
    """How a case is given to a patient: by a table, or by a regular expression on its name.

    Make one with `parse`, `from_table` or `from_pattern`.

    Attributes:
        source: what the user gave, for messages.
        pattern: searched in the case's path without suffix; the first group, or else the whole
            match, is the patient.
        table: patient by the (tail of the) path of an image, without suffix and in lower case;
            None where two images of different patients share that tail.
    """

    source: str
    pattern: re.Pattern[str] | None = None
    table: Mapping[str, str | None] | None = None

    @classmethod
    def parse(cls, text: str) -> "PatientRule":
        """Return the rule that a user means: the path of a .csv or .json table, or a pattern."""
        path = Path(text)
        if path.suffix.lower() in {".csv", ".json"}:
            return cls.from_table(path)
        return cls.from_pattern(text)

    @classmethod
    def from_pattern(cls, pattern: str) -> "PatientRule":
        r"""Return the rule of a regular expression, such as `^(\w+?)_`."""
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise InputError(
                f"The patients' pattern {pattern!r} is no regular expression ({error}); give one, "
                r"such as '^([^_]+)_', or the path of a .csv or .json table."
            ) from error
        return cls(pattern, pattern=compiled)

    @classmethod
    def from_table(cls, path: Path) -> "PatientRule":
        """Return the rule of a table with a column for the case and one for the patient.

        A CSV has a header; a JSON file holds a list of objects, or {"cases": [...]}. The case is
        told by any of the columns `CASE_COLUMNS` (a path, or a name with or without suffix), the
        patient by one of `PATIENT_COLUMNS`.
        """
        if not path.is_file():
            raise InputError(f"The table of patients {path} does not exist; check the path.")
        try:
            rows = _json_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path)
        except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
            raise InputError(
                f"The table of patients {path} cannot be read ({error}); save it as UTF-8."
            ) from error
        return cls(str(path), table=_table(path, rows))

    def patient_of(self, case: Case) -> str | None:
        """Return the patient of `case`, or None if the rule does not say."""
        if self.pattern is not None:
            match = self.pattern.search(without_suffix(case.path))
            if match is None:
                return None
            found = match.group(1) if self.pattern.groups else match.group(0)
            return found or None
        for tail in (*_tails(case.path), case.name.lower()):
            if tail in (self.table or {}):
                return (self.table or {})[tail]
        return None


def split_test(cases: Sequence[Case], fraction: float, seed: int) -> list[str]:
    """Return the sorted keys of the cases to test on: whole patients, drawn at random.

    As near to `fraction` of the cases as whole patients allow (a tie goes to the smaller), never
    all of them; a case without a patient is its own. The same cases, fraction and seed give the
    same split, in whatever order the cases come. Raises InputError unless 0 <= fraction < 1.
    """
    if not 0.0 <= fraction < 1.0:
        raise InputError(
            f"The test fraction is {fraction:g}; it must be at least 0 and less than 1."
        )
    patients: dict[tuple[bool, str], list[str]] = {}
    for case in cases:
        owner = (True, case.patient) if case.patient is not None else (False, case.key)
        patients.setdefault(owner, []).append(case.key)
    names = sorted(patients)
    order = np.random.default_rng(seed).permutation(len(names))
    groups = [patients[names[index]] for index in order]
    chosen = _nearest_subset([len(group) for group in groups], fraction * len(cases))
    return sorted(key for index in chosen for key in groups[index])


def _nearest_subset(sizes: Sequence[int], target: float) -> list[int]:
    """Return positions whose sizes add up nearest to `target`, but not to the sum of all.

    The subset-sum recurrence over the sizes in their (random) order, ended as soon as the nearest
    whole number is reached, so that the choice is all but the first positions that fit.
    """
    total = sum(sizes)
    goal = min(int(np.ceil(target - 0.5)), total - 1)
    if goal <= 0:
        return []
    limit = min(total - 1, 2 * goal + 1)
    within = (1 << (limit + 1)) - 1
    reached = 1  # bit s: some of the sizes so far add up to s
    last: dict[int, int] = {}  # by sum: the position that first reached it
    for position, size in enumerate(sizes):
        new = (reached << size) & within & ~reached
        reached |= new
        last |= dict.fromkeys(_bits(new), position)
        if goal in last:
            break
    best = min((0, *last), key=lambda total: (abs(total - target), total))
    chosen = []
    while best > 0:
        chosen.append(last[best])
        best -= sizes[chosen[-1]]
    return chosen


def _bits(number: int) -> Iterator[int]:
    """Yield the positions of the bits that are set."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        delimiter = max(",;\t", key=first.count)
        file.seek(0)
        return list(csv.DictReader(file, delimiter=delimiter))


def _json_rows(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    rows = content.get("cases") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"The table of patients {path} must hold a list of objects, or {{'cases': [...]}}."
        )
    return rows


def _table(path: Path, rows: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    named: dict[str, str] = {}
    tails: dict[str, str | None] = {}
    seen: set[str] = set()
    for row in rows:
        fields = {str(name).strip().lower(): value for name, value in row.items()}
        seen |= fields.keys()
        patient = next((_text(fields.get(name)) for name in PATIENT_COLUMNS if name in fields), "")
        for value in filter(None, (_text(fields.get(column)) for column in CASE_COLUMNS)):
            if not patient:
                continue
            whole, *shorter = _tails(value)
            if named.setdefault(whole, patient) != patient:
                raise InputError(
                    f"The table of patients {path} gives {value!r} to two patients, "
                    f"{named[whole]!r} and {patient!r}; correct it."
                )
            for tail in shorter:
                same = tails.setdefault(tail, patient) == patient
                tails[tail] = patient if same else None
    for wanted, what in ((CASE_COLUMNS, "the case"), (PATIENT_COLUMNS, "the patient")):
        if not seen & set(wanted):
            raise InputError(
                f"The table of patients {path} has no column for {what}: "
                f"name one of its columns {' or '.join(wanted)}."
            )
    return {**tails, **named}


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _tails(path: str) -> list[str]:
    """Return the path without suffix and in lower case, then without its folders one by one."""
    bare = without_suffix(path.replace("\\", "/").strip("/"))
    parts = PurePosixPath(bare.lower()).parts or ("",)
    return ["/".join(parts[start:]) for start in range(len(parts))]
