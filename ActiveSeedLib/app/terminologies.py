"""What the segments are in Slicer's terminologies, kept with the project's settings."""

from ActiveSeedLib.project.project import Project

TERMINOLOGIES = "terminologies"


def terminologies_of(project: Project) -> dict[int, str]:
    """Return value → the entry of Slicer's terminology, for the segments that have one."""
    kept = project.settings.get(TERMINOLOGIES, {})
    return {int(value): entry for value, entry in kept.items()}
