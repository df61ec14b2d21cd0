"""How long a project with many cases takes to make, open, list and select from.

python Testing/benchmarks/bench_project.py [cases, default 10000]
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ActiveSeedLib.pool.case import Case, Geometry, Image, Pool
from ActiveSeedLib.project import LabelSchema, Project


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what:<42} {time.perf_counter() - start:8.3f} s")


def case(number: int) -> Case:
    path = f"site/case_{number:06d}.nii.gz"
    geometry = Geometry((35, 50, 36), (1.0, 1.0, 1.0), (number * 0.1, 2.0, 3.0))
    name = f"site__case_{number:06d}"
    patient = f"p{number // 2}"
    return Case(f"{number:032x}", name, path, "nifti", (path,), geometry, patient)


def main(count: int) -> None:
    cases = tuple(case(number) for number in range(count))
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(f"{folder}/images", cases)
        test = [one.key for one in cases[: count // 10 * 2]]
        root = Path(folder, "project")
        with timed(f"create with {count} cases"):
            Project.create(root, pool, LabelSchema.parse("1=a,2=b"), test=test).close()
        with timed("open"):
            project = Project.open(root)
        with timed("list all cases"):
            project.cases()
        with timed("statuses only"):
            project.statuses()
        with timed("rescan, nothing changed"):
            project.update_pool(pool)
        with timed("select 100"):
            picks = [(one.key, "Because.", {"entropy": 0.5}) for one in cases[-100:]]
            project.add_selection("levy", {}, 1, {}, picks)
        with timed("queue"):
            project.queue()
        with timed("summary"):
            project.summary()
        array = np.random.default_rng(0).integers(0, 3, (36, 50, 35), np.uint8)
        with timed("save 100 label maps"):
            for one in cases[-100:]:
                project.save_label(one.key, Image(array, one.geometry), source="bench")
        project.close()
        with timed("open again"):
            Project.open(root).close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
