"""The one path of per-case work: encode, predict, measure, score.

A job names the work and the cases that lack it, and keeps what comes of each: in this process, in
one process a GPU or in the tasks of a cluster, as the job's executor says. Only the process that
asks for the work writes to the project's database.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ActiveSeedLib.children import gpus
from ActiveSeedLib.executor.current import current_executor
from ActiveSeedLib.executor.outside import Launcher, Outside
from ActiveSeedLib.executor.processes import ProcessLauncher
from ActiveSeedLib.executor.settings import ExecutorSettings
from ActiveSeedLib.executor.shards import WORKS, Folder
from ActiveSeedLib.executor.shared import Server, SharedLauncher
from ActiveSeedLib.executor.slurm import SlurmLauncher, end_arrays
from ActiveSeedLib.executor.work import Item, Outcome, Place, Work, work_key
from ActiveSeedLib.features.shards import Shelf
from ActiveSeedLib.jobs import task
from ActiveSeedLib.jobs.opening import require_images
from ActiveSeedLib.jobs.units import reading, verified_path
from ActiveSeedLib.pool.integrity import Verified
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project

WORTH_A_PROCESS = 8
"""Cases a GPU from which on each has a process of its own; to start one takes some seconds."""


def carry_out(
    project: Project, work: Work, items: Sequence[Item], progress: Progress
) -> Iterator[Outcome]:
    """Yield what comes of each item, as it comes; see `Work.do`.

    What an earlier run outside this process left behind is used again.

    Raises:
        ImagesGoneError: the images folder is not there.
        InputError: no case can be worked on, or the cluster refuses it.
        CancelledError: through `progress`; what is done is kept, a later call goes on.
    """
    if not items:
        return
    require_images(project)
    folder = Folder.of_work(project.root, work_key(work))
    if current_executor().executor != "shared":
        end_arrays(folder.root)  # of a run that was killed
    folder.forget_problems()
    left = {item.key: item for item in items}
    for key, outcome in folder.new_outcomes(left.keys()):
        del left[key]
        yield outcome
    if left:
        yield from _carry_out_anew(project, folder, work, list(left.values()), progress)
    folder.remove()


def _carry_out_anew(
    project: Project, folder: Folder, work: Work, items: Sequence[Item], progress: Progress
) -> Iterator[Outcome]:
    launcher = _launcher(folder, work, len(items))
    if launcher is None:
        with reading(project) as load:
            place = Place(load, progress, project.root, project.features_folder)
            yield from work.do(items, place)
        return
    retries = current_executor().retries
    outside = Outside(folder, launcher, retries, lambda part: task.images_of(project, part))
    try:
        yield from outside.run(work, items, progress)
    finally:
        _take_over(project, folder)


def task_server(project: Path, settings: ExecutorSettings) -> Server:
    """Return what begins the tasks that jobs on other machines ask for.

    Args:
        project: its folder; its database is not opened.
        settings: where the tasks run, and what they may use.
    """

    def launcher(folder: Folder) -> Launcher:
        if settings.executor == "slurm":
            return SlurmLauncher(task.do_shard, folder.root, folder.logs, settings)
        places = gpus()
        width = settings.array_width or max(1, len(places))
        return ProcessLauncher(task.__name__, folder.root, folder.logs, width, places)

    return Server(project / WORKS, launcher)


def _take_over(project: Project, folder: Folder) -> None:
    """Keep what tasks learnt besides: of the image files, and of the parts of cases."""
    with Verified(verified_path(project)) as verified:
        for path in folder.verified.glob("[!.]*.json"):
            verified.learn(path)
    for kept in folder.kept():
        Shelf(project.features_folder / kept.name).take_over(Shelf(kept))


def _launcher(folder: Folder, work: Work, count: int) -> Launcher | None:
    """Return what begins the tasks; None if this process does the work."""
    settings = current_executor()
    if settings.executor == "shared":
        return SharedLauncher(folder.root, settings.array_width)
    if settings.executor == "slurm":
        return SlurmLauncher(task.do_shard, folder.root, folder.logs, settings)
    places = [] if work.device == "cpu" else gpus()
    width = settings.array_width or (len(places) if count >= WORTH_A_PROCESS * len(places) else 1)
    if min(width, count) < 2:
        return None
    return ProcessLauncher(task.__name__, folder.root, folder.logs, width, places)
