"""How a job gets its project, its parameters and the images."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from ActiveSeedLib.errors import ImagesGoneError, InputError, UnreadableImageError
from ActiveSeedLib.executor.current import executing
from ActiveSeedLib.executor.settings import executor_settings
from ActiveSeedLib.files import needing_disk
from ActiveSeedLib.pictures import save_thumbnail
from ActiveSeedLib.pool.case import Case, Image
from ActiveSeedLib.pool.integrity import Verified, verify_case
from ActiveSeedLib.pool.readers import read_image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.registry import parse_parameters

P = TypeVar("P")
ProjectJob = Callable[[Project, P, Progress], dict[str, Any]]


def on_project(
    kind: type[P],
) -> Callable[[ProjectJob[P]], Callable[[dict[str, Any], Progress], dict[str, Any]]]:
    """Return a decorator that turns a function of an open project into a job.

    The job's parameters hold "project" (a folder), "session" (the token of the front end that holds
    the project, if one does), "executor" (where per-case work is done, if not as the environment
    says) and the fields of the dataclass `kind`.
    """

    def decorate(function: ProjectJob[P]) -> Callable[[dict[str, Any], Progress], dict[str, Any]]:
        @wraps(function)
        def job(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
            rest = dict(params)
            root = Path(rest.pop("project"))
            session = rest.pop("session", None)
            settings = executor_settings(rest.pop("executor", None))
            parameters = parse_parameters(function.__name__, kind, rest)
            with (
                executing(settings),
                needing_disk(root),
                Project.open(root, session=session) as project,
            ):
                return function(project, parameters, progress)

        return job

    return decorate


def require_images(project: Project) -> None:
    """Raise `ImagesGoneError` if the images folder is not there: no one case is to blame."""
    _require_folder(project.images_root)


def _require_folder(images: Path) -> None:
    if not images.is_dir():
        raise ImagesGoneError(
            f"The images folder {images} is not there: connect its disk, or tell the "
            "project where the images are now (Images moved…, or activeseed rescan --images)."
        )


def check_outside(path: Path, images: Path) -> None:
    """Raise `InputError` if `path` lies in the images folder."""
    if path.resolve().is_relative_to(images.resolve()):
        raise InputError(
            f"{path} lies in the images folder, which is never written to: choose another place."
        )


class ImageLoader:
    """Reads images: checks once that a file is whole, and leaves a thumbnail.

    Args:
        root: the images folder.
        verified: what is known of the files.
        thumbnail: returns where the small picture of a case belongs, by its key.
    """

    def __init__(self, root: Path, verified: Verified, thumbnail: Callable[[str], Path]) -> None:
        self._root = root
        self._verified = verified
        self._thumbnail = thumbnail

    def __call__(self, case: Case) -> Image:
        """Return the image of `case`.

        Raises:
            UnreadableImageError: its file is not whole.
            ImagesGoneError: no image is there any more.
            DiskError: the project's folder is gone or full.
        """
        verdict = verify_case(self._root, case, self._verified)
        if verdict is not None:
            _require_folder(self._root)
            raise UnreadableImageError(verdict)
        try:
            image = read_image(self._root, case)
        except UnreadableImageError:
            _require_folder(self._root)  # it went while we were at work
            raise
        thumbnail = self._thumbnail(case.key)
        if not thumbnail.exists():
            save_thumbnail(thumbnail, image)
        return image
