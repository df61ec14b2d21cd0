"""The cases with label maps that a simulation labels and trains on."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ActiveSeedLib.benchmark.minutes import annotation_cost
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.slices import slices_of


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
    _hashes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _costs: dict[str, dict[str, float]] = field(default_factory=dict, repr=False, compare=False)

    def units(self, cases: Sequence[Case]) -> list[Case]:
        """Return what can be picked of `cases`: their slices, or themselves."""
        if self.slice_axis is None:
            return list(cases)
        return [unit for case in cases for unit in slices_of(case, self.slice_axis)]

    def label_hash(self, unit: Case) -> str:
        """Return a hash of the label map of a case or slice."""
        if unit.key not in self._hashes:
            array = self.load_label(unit).array
            digest = hashlib.sha256(repr((array.shape, array.dtype)).encode())
            digest.update(np.ascontiguousarray(array).data)
            self._hashes[unit.key] = digest.hexdigest()
        return self._hashes[unit.key]

    def cost(self, units: Sequence[Case]) -> dict[str, float]:
        """Return what labelling these cases or slices costs (`minutes.annotation_cost`), summed."""
        total: dict[str, float] = {"minutes": 0.0, "slices": 0, "voxels": 0, "foreground": 0}
        for unit in units:
            if unit.key not in self._costs:
                self._costs[unit.key] = annotation_cost(self.load_label(unit).array)
            total = {name: value + self._costs[unit.key][name] for name, value in total.items()}
        return total

    @property
    def digest(self) -> str:
        """A short hash of all images, label maps and patients, whatever the files' names."""
        facts = sorted([case.key, case.patient or "", self.label_hash(case)] for case in self.cases)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
