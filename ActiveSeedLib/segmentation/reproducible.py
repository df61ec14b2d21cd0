"""Random generators and torch's switches, set for a block of code and put back after it."""

import importlib
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def reproducible(seed: int, threads: int | None = None) -> Iterator[None]:
    """Seed Python's, numpy's and torch's generators and ask for deterministic algorithms.

    The generators, the switches and the number of threads are restored afterwards. On a CPU equal
    seeds and thread counts give bit-identical results; on a GPU the few operations without a
    deterministic form are used nevertheless.
    """
    switches: Any = importlib.import_module("torch.utils.deterministic")
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    strict = torch.are_deterministic_algorithms_enabled()
    strict_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    filling = switches.fill_uninitialized_memory
    search, count = torch.backends.cudnn.benchmark, torch.get_num_threads()
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - MONAI and others may use the global one
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        switches.fill_uninitialized_memory = False  # slow, and nothing reads it
        torch.backends.cudnn.benchmark = False
        if threads is not None:
            torch.set_num_threads(threads)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*deterministic")
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        if gpus:
            torch.cuda.set_rng_state_all(gpus)
        torch.use_deterministic_algorithms(strict, warn_only=strict_warns)
        switches.fill_uninitialized_memory = filling
        torch.backends.cudnn.benchmark = search
        torch.set_num_threads(count)
