"""The version of ActiveSeed."""

__version__ = "0.1.0"
