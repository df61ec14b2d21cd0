"""Image → vector: encoders, their weights, the feature store, the 2-D map.

Importing any part registers every encoder; none of it imports torch before an encoder is made.
"""

from ActiveSeedLib.features import cscs_encoder, descriptor, fused, mobilenet, radimagenet, sam

DEFAULT_ENCODER = "descriptor"
"""The encoder that works everywhere: no weights, no download, no GPU."""

__all__ = [
    "DEFAULT_ENCODER",
    "cscs_encoder",
    "descriptor",
    "fused",
    "mobilenet",
    "radimagenet",
    "sam",
]
