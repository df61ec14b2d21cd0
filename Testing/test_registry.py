"""Choosing a method by name and giving it parameters."""

from dataclasses import dataclass
from typing import Literal

import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.registry import Registry, parse_parameters


@dataclass(frozen=True)
class Options:
    budget: int
    alpha: float = 0.3
    device: Literal["cpu", "cuda"] = "cpu"
    weights: str | None = None
    size: tuple[int, ...] = (256, 256)
    pair: tuple[float, float] | None = None
    pick: bool = False


def test_parameters_fill_the_defaults() -> None:
    options = parse_parameters("levy", Options, {"budget": 8, "alpha": 1, "size": [64, 64]})
    assert (options.budget, options.alpha, options.device) == (8, 1, "cpu")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "needs the parameter budget"),
        ({"budget": 8, "alhpa": 0.1}, "no parameter 'alhpa'"),
        ({"budget": "8"}, "must be a whole number"),
        ({"budget": True}, "must be a whole number"),
        ({"budget": 8, "alpha": "a"}, "alpha of levy is 'a'; it must be a number"),
        ({"budget": 8, "device": "gpu"}, "device of levy is 'gpu'; it must be one of: cpu, cuda"),
        ({"budget": 8, "weights": 3}, "weights of levy is 3; it must be text or null"),
        ({"budget": 8, "size": "8,16"}, "'8,16'; it must be a list of whole numbers, in brackets"),
        ({"budget": 8, "size": [8, 1.5]}, "must be a list of whole numbers, in brackets"),
        ({"budget": 8, "pair": [1, "x"]}, "must be a list of 2 numbers, in brackets"),
        ({"budget": 8, "pick": "all"}, "must be true or false"),
    ],
)
def test_a_wrong_parameter_is_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_parameters("levy", Options, values)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    methods: Registry[object] = Registry("strategy")
    methods.register("levy", summary="", citation="")(object())
    methods.register("random", summary="", citation="")(object())
    with pytest.raises(
        InputError, match=r"no strategy called 'levi'; did you mean 'levy'\? Choose"
    ):
        methods.get("levi")
    with pytest.raises(InputError, match=r"'x'\. Choose one of: levy, random\."):
        methods.get("x")


def test_a_name_is_taken_once() -> None:
    methods: Registry[object] = Registry("strategy")
    methods.register("levy", summary="", citation="")(object())
    with pytest.raises(ValueError, match="twice"):
        methods.register("levy", summary="", citation="")(object())
