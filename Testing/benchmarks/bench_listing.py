"""How long it takes to list a folder of many small volumes, and to prove that a stream is whole.

    python Testing/benchmarks/bench_listing.py [--files 10000] [--sample 500]

The readers compared with are timed on a sample of the files and scaled to all of them.
"""

import argparse
import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK
from scipy.ndimage import gaussian_filter

from ActiveSeedLib.pool import inflate
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.pool.integrity import verify
from ActiveSeedLib.pool.readers import read_file, write_image
from ActiveSeedLib.pool.scan import scan

try:
    import nibabel
except ImportError:  # only compared with
    nibabel = None


def seconds(function: Callable[[], object], repeats: int = 3) -> float:
    """Return the best wall time of `function`."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def write_pool(folder: Path, count: int) -> list[Path]:
    """Write `count` different volumes of 24×32×32 voxels, 100 a folder, through one template."""
    rng = np.random.default_rng(0)
    volume = gaussian_filter(rng.normal(size=(24, 32, 32)), 1.5).astype(np.float32)
    write_image(folder / "template.nii.gz", volume, Geometry((32, 32, 24), (1.0, 1.0, 2.0)))
    plain = bytearray(gzip.decompress((folder / "template.nii.gz").read_bytes()))
    (folder / "template.nii.gz").unlink()
    paths = []
    for index in range(count):
        path = folder / f"site{index // 100:03d}" / f"case{index:05d}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        plain[352:356] = index.to_bytes(4, "little")
        path.write_bytes(gzip.compress(bytes(plain), 1))
        paths.append(path)
    return paths


def simpleitk_header(path: Path) -> None:
    """Read what SimpleITK needs for the geometry."""
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    reader.GetDirection()


def nibabel_header(path: Path) -> None:
    """Read what nibabel needs for the geometry."""
    image = nibabel.load(path)
    image.affine  # noqa: B018


def listing(folder: Path, count: int, sample: int) -> None:
    """Print the seconds of a scan and those of other header readers."""
    paths = write_pool(folder, count)
    ours = seconds(lambda: scan(folder))
    pool = scan(folder)
    if len(pool.cases) != count:
        raise SystemExit(f"{len(pool.cases)} cases of {count}: {pool.refused[:3]}")
    print(f"{count:,} files, scan (headers, content keys, names): {ours:.2f} s")
    print(f"  that is {1e6 * ours / count:.0f} µs a file")
    others: dict[str, Callable[[Path], object]] = {
        "SimpleITK, header alone": simpleitk_header,
        "SimpleITK, whole": lambda path: SimpleITK.ReadImage(str(path)),
        "ours, whole (with checksum)": read_file,
    }
    if nibabel is not None:
        others["nibabel, header alone"] = nibabel_header
    some = paths[:: max(1, count // sample)]
    for name, read in others.items():
        scaled = seconds(lambda read=read: [read(path) for path in some]) * count / len(some)
        print(f"  {name:28s} {scaled:7.2f} s   {scaled / ours:5.1f} × the scan")


def inflating(folder: Path) -> None:
    """Print how fast one large stream is proven whole, with isal and with the standard library."""
    rng = np.random.default_rng(1)
    volume = (gaussian_filter(rng.normal(size=(100, 256, 256)), 2) * 3000).astype(np.int16)
    path = folder / "large.nii.gz"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(volume), str(path))
    megabytes = volume.nbytes / 1e6
    fast = seconds(lambda: verify(path))
    read = seconds(lambda: read_file(path))
    theirs = seconds(lambda: SimpleITK.ReadImage(str(path)))
    chosen, inflate._gzip = inflate._gzip, gzip
    slow = seconds(lambda: verify(path))
    inflate._gzip = chosen
    print(
        f"One stream of {megabytes:.0f} MB inflated ({path.stat().st_size / 1e6:.0f} MB on disk):"
    )
    print(f"  verify, {chosen.__name__:14s} {fast:.3f} s  {megabytes / fast:5.0f} MB/s")
    print(
        f"  verify, stdlib gzip    {slow:.3f} s  {megabytes / slow:5.0f} MB/s ({slow / fast:.1f} ×)"
    )
    print(f"  read_file              {read:.3f} s")
    print(f"  SimpleITK.ReadImage    {theirs:.3f} s ({theirs / read:.1f} × read_file; no checksum)")


def main() -> int:
    """Run both and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        listing(Path(folder), arguments.files, arguments.sample)
    with tempfile.TemporaryDirectory() as folder:
        inflating(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
