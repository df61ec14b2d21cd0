"""Progress of nested steps, and cancel."""

from typing import Any

import pytest

from ActiveSeedLib.errors import CancelledError
from ActiveSeedLib.progress import Progress


def test_parts_of_parts_map_onto_the_whole() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    whole = Progress(lambda kind, values: seen.append((kind, values)))
    second_half = whole.part(0.5, 1.0)
    second_half.part(0.5, 1.0).update(0.5, "Training, epoch 3 of 4")
    second_half.metric(epoch=3, loss=0.25)
    second_half.update(7.0, "Done")
    assert seen == [
        ("progress", {"fraction": 0.875, "step": "Training, epoch 3 of 4"}),
        ("metric", {"epoch": 3, "loss": 0.25}),
        ("progress", {"fraction": 1.0, "step": "Done"}),
    ]


def test_cancel_stops_every_part_at_its_next_report() -> None:
    wanted = False
    part = Progress(cancelled=lambda: wanted).part(0.2, 0.4)
    part.update(0.1, "Encoding")
    wanted = True
    with pytest.raises(CancelledError):
        part.update(0.2, "Encoding")
    with pytest.raises(CancelledError):
        part.metric(loss=1.0)
    with pytest.raises(CancelledError):
        part.check()
