"""What both front ends show of training: the table of the rounds, and what jobs noted."""

from typing import TYPE_CHECKING

from ActiveSeedLib.app.advice import TEST, RoundScore
from ActiveSeedLib.project.project import Project

if TYPE_CHECKING:
    from ActiveSeedLib.worker.stream import JobState

TRAIN = "train"
BY_ROUND, BY_EPOCH = range(2)
CURVES = ("Dice by round", "Loss and Dice by epoch")
EMPTY = ("No model has been scored yet: train one first.", "Nothing was trained yet.")
COLUMNS = ("Labelled", "Dice", "Quartiles", "Measured on")


def score_cells(score: RoundScore) -> tuple[str, str, str, str]:
    """Return a line of the table of rounds, as `COLUMNS` has it."""
    noun = "test" if score.split == TEST else "cross-validated"
    return (
        str(score.labelled),
        f"{score.dice:.3f}",
        f"{score.low:.2f} to {score.high:.2f}",
        f"{score.cases} {noun} cases",
    )


class JobNotes:
    """What jobs noted, kept for as long as the next training does not begin.

    Attributes:
        texts: the sentences, each once, in order; at first those of the project's latest training.
    """

    def __init__(self, project: Project) -> None:
        model = project.latest_model()
        self.texts: list[str] = list(model.metrics.get("skipped", [])) if model is not None else []
        self._job, self._seen = "", 0

    def take(self, state: "JobState") -> bool:
        """Follow a job; return whether the texts are other ones now."""
        before = self.texts
        if state.id != self._job:
            self._job, self._seen = state.id, 0
            if state.job == TRAIN:
                self.texts = []
        fresh = state.notes[self._seen :]
        self._seen = len(state.notes)
        self.texts = list(dict.fromkeys([*self.texts, *fresh]))
        return self.texts != before
