"""The annotation project on disk: cases, label maps, rounds, models, and who may write."""

from ActiveSeedLib.project.imports import ImportReport, values_found
from ActiveSeedLib.project.label_folder import LabelFolder, find_label_for
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.project.records import (
    CaseRecord,
    CaseRow,
    Event,
    LabelVersion,
    MapRecord,
    ModelRecord,
    Pick,
    PoolChange,
    QueueItem,
    Round,
    SavedLabel,
    Status,
)
from ActiveSeedLib.project.schema import LabelSchema, Segment

__all__ = [
    "CaseRecord",
    "CaseRow",
    "Event",
    "ImportReport",
    "LabelFolder",
    "LabelSchema",
    "LabelVersion",
    "MapRecord",
    "ModelRecord",
    "Pick",
    "PoolChange",
    "Project",
    "QueueItem",
    "Round",
    "SavedLabel",
    "Segment",
    "Status",
    "find_label_for",
    "values_found",
]
