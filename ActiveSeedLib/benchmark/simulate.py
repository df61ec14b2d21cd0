"""Cold start, train, select, retrain, with existing label maps in the annotator's place.

Runs are paired: for one seed every strategy meets the same test split, the same map, the same
initial weights and the same order of batches; only the labelled set differs. A training is stored
under what determines it (seed, labelled set, label maps, split, settings, versions), so a killed
simulation goes on where it was and two strategies that chose the same cases share one training.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import Encoder
from ActiveSeedLib.features.map2d import map_pool
from ActiveSeedLib.features.store import FeatureStore, encode_pool
from ActiveSeedLib.files import write_json
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.patients import split_test
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.registry import read_assignments
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.selection.strategy import Candidates, select, strategies
from ActiveSeedLib.version import __version__

FIRST_SEED = 43  # seeds are 42 + r, r = 1, 2, … (Levy et al. 2026, section 4.1.2)


@dataclass(frozen=True)
class Protocol:
    """What is compared, and how.

    Attributes:
        strategies: names of the registry, each optionally with parameters: "levy:alpha=0.5".
        budgets: labelled cases after each round, growing: the first is the cold start.
        seeds: how many repetitions; repetition r uses seed 42 + r for everything.
        test_fraction: share of the cases, whole patients, held out for scoring.
    """

    strategies: tuple[str, ...]
    budgets: tuple[int, ...]
    seeds: int = 3
    test_fraction: float = 0.2

    def __post_init__(self) -> None:
        if not self.strategies:
            raise InputError("Name at least one strategy to simulate.")
        if len(set(self.strategies)) < len(self.strategies):
            raise InputError("A strategy is named twice; name each once.")
        if not self.budgets or any(b < 1 for b in self.budgets):
            raise InputError("The budgets must be positive numbers, such as 8,16.")
        if list(self.budgets) != sorted(set(self.budgets)):
            raise InputError("The budgets are the labelled cases after each round: let them grow.")
        if self.seeds < 1:
            raise InputError("The number of seeds must be at least 1.")
        for spec in self.strategies:
            parse_strategy(spec)


@dataclass(frozen=True)
class Cohort:
    """The cases with label maps, and how to read both."""

    cases: tuple[Case, ...]
    load_image: Callable[[Case], Image]
    load_label: Callable[[Case], Image]
    values: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """One seed's view of the cohort: pool and test cases, and the pool's features and map."""

    seed: int
    pool: list[Case]
    test: list[Case]
    features: np.ndarray[Any, np.dtype[np.float32]]
    coords: np.ndarray[Any, np.dtype[np.float64]]


def parse_strategy(spec: str) -> tuple[str, dict[str, Any]]:
    """Return name and parameters of "levy:alpha=0.5:…"; unknown ones raise `InputError`."""
    name, *assignments = spec.split(":")
    parameters = read_assignments(assignments)
    strategies.get(name).parse(parameters)
    return name, parameters


class Simulation:
    """All runs of a protocol on a cohort; results lie as JSON files below `folder`."""

    def __init__(
        self,
        cohort: Cohort,
        protocol: Protocol,
        encoder: Encoder,
        training: TrainSettings,
        folder: Path,
    ) -> None:
        self.cohort = cohort
        self.protocol = protocol
        self.encoder = encoder
        self.training = training
        self.folder = folder
        self._label_hashes: dict[str, str] = {}

    def run(self, progress: Progress) -> list[dict[str, Any]]:
        """Do what is still missing and return one record a (strategy, seed, budget)."""
        store = FeatureStore(self.folder / "features")
        problems = encode_pool(
            self.cohort.cases, self.cohort.load_image, self.encoder, store, progress.part(0, 0.05)
        )
        for key, sentence in problems.items():
            progress.note(f"Left out {self._name(key)}: {sentence}")
        cases = [case for case in self.cohort.cases if case.key not in problems]
        records = []
        runs = [(s, name) for s in range(self.protocol.seeds) for name in self.protocol.strategies]
        split: Split | None = None
        for index, (repetition, strategy) in enumerate(runs):
            seed = FIRST_SEED + repetition
            if split is None or split.seed != seed:
                split = self._split(cases, store, seed)
            part = progress.part(
                0.05 + 0.95 * index / len(runs), 0.05 + 0.95 * (index + 1) / len(runs)
            )
            records += self._run(split, strategy, part)
        return records

    def _split(self, cases: Sequence[Case], store: FeatureStore, seed: int) -> Split:
        test_keys = set(split_test(cases, self.protocol.test_fraction, seed))
        pool = sorted((c for c in cases if c.key not in test_keys), key=lambda c: c.key)
        if not test_keys:
            raise InputError("The test split is empty: raise the test fraction or add cases.")
        features = store.get([case.key for case in pool], self.encoder)
        return Split(
            seed=seed,
            pool=pool,
            test=sorted((c for c in cases if c.key in test_keys), key=lambda c: c.key),
            features=features,
            coords=map_pool(features, seed).coords,
        )

    def _run(self, split: Split, strategy: str, progress: Progress) -> list[dict[str, Any]]:
        name, parameters = parse_strategy(strategy)
        labelled: list[int] = []
        entropy: np.ndarray[Any, Any] | None = None
        records = []
        rounds = len(self.protocol.budgets)
        for number, budget in enumerate(self.protocol.budgets):
            request = Candidates(
                features=split.features,
                coords=split.coords,
                candidates=np.setdiff1d(np.arange(len(split.pool)), labelled),
                labelled=np.array(labelled, dtype=np.int64),
                entropy=entropy,
                seed=split.seed,
            )
            selection = select(name, request, budget - len(labelled), parameters)
            labelled += [pick.index for pick in selection.picks]
            part = progress.part(
                number / rounds,
                (number + 1) / rounds,
                f"{strategy}, seed {split.seed}, {budget} labelled: ",
            )
            outcome = self._outcome(split, labelled, part)
            entropy = np.array([outcome["entropy"].get(c.key, np.nan) for c in split.pool])
            records.append(
                {
                    "strategy": strategy,
                    "seed": split.seed,
                    "budget": budget,
                    "round": number + 1,
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

    def _outcome(self, split: Split, labelled: Sequence[int], progress: Progress) -> dict[str, Any]:
        """Train on the labelled cases, score the test split, measure entropy on the rest."""
        from ActiveSeedLib.benchmark.outcome import train_and_score

        chosen = sorted((split.pool[i] for i in labelled), key=lambda c: c.key)
        settings = replace(self.training, seed=split.seed)
        folder = self.folder / "trainings" / self._digest(settings, chosen, split)
        stored = folder / "outcome.json"
        if stored.exists():
            progress.update(1.0, "done before")
            found: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
            return found
        outcome = train_and_score(self.cohort, chosen, split, settings, folder, progress)
        write_json(stored, outcome)
        return outcome

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

    def _name(self, key: str) -> str:
        return next(case.name for case in self.cohort.cases if case.key == key)
