"""How ambiguous each case of the pool is for the Segment Anything Model."""

from typing import TYPE_CHECKING

from ActiveSeedLib.features.encoder import Encoder, make_encoder
from ActiveSeedLib.features.store import FeatureStore
from ActiveSeedLib.jobs.encoding import encode_units
from ActiveSeedLib.jobs.opening import require_images
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.project.project import Project

if TYPE_CHECKING:
    from ActiveSeedLib.features.sam_encoder import SamUncertainty


def sam_measure(encoder: Encoder, device: str) -> "SamUncertainty":
    """Return the measure that goes with the pool's encoder, its provenance in it.

    Args:
        encoder: of the pool. If it is `sam`, what it has seen of each slice is used again; beside
            any other one, SAM with its default parameters looks at the pool.
        device: "auto", "cpu" or "cuda", where SAM is not there yet.

    Raises:
        InputError: there are no weights; the sentence says what to get.
    """
    sam = encoder if encoder.name == "sam" else make_encoder("sam", {"device": device})
    from ActiveSeedLib.features.sam_encoder import SamEncoder, SamUncertainty

    assert isinstance(sam, SamEncoder)
    return SamUncertainty(sam)


def sam_uncertainty_of(
    project: Project, measure: "SamUncertainty", progress: Progress
) -> dict[str, float]:
    """Return the uncertainty of each case of the pool by key, of a volume the mean of its slices.

    Slices that SAM has seen with the same parameters are not looked at again. A case that cannot be
    read is noted and left out; test cases have no uncertainty.

    Args:
        project: open for writing.
        measure: see `sam_measure`.
        progress: of looking; a later call goes on where a cancelled one stopped.

    Raises:
        CancelledError: through `progress`.
    """
    pool = project.units_of(r.case for r in project.cases() if r.available and not r.held_out)
    source = {"sam_uncertainty": measure.parameters}
    store = FeatureStore(project.features_folder)
    failures = encode_units(project, pool, measure, {measure.hash: source}, store, progress)
    if failures:
        require_images(project)
    names = {case.key: case.name for case in pool}
    for key, sentence in failures.items():
        progress.note(f"SAM's uncertainty of {names[key]} is not known: {sentence}")
    known = [key for key in names if key not in failures]
    values = store.get(known, measure)
    return {key: float(value) for key, (value,) in zip(known, values, strict=True)}
