"""What can go wrong, each said in one clear sentence: what is wrong, which file, what to do."""

from pathlib import Path


class ActiveSeedError(Exception):
    """A problem whose message is a whole sentence that a user can act on."""


class InputError(ActiveSeedError):
    """Something the user gave cannot be used; the command line ends with exit code 2."""


class PoolTooSmallError(InputError):
    """More cases were asked for than the pool can give."""

    def __init__(self, available: int, requested: int) -> None:
        super().__init__(
            f"The pool has {available} cases to choose from, but {requested} were asked for: "
            "lower the budget or add images."
        )
        self.available = available
        self.requested = requested


class ProjectLockedError(InputError):
    """Another process is writing to the project."""


class DamagedProjectError(InputError):
    """The database of a project is damaged or missing; `activeseed repair` rebuilds it.

    Attributes:
        root: the project's folder.
    """

    def __init__(self, sentence: str, root: Path) -> None:
        super().__init__(sentence)
        self.root = root


class ImagesGoneError(InputError):
    """The images folder is not there: its disk is not connected, or it was moved."""


class MissingDependencyError(InputError):
    """A package that a step needs is missing; the message names the command that installs it."""


class UnreadableImageError(ActiveSeedError):
    """An image file cannot be read, or is not whole."""


class OutOfMemoryError(ActiveSeedError):
    """A step does not fit the memory, even in its smallest form."""


class DiskError(ActiveSeedError, OSError):
    """A disk is full, gone or failing."""


class CancelledError(Exception):
    """The user asked to stop; nothing is wrong."""


NO_CASE_TO_BLAME = (CancelledError, DiskError, ImagesGoneError)
"""What ends the work on a pool, while all else that goes wrong is noted with its case."""
