"""How ambiguous each case of a simulation's pool is for SAM, by the simulation's own encoder."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ActiveSeedLib.features.encoder import Encoder
from ActiveSeedLib.features.store import FeatureStore, measure_pool
from ActiveSeedLib.progress import Progress

if TYPE_CHECKING:
    from ActiveSeedLib.benchmark.cohort import Cohort
    from ActiveSeedLib.benchmark.split import Split


def pool_uncertainty_of_sam(
    cohort: "Cohort", split: "Split", encoder: Encoder, store: FeatureStore, progress: Progress
) -> NDArray[np.float64]:
    """Return SAM's uncertainty of each case of the split's pool, NaN where it cannot be measured.

    Args:
        cohort: the images.
        split: the pool; test cases take no part.
        encoder: `sam`; what it has seen of each slice while it encoded is used again.
        store: where the uncertainties are kept.
        progress: of what is still to be seen.
    """
    from ActiveSeedLib.features.sam_encoder import SamEncoder, SamUncertainty

    assert isinstance(encoder, SamEncoder)
    measure = SamUncertainty(encoder)
    return measure_pool(split.pool, cohort.load_image, measure, store, progress)
