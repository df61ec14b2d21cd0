"""Cold start, train, select, retrain, with existing label maps in the annotator's place.

Runs are paired: for one seed every strategy meets the same test split, the same map, the same
initial weights and the same order of batches; only the labelled set differs. A training is stored
under what determines it (seed, labelled set, label maps, split, settings, versions), so a killed
simulation goes on where it was and two strategies that chose the same cases share one training.
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.benchmark.cohort import Cohort
from ActiveSeedLib.benchmark.minutes import minutes_by_the_labelled
from ActiveSeedLib.benchmark.protocol import ONCE, Course, Protocol, needs_of, parse_course
from ActiveSeedLib.benchmark.split import Split, add_standing, make_split
from ActiveSeedLib.benchmark.table import FULL
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import Encoder
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.features.store import FeatureStore, encode_pool
from ActiveSeedLib.files import make_folder, write_json
from ActiveSeedLib.pool.slices import split_key
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.selection.columns import columns
from ActiveSeedLib.selection.strategy import Candidates, Pick, select
from ActiveSeedLib.selection.wanted import (
    BEFORE,
    BY_PASSES,
    BY_PREDICTION,
    is_of_model,
    passes,
    wanted,
)
from ActiveSeedLib.version import __version__

Told = dict[str, np.ndarray[Any, Any]]
OnRun = Callable[[Split, list[dict[str, Any]]], None]


@dataclass(frozen=True)
class Step:
    """What one round of a run labels.

    Attributes:
        labelled: rows of the pool labelled from then on, in the order of their choice.
        picks: those chosen in this round.
        round: how many selections led here, from 1.
        seconds: that the selection took.
    """

    labelled: list[int]
    picks: list[Pick]
    round: int
    seconds: float


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
        self.store = FeatureStore(make_folder(folder / "features"))
        for spec in protocol.strategies:
            if "sam_uncertainty" in needs_of(spec) and encoder.name != "sam":
                raise InputError(f"{spec} goes by SAM's doubt: let the encoder be sam.")

    def run(self, progress: Progress, on_run: OnRun | None = None) -> list[dict[str, Any]]:
        """Do what is still missing and return one record a (strategy, seed, budget).

        `on_run` is called with the split and the records of every run (strategy, seed) when it is
        done.
        """
        problems = self.encode(progress.part(0, 0.05))
        protocol = self.protocol
        seeds = range(protocol.first_seed, protocol.first_seed + protocol.seeds)
        runs = [(seed, strategy) for seed in seeds for strategy in protocol.strategies]
        records = []
        split: Split | None = None
        for index, (seed, strategy) in enumerate(runs):
            if split is None or split.seed != seed:
                split = self.split(problems, seed)
            part = progress.part(
                0.05 + 0.95 * index / len(runs), 0.05 + 0.95 * (index + 1) / len(runs)
            )
            self._add_standing(split, strategy, part.part(0.0, 0.3))
            found = self._run(split, strategy, part)
            records += found
            if on_run is not None:
                on_run(split, found)
        return records

    def encode(self, progress: Progress) -> Collection[str]:
        """Encode what is not yet; return the keys of the units that cannot be, with a note each."""
        units = self.cohort.units(self.cohort.cases)
        problems = encode_pool(units, self.cohort.load_image, self.encoder, self.store, progress)
        for unit in units:
            if unit.key in problems:
                progress.note(f"Left out {unit.name}: {problems[unit.key]}")
        return problems

    def split(self, problems: Collection[str], seed: int) -> Split:
        """Return the split of one seed; `problems` are what `encode` returned."""
        units = self.cohort.units(self.cohort.cases)
        whole = {split_key(unit.key)[0] for unit in units if unit.key not in problems}
        cases = tuple(case for case in self.cohort.cases if case.key in whole)
        cohort = replace(self.cohort, cases=cases)
        fraction = self.protocol.test_fraction
        return make_split(cohort, problems, self.encoder, self.store, seed, fraction)

    def _add_standing(self, split: Split, strategy: str, progress: Progress) -> None:
        add_standing(
            split,
            self.cohort,
            strategy,
            self.encoder,
            self.store,
            self.folder / "autoencoders",
            self.autoencoder,
            self.training.device,
            progress,
        )

    def _run(self, split: Split, strategy: str, progress: Progress) -> list[dict[str, Any]]:
        """Return the records of one strategy on one split, a budget each."""
        course = None if strategy == FULL else parse_course(strategy)
        budgets = self.protocol.budgets if course else (len(split.pool),)
        step = Step([], [], 0, 0.0)
        told: Told = {}
        records = []
        for number, budget in enumerate(budgets):
            step = self._step(split, course, step, told, budget)
            part = progress.part(
                number / len(budgets),
                (number + 1) / len(budgets),
                f"{strategy}, seed {split.seed}, {budget} labelled: ",
            )
            reads: frozenset[str] = frozenset()
            if course and not course.once and number + 1 < len(budgets):
                reads = self._reads(course, number)
            outcome, folder = self.outcome(split, step.labelled, reads, part)
            told = _told(split, outcome, folder, told)
            records.append(
                {
                    "strategy": strategy,
                    "seed": split.seed,
                    "budget": budget,
                    "round": step.round,
                    **self.cohort.cost([split.pool[index] for index in step.labelled]),
                    **outcome["means"],
                    "cases": outcome["cases"],
                    "picks": [
                        {"case": split.pool[p.index].name, "reason": p.reason, **p.why}
                        for p in step.picks
                    ],
                    "seconds": {"select": step.seconds, **outcome["seconds"]},
                }
            )
        return records

    def _step(
        self, split: Split, course: Course | None, before: Step, told: Told, budget: int
    ) -> Step:
        """Choose up to `budget` cases in all; without a course, take the whole pool."""
        if course is None:
            everything = list(range(len(split.pool)))
            return Step(everything, [Pick(i, "All are taken.") for i in everything], 1, 0.0)
        if course.once:
            before, told = Step([], [], 0, 0.0), {}
        name, parameters = course.later if before.round else course.first
        spent = [self.cohort.cost([split.pool[index]])["minutes"] for index in before.labelled]
        request = _request(split, before.labelled, told, before.round, spent)
        started = time.monotonic()
        found = select(name, request, budget - len(before.labelled), parameters)
        seconds = time.monotonic() - started
        labelled = before.labelled + [pick.index for pick in found.picks]
        return Step(labelled, found.picks, before.round + 1, seconds)

    def _reads(self, course: Course, number: int) -> frozenset[str]:
        """Return the measures to make of a training after round `number`, from 0.

        After the first round, those of all strategies that share its choice and so its training.
        """
        specs = [s for s in self.protocol.strategies if s != FULL and not s.endswith(ONCE)]
        courses = [parse_course(spec) for spec in specs]
        sharing = [one for one in courses if not number and one.first == course.first] or [course]
        names = {name for one in sharing for name in wanted(*one.later).all}
        return frozenset(name for name in names if is_of_model(name) and name != "entropy")

    def outcome(
        self, split: Split, labelled: Sequence[int], reads: frozenset[str], progress: Progress
    ) -> tuple[dict[str, Any], Path]:
        """Train on the labelled cases, score the test split, measure what is read of the rest.

        Returns:
            What `train_and_score` does, and the folder where its gradients and predictions lie.
        """
        from ActiveSeedLib.benchmark.outcome import train_and_score

        chosen = sorted((split.pool[i] for i in labelled), key=lambda c: c.key)
        settings = replace(self.training, seed=split.seed)
        folder = self.training_folder(split, labelled)
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

    def training_folder(self, split: Split, labelled: Sequence[int]) -> Path:
        """Return where the outcome of training on these rows lies.

        It is called by all that determines a training, its scores and its entropies.
        """
        chosen = sorted((split.pool[i] for i in labelled), key=lambda c: c.key)
        facts: Mapping[str, Any] = {
            "settings": asdict(replace(self.training, seed=split.seed)),
            "chosen": [(case.key, case.patient, self.cohort.label_hash(case)) for case in chosen],
            "test": [(case.key, self.cohort.label_hash(case)) for case in split.test],
            "pool": [case.key for case in split.pool],
            "values": self.cohort.values,
            "versions": [__version__, version("torch"), version("monai")],
        }
        text = json.dumps(facts, sort_keys=True, default=str)
        return self.folder / "trainings" / hashlib.sha256(text.encode()).hexdigest()[:20]


def _request(
    split: Split,
    labelled: Sequence[int],
    told: Told,
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
    before: Told,
) -> Told:
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
