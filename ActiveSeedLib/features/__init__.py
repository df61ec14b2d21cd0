"""Image → vector: encoders, their weights, the feature store, the 2-D map.

Importing any part registers every encoder; none of it imports torch before an encoder is made.
"""

from ActiveSeedLib.features import mobilenet, radimagenet

__all__ = ["mobilenet", "radimagenet"]
