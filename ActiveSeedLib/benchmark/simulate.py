"""Cold start, train, select, retrain, with existing label maps in the annotator's place.

Runs are paired: for one seed every strategy meets the same test split, the same map, the same
initial weights and the same order of batches; only the labelled set differs. A training is stored
under what determines it (seed, labelled set, label maps, split, settings, versions), so a killed
simulation goes on where it was and two strategies that chose the same cases share one training.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.benchmark.minutes import annotation_minutes, minutes_by_the_labelled
from ActiveSeedLib.benchmark.protocol import STANDING, Protocol, Spec, needs_of, parse_course
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import Encoder
from ActiveSeedLib.features.fused import balanced
from ActiveSeedLib.features.map2d import map_pool
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.features.store import FeatureStore, encode_pool
from ActiveSeedLib.files import write_json
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.patients import split_test
from ActiveSeedLib.pool.slices import slices_of, split_key
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.selection.columns import columns, patient_numbers
from ActiveSeedLib.selection.strategy import Candidates, select
from ActiveSeedLib.selection.wanted import (
    BEFORE,
    BY_PASSES,
    BY_PREDICTION,
    is_of_model,
    passes,
    wanted,
)
from ActiveSeedLib.version import __version__

FIRST_SEED = 43  # seeds are 42 + r, r = 1, 2, … (Levy et al. 2026, section 4.1.2)


@dataclass(frozen=True)
class Cohort:
    """The cases with label maps, and how to read both.

    Attributes:
        cases: whole cases.
        load_image: reads the image of a case or, where slices are taken, of a slice.
        load_label: the same for the label map.
        values: that the label maps hold, ascending, without 0.
        slice_axis: the canonical axis across which slices are taken from the pool; None where
            whole cases are. Test cases are predicted and scored whole.
    """

    cases: tuple[Case, ...]
    load_image: Callable[[Case], Image]
    load_label: Callable[[Case], Image]
    values: tuple[int, ...]
    slice_axis: int | None = None

    def units(self, cases: Sequence[Case]) -> list[Case]:
        """Return what can be picked of `cases`: their slices, or themselves."""
        if self.slice_axis is None:
            return list(cases)
        return [unit for case in cases for unit in slices_of(case, self.slice_axis)]


@dataclass(frozen=True)
class Split:
    """One seed's view of the cohort: pool and test cases, and the pool's features and map.

    `standing` are the measures of the pool that no training changes, such as the difficulty.
    """

    seed: int
    pool: list[Case]
    test: list[Case]
    features: np.ndarray[Any, np.dtype[np.float32]]
    coords: np.ndarray[Any, np.dtype[np.float64]]
    standing: dict[str, np.ndarray[Any, Any]]


class Simulation:
    """All runs of a protocol on a cohort; results lie as JSON files below `folder`.

    `autoencoder` are settings of the one that tells the difficulty of a case, where it is read.
    """

    def __init__(
        self,
        cohort: Cohort,
        protocol: Protocol,
        encoder: Encoder,
        training: TrainSettings,
        folder: Path,
        autoencoder: Mapping[str, Any] | None = None,
    ) -> None:
        self.cohort = cohort
        self.protocol = protocol
        self.encoder = encoder
        self.training = training
        self.folder = folder
        self.autoencoder = dict(autoencoder or {})
        self._label_hashes: dict[str, str] = {}
        self._spent: dict[str, float] = {}
        for spec in protocol.strategies:
            if "sam_uncertainty" in needs_of(spec) and encoder.name != "sam":
                raise InputError(f"{spec} goes by SAM's doubt: let the encoder be sam.")

    def run(self, progress: Progress) -> list[dict[str, Any]]:
        """Do what is still missing and return one record a (strategy, seed, budget)."""
        store = FeatureStore(self.folder / "features")
        units = self.cohort.units(self.cohort.cases)
        problems = encode_pool(
            units, self.cohort.load_image, self.encoder, store, progress.part(0, 0.05)
        )
        for unit in units:
            if unit.key in problems:
                progress.note(f"Left out {unit.name}: {problems[unit.key]}")
        whole = {split_key(unit.key)[0] for unit in units if unit.key not in problems}
        cases = [case for case in self.cohort.cases if case.key in whole]
        records = []
        runs = [(s, name) for s in range(self.protocol.seeds) for name in self.protocol.strategies]
        split: Split | None = None
        for index, (repetition, strategy) in enumerate(runs):
            seed = FIRST_SEED + repetition
            if split is None or split.seed != seed:
                split = self._split(cases, problems, store, seed)
            part = progress.part(
                0.05 + 0.95 * index / len(runs), 0.05 + 0.95 * (index + 1) / len(runs)
            )
            self._add_standing(split, store, strategy, part.part(0.0, 0.3))
            records += self._run(split, strategy, part)
        return records

    def _split(
        self, cases: Sequence[Case], without: Collection[str], store: FeatureStore, seed: int
    ) -> Split:
        test_keys = set(split_test(cases, self.protocol.test_fraction, seed))
        units = self.cohort.units([case for case in cases if case.key not in test_keys])
        pool = sorted((one for one in units if one.key not in without), key=lambda one: one.key)
        if not test_keys:
            raise InputError("The test split is empty: raise the test fraction or add cases.")
        (features,) = balanced(self.encoder, store.get([case.key for case in pool], self.encoder))
        return Split(
            seed=seed,
            pool=pool,
            test=sorted((c for c in cases if c.key in test_keys), key=lambda c: c.key),
            features=features,
            coords=map_pool(features, seed).coords,
            standing={},
        )

    def _add_standing(
        self, split: Split, store: FeatureStore, strategy: str, progress: Progress
    ) -> None:
        """Compute what `strategy` reads, no training changes, and is not there yet.

        Patients cost nothing, so they are there for whoever only uses them, too.
        """
        uses = {name for spec in parse_course(strategy) for name in wanted(*spec).uses}
        names = needs_of(strategy) | (uses & {"patients"})
        for name in sorted(names & set(STANDING)):
            if name in split.standing:
                continue
            if name == "patients":
                numbers = patient_numbers([case.patient for case in split.pool])
                if numbers is not None:
                    split.standing[name] = numbers
            elif name == "sam_uncertainty":
                from ActiveSeedLib.benchmark.sam import pool_uncertainty_of_sam

                split.standing[name] = pool_uncertainty_of_sam(
                    self.cohort, split, self.encoder, store, progress
                )
            else:
                from ActiveSeedLib.benchmark.difficulty import pool_difficulty

                folder = self.folder / "autoencoders"
                device = self.training.device
                split.standing[name] = pool_difficulty(
                    self.cohort, split, self.autoencoder, device, folder, store, progress
                )

    def _run(self, split: Split, strategy: str, progress: Progress) -> list[dict[str, Any]]:
        course = parse_course(strategy)
        labelled: list[int] = []
        told: dict[str, np.ndarray[Any, Any]] = {}
        records = []
        rounds = len(self.protocol.budgets)
        for number, budget in enumerate(self.protocol.budgets):
            name, parameters = course[min(number, 1)]
            spent = [self._minutes(split.pool[index]) for index in labelled]
            request = _request(split, labelled, told, number, spent)
            selection = select(name, request, budget - len(labelled), parameters)
            labelled += [pick.index for pick in selection.picks]
            part = progress.part(
                number / rounds,
                (number + 1) / rounds,
                f"{strategy}, seed {split.seed}, {budget} labelled: ",
            )
            reads = self._reads(course, number) if number + 1 < rounds else frozenset()
            outcome, folder = self._outcome(split, labelled, reads, part)
            told = _told(split, outcome, folder, told)
            records.append(
                {
                    "strategy": strategy,
                    "seed": split.seed,
                    "budget": budget,
                    "round": number + 1,
                    "minutes": sum(self._minutes(split.pool[index]) for index in labelled),
                    **outcome["means"],
                    "cases": outcome["cases"],
                    "picks": [
                        {"case": split.pool[p.index].name, "reason": p.reason, **p.why}
                        for p in selection.picks
                    ],
                    "seconds": outcome["seconds"],
                }
            )
        return records

    def _reads(self, course: tuple[Spec, Spec], number: int) -> frozenset[str]:
        """Return the measures to make of a training after round `number`, from 0.

        After the first round, those of all strategies that share its choice and so its training.
        """
        courses = [parse_course(spec) for spec in self.protocol.strategies]
        sharing = [one for one in courses if not number and one[0] == course[0]] or [course]
        names = {name for _, later in sharing for name in wanted(*later).all}
        return frozenset(name for name in names if is_of_model(name) and name != "entropy")

    def _outcome(
        self, split: Split, labelled: Sequence[int], reads: frozenset[str], progress: Progress
    ) -> tuple[dict[str, Any], Path]:
        """Train on the labelled cases, score the test split, measure what is read of the rest.

        Returns:
            What `train_and_score` does, and the folder where its gradients lie.
        """
        from ActiveSeedLib.benchmark.outcome import train_and_score

        chosen = sorted((split.pool[i] for i in labelled), key=lambda c: c.key)
        settings = replace(self.training, seed=split.seed)
        folder = self.folder / "trainings" / self._digest(settings, chosen, split)
        stored = folder / "outcome.json"
        extras = set(passes(reads))
        if stored.exists():
            found: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
            if (not reads or "measures" in found) and extras <= {*found.get("measured", ())}:
                progress.update(1.0, "done before")
                return found, folder
            extras |= {*found.get("measured", ())}
        outcome = train_and_score(
            self.cohort, chosen, split, settings, folder, progress, sorted(extras)
        )
        write_json(stored, outcome)
        return outcome, folder

    def _digest(self, settings: TrainSettings, chosen: Sequence[Case], split: Split) -> str:
        """Return a short name for all that determines a training, its scores and its entropies."""
        facts: Mapping[str, Any] = {
            "settings": asdict(settings),
            "chosen": [(case.key, case.patient, self._label_hash(case)) for case in chosen],
            "test": [(case.key, self._label_hash(case)) for case in split.test],
            "pool": [case.key for case in split.pool],
            "values": self.cohort.values,
            "versions": [__version__, version("torch"), version("monai")],
        }
        text = json.dumps(facts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def _label_hash(self, case: Case) -> str:
        if case.key not in self._label_hashes:
            array = self.cohort.load_label(case).array
            digest = hashlib.sha256(repr((array.shape, array.dtype)).encode())
            digest.update(np.ascontiguousarray(array).data)
            self._label_hashes[case.key] = digest.hexdigest()
        return self._label_hashes[case.key]

    def _minutes(self, case: Case) -> float:
        if case.key not in self._spent:
            self._spent[case.key] = annotation_minutes(self.cohort.load_label(case).array)
        return self._spent[case.key]


def _request(
    split: Split,
    labelled: Sequence[int],
    told: Mapping[str, np.ndarray[Any, Any]],
    number: int,
    spent: Sequence[float],
) -> Candidates:
    """Return the pool as the strategies see it after `number` rounds.

    `spent` are the minutes that each labelled case took.
    """
    known = {**split.standing, **told}
    apart = ("entropy", "class_scores", "gradients", "patients")
    return Candidates(
        features=split.features,
        coords=split.coords,
        candidates=np.setdiff1d(np.arange(len(split.pool)), labelled),
        labelled=np.array(labelled, dtype=np.int64),
        seed=split.seed,
        scores={name: values for name, values in known.items() if name not in apart},
        round=number,
        minutes=minutes_by_the_labelled(split.features, labelled, spent),
        **{name: known.get(name) for name in apart},
    )


def _told(
    split: Split,
    outcome: Mapping[str, Any],
    folder: Path,
    before: Mapping[str, np.ndarray[Any, Any]],
) -> dict[str, np.ndarray[Any, Any]]:
    """Return what a training tells of the pool, and what the one `before` it did."""
    keys = [case.key for case in split.pool]
    measures = outcome.get("measures", {})
    names = (set(BY_PREDICTION) | set(BY_PASSES)) - {"entropy", "gradients"}
    told = columns([measures.get(key, {}) for key in keys], sorted(names))
    told["entropy"] = np.array([outcome["entropy"].get(key, np.nan) for key in keys])
    if "gradients" in outcome.get("measured", ()):
        shelf = Shelf(folder / "gradients")
        missing = set(shelf.missing(keys))
        rows = [index for index, key in enumerate(keys) if key not in missing]
        vectors = shelf.get([keys[index] for index in rows])
        told["gradients"] = np.full((len(keys), vectors.shape[1]), np.nan, dtype=np.float32)
        told["gradients"][rows] = vectors
    told |= {BEFORE + name: values for name, values in before.items() if BEFORE not in name}
    return told
