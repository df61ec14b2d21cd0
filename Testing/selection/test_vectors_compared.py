"""Every output of every worked vector is compared by a test, or left out here with the reason.

What the outputs are is read from the README beside the vectors, and what is compared from the
assertions (and what they loop over) of the tests named here: an output that none of them mentions
any more is missed.
"""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
SUFFIXES = ("00", "03", "05", "10")  # α of the outputs of levy_al
TESTS = {
    "badge_a_n120_c4_b10": ["test_badge.py"],
    "batchbald_a_exact": ["test_bald.py"],
    "clasp_compose_a": ["test_clasp_pe.py"],
    "colossal_div_a_n80_b5": ["test_alps.py", "test_calr.py", "test_silhouette.py"],
    "coreset_a_n200_empty_b12": ["test_coreset.py"],
    "cscs_a_n120_b12": ["test_cscs.py"],
    "hilab_baselines_a_n90_b8": [
        "test_alps.py",
        "test_calr.py",
        "test_coreset.py",
        "test_probcover.py",
        "test_typiclust.py",
    ],
    "kmb_a_n105_b13": ["test_vectors.py"],
    "levy_al_a_n60_b5_a5": ["test_vectors.py"],
    "levy_cs_a_n60_b8": ["test_vectors.py"],
    "levy_cs_l_given_round_under": ["test_vectors.py"],
    "maxherding_a_n200_empty": ["test_herding.py"],
    "probcover_a_unit_n300_d0.9": ["test_probcover.py"],
    "stochastic_batches_a": ["test_stochastic_batches.py"],
    "sugfw_a_n60_k6": ["test_sugfw.py"],
    "sugfw_c_gscu_random": ["test_sugfw.py"],
    "typiclust_a_n60_b5": ["test_typiclust.py"],
    "typiclust_e_given_labels_roundrobin": ["test_typiclust.py"],
    "uherding_a_margin": ["test_herding.py"],
    "usl_a_n200_b10": ["test_usl.py"],
}
"""For each file the tests that compare with it."""
_ROUNDING = (
    "the paper's other readings of its rounding; methods.md decides for the largest remainder, "
    "which is `alloc`"
)
LEFT_OUT = {
    "levy_cs_a_n60_b8": {
        "alloc_literal_round_even": _ROUNDING,
        "alloc_literal_round_half_up": _ROUNDING,
    },
    "levy_cs_l_given_round_under": {
        "alloc_literal_round_even": _ROUNDING,
        "alloc_literal_round_half_up": _ROUNDING,
    },
}
"""Outputs that nothing of ours is compared with, and why."""


def _outputs(shared: Path) -> dict[str, set[str]]:
    """Return the outputs of each file by the README."""
    text = (shared / "vectors" / "README.md").read_text(encoding="utf-8")
    entries = re.findall(r"\*\*(\S+)\.npz\*\*(.*?)(?=\n- \*\*|\n#|\n\*\*|\Z)", text, re.DOTALL)
    found = {}
    for name, entry in entries:
        line = re.search(r"^  outputs: (.*)$", entry, re.MULTILINE)
        assert line is not None, f"{name} has no outputs"
        found[name] = set(re.findall(r"`(\w+)`", line[1]))
    return found


def _asserted(test: str, name: str) -> set[str]:
    """Return the texts within assertions of those functions of a test that concern a vector."""
    tree = ast.parse((HERE / test).read_text(encoding="utf-8"))
    loads = [one for one in tree.body if name in _texts(one)]
    loaders = {one.name for one in loads if isinstance(one, ast.FunctionDef)}
    texts: set[str] = set()
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        arguments = {argument.arg for argument in function.args.args}
        called = {one.id for one in ast.walk(function) if isinstance(one, ast.Name)}
        if function in loads or loaders & (arguments | called):
            for node in ast.walk(function):
                if isinstance(node, ast.Assert) or _compares(node) or isinstance(node, ast.For):
                    texts |= _texts(node.iter if isinstance(node, ast.For) else node)
    return texts


def _compares(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr.startswith("assert_")
    )


def _texts(node: ast.AST) -> set[str]:
    """Return the texts below a node; of `f"sel_a{suffix}"` that of every suffix."""
    texts = set()
    for one in ast.walk(node):
        if isinstance(one, ast.JoinedStr):
            for suffix in SUFFIXES:
                parts = [p.value if isinstance(p, ast.Constant) else suffix for p in one.values]
                texts.add("".join(map(str, parts)))
        elif isinstance(one, ast.Constant) and isinstance(one.value, str):
            texts |= {one.value, one.value.removesuffix(".npz")}
    return texts


def test_every_file_is_named(shared: Path) -> None:
    files = {path.stem for path in (shared / "vectors").glob("*.npz")}
    assert files == set(TESTS) == set(_outputs(shared))
    assert set(LEFT_OUT) <= files


@pytest.mark.parametrize("name", TESTS)
def test_every_output_is_compared_or_left_out(shared: Path, name: str) -> None:
    outputs = _outputs(shared)[name]
    with np.load(shared / "vectors" / f"{name}.npz") as vector:
        assert outputs <= set(vector.files)
    asserted = set().union(*(_asserted(test, name) for test in TESTS[name]))
    left_out = set(LEFT_OUT.get(name, {}))
    assert outputs - asserted == left_out
    assert all(outputs & _asserted(test, name) for test in TESTS[name])
