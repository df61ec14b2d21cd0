"""One shard of per-case work, in a process of its own: on this machine or on a node of a cluster.

It sees the files of the work, the images, models and weights; never the project's database.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ActiveSeedLib.children import end_with_parent
from ActiveSeedLib.executor.shards import Folder, Images
from ActiveSeedLib.executor.work import Item, Reader, Work, below
from ActiveSeedLib.jobs.opening import ImageLoader
from ActiveSeedLib.jobs.units import verified_path
from ActiveSeedLib.pool.case import Case
from ActiveSeedLib.pool.integrity import Verified
from ActiveSeedLib.pool.slices import SliceReader, split_key
from ActiveSeedLib.project.project import Project

WORKS = {
    "encode": "ActiveSeedLib.jobs.encoding:EncodeWork",
    "measure": "ActiveSeedLib.jobs.passes:PassesWork",
    "predict": "ActiveSeedLib.jobs.predict:PredictWork",
    "score": "ActiveSeedLib.jobs.predict:ScoreWork",
}
"""The kinds of work; each is a dataclass whose fields `to_json` gives."""


def do_shard(root: str, key: str) -> None:
    """Work on those cases of a shard that nothing came of yet.

    Args:
        root: the folder of the work.
        key: of the shard.
    """
    folder = Folder(Path(root))
    try:
        work = _make_work(*folder.read_work())
        shard, images = folder.read_shard(key)
        with Verified(folder.verified / f"{key}.json") as verified:
            verified.learn(folder.project / images["verified"])
            folder.do(shard, work, _reader(folder.project, images, verified))
    except BaseException as error:
        if folder.root.is_dir():  # else the work is over, or given up
            folder.record_error(key, error)
        raise


def images_of(project: Project, items: tuple[Item, ...]) -> Images:
    """Return where the images of `items` are, as a task needs to know it."""
    volumes: dict[str, Case] = {}
    for item in items:
        key, index = split_key(item.case.key)
        if key not in volumes:
            volumes[key] = item.case if index is None else project.case(key).case
    thumbnails = {key: project.thumbnail_path(key) for key in volumes}
    return {
        "root": _seen_from(project.root, project.images_root),
        "axis": project.canonical_axis if project.takes_slices else None,
        "volumes": [case.to_json() for case in volumes.values()],
        "thumbnails": {key: _seen_from(project.root, path) for key, path in thumbnails.items()},
        "verified": _seen_from(project.root, verified_path(project)),
    }


def _seen_from(root: Path, path: Path) -> str:
    """Return the way from the project's folder, if there is one: it is the same on all machines."""
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive
        return str(path)


def _reader(project: Path, images: Images, verified: Verified) -> Reader:
    root = Path(os.path.normpath(project / images["root"]))
    loader = ImageLoader(root, verified, lambda key: below(project, images["thumbnails"][key]))
    if images["axis"] is None:
        return loader
    volumes = [Case.from_json(one) for one in images["volumes"]]
    return SliceReader(volumes, loader, images["axis"])


def _make_work(kind: str, values: dict[str, Any]) -> Work:
    module, _, name = WORKS[kind].partition(":")
    work: Work = getattr(import_module(module), name)(**values)
    return work


def main() -> None:
    """Do the shard that the command names; end when standard input does, with the parent."""
    end_with_parent()
    root, key = sys.argv[1:]
    do_shard(root, key)


if __name__ == "__main__":
    main()
