"""What runs in the background, in words: the step, the time left, and what Cancel does."""

import math

from ActiveSeedLib.worker.stream import JobState

PATIENCE_SECONDS = 5.0
"""After this long without an answer to Cancel, the job can be ended by force."""
CANCEL_TIP = (
    "Stop this job. Nothing that was saved is lost, and a training goes on from where it was."
)
STOP_TIP = (
    "End the background process by force: it has not answered. Nothing that was saved is lost."
)


def time_left(seconds: float) -> str:
    """Return in words how long it still takes: "a few seconds left", "about 20 minutes left"."""
    if seconds < 8:
        return "a few seconds left"
    if seconds < 55:
        return f"about {5 * math.ceil(seconds / 5)} seconds left"
    minutes = math.ceil(seconds / 60 - 0.25)
    if minutes < 60:
        return f"about {_count(minutes, 'minute')} left"
    hours, rest = divmod(15 * round(minutes / 15), 60)
    text = _count(hours, "hour") + (f" {rest} minutes" if rest else "")
    return f"about {text} left"


def step_words(state: JobState) -> str:
    """Return what a job does now, and how far it is."""
    if state.status == "cancelling":
        return "Stopping…"
    if not state.step:
        return "Starting the background process…" if state.status == "waiting" else "Starting…"
    return f"{state.step} ({100 * state.fraction:.0f} %)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
