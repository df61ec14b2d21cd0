"""The numbers that the papers give are the defaults, and none of them changes unseen."""

from dataclasses import fields
from inspect import signature
from typing import Any

from ActiveSeedLib.features.encoder import encoders
from ActiveSeedLib.features.masked_autoencoder_images import AutoencoderSettings
from ActiveSeedLib.segmentation.settings import PAPER_EPOCHS, TrainSettings
from ActiveSeedLib.selection import (
    calr,
    clasp_pe,
    cscs,
    foreground_random,
    herding,
    levy,
    probcover,
    sugfw,
    typiclust,
)
from ActiveSeedLib.selection.strategy import strategies


def _default(function: Any, name: str) -> Any:
    return signature(function).parameters[name].default


def _chosen(strategy: str) -> dict[str, Any]:
    kind = strategies.get(strategy).parameters
    return {field.name: getattr(kind(), field.name) for field in fields(kind)}


def test_levy() -> None:
    assert _default(levy.active_selection, "alpha") == 0.3
    assert _default(levy.active_selection, "count_labelled") is True
    assert _default(levy.active_selection, "first") == "entropy"
    assert _default(levy.active_selection, "dmax_over") == "step"
    assert _default(levy.cold_start, "farthest_from") == "own"
    assert levy.EPSILON == 1e-8
    for name in ("levy", "levy-active"):
        assert _chosen(name)["alpha"] == 0.3
        assert _chosen(name)["count_labelled"] is True


def test_its_training() -> None:
    paper = TrainSettings()
    assert (paper.size_2d, paper.dropout, PAPER_EPOCHS) == ((256, 256), 0.15, 120)
    assert paper.seed == 43  # the first of 42 + r


def test_cscs() -> None:
    assert _default(cscs.typicality, "k") == 20
    assert [cscs.neighbours_for(count) for count in (99, 100)] == [15, 20]
    assert (_default(cscs.pacing, "low"), _default(cscs.pacing, "high")) == (0.3, 0.7)
    assert _default(cscs.stratified_picks, "thin_below") == 3
    assert _default(cscs.stratified_picks, "fill") == _chosen("cscs")["fill"] == "ranking"
    seen = AutoencoderSettings()
    assert (seen.rotations, seen.views, seen.hidden, seen.side_3d) == (3, 3, 0.45, 96)


def test_sugfw() -> None:
    sam = encoders.get("sam").parameters()
    assert (sam.views, sam.largest, sam.sign) == (10, 0.5, "+")
    assert _default(sugfw.union_of_masks, "largest") == 0.5
    assert _default(sugfw.uncertainty_map, "sign") == "+"


def test_baselines() -> None:
    assert _default(typiclust.cluster_count, "most") == 500
    assert _default(typiclust.neighbour_count, "most") == 20
    assert _default(typiclust.typiclust, "smallest") == 6
    assert _default(typiclust.typiclust, "squared") is False
    assert _chosen("typiclust") == {"distance": "euclidean"}
    assert _default(probcover.widest_pure_delta, "least") == _chosen("probcover")["purity"] == 0.95
    assert _default(probcover.probcover, "inclusive") is False
    assert _default(herding.herding, "width") == _chosen("maxherding")["width"] == 1.0
    assert _chosen("uherding")["adaptive"] is True
    assert _default(calr.birch_labels, "threshold") == 0.5
    assert _default(foreground_random.foreground_aware, "share") == 0.66
    assert _chosen("foreground-random") == {"share": 0.66}
    assert _default(clasp_pe.quotas, "share") == _chosen("clasp-pe")["share"] == 0.66
