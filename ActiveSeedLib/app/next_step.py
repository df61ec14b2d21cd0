"""What to do next with a project: one sentence, and the button (or command) that does it."""

from dataclasses import dataclass

from ActiveSeedLib.project.project import Project


@dataclass(frozen=True)
class NextStep:
    """The next step.

    Attributes:
        action: "suggest", "label", "retrain" or "rescan".
        sentence: the same in words.
    """

    action: str
    sentence: str


def next_step(project: Project) -> NextStep:
    """Return what is next.

    Cases that wait for their label map come first; then a training, if it was interrupted or
    label maps are new; then the next suggestion; and where no case is left, new images.
    """
    if not project.images_root.is_dir():
        return NextStep(
            "rescan",
            f"The images folder {project.images_root} is not there: connect its disk, or choose "
            "the folder where the images are now.",
        )
    waiting = len(project.queue_order(usable=True))
    if waiting:
        noun = "case" if waiting == 1 else "cases"
        return NextStep("label", f"Label the {waiting} {noun} of the queue.")
    return _training(project) or _suggestion(project)


def _training(project: Project) -> NextStep | None:
    labels = project.training_labels()
    if not labels:
        return None
    if project.unfinished_model() is not None:
        return NextStep("retrain", "Go on with the training that was interrupted.")
    model = project.latest_model()
    known = model.provenance.get("labels", {}) if model else {}
    new = sum(known.get(key) != version for key, version in labels.items())
    if model is None:
        what = project.counted_labels(len(labels))
        return NextStep("retrain", f"Train a first model on the {what}.")
    if new:
        return NextStep(
            "retrain", f"Retrain: {project.counted_labels(new)} the model has not seen."
        )
    return None


def _suggestion(project: Project) -> NextStep:
    if project.count_candidates():
        which = "next" if project.training_labels() else "first"
        noun = "slices" if project.takes_slices else "cases"
        return NextStep("suggest", f"Suggest the {which} {noun} to label.")
    return NextStep(
        "rescan",
        "No case is left to choose; when there are new images, look at the images folder again.",
    )
