"""Slicer without its windows: `slicer-core` made to look like a started application.

The order follows Slicer's own start: application logic, scene, then the logic of each module.
"""

import atexit
import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import slicer

# Module → the class of its logic, in an order that puts what others rely on first.
MODULES = {
    "Data": "vtkSlicerDataModuleLogic",
    "Units": "vtkSlicerUnitsLogic",
    "Colors": "vtkSlicerColorLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "ViewControllers": "vtkSlicerViewControllersLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
}


# A few of SNOMED CT's codes: category → type → (code, colour), in place of Slicer's long lists.
TERMINOLOGY = "Segmentation category and type - 3D Slicer General Anatomy list"
TERMS: dict[tuple[str, str], dict[str, tuple[str, list[int]]]] = {
    ("Tissue", "85756007"): {"Tissue": ("85756007", [128, 174, 128])},
    ("Anatomical Structure", "123037004"): {
        "Liver": ("10200004", [221, 130, 101]),
        "Spleen": ("78961009", [157, 108, 162]),
        "Hippocampus": ("5366008", [240, 180, 90]),
    },
}


class CoreModule:
    """What `slicer.modules.<name>` gives, as far as it needs no window."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = name
        self._logic = logic

    def logic(self) -> Any:
        """Return the module's logic, which has the scene."""
        return self._logic


def start() -> None:
    """Make `slicer.mrmlScene` and `slicer.modules` ready; a second call does nothing.

    The scene holds what a started Slicer has: selection, interaction, crosshair, the colour nodes,
    the subject hierarchy and the three slice views. `application_logic()` gives the logic
    that Slicer has under `slicer.app.applicationLogic()`.
    """
    if hasattr(slicer, "mrmlScene"):
        return
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    slicer.mrmlScene = scene
    slicer.modules = types.ModuleType("slicer.modules")
    sys.modules["slicer.modules"] = slicer.modules
    slicer.modules.applicationLogic = application

    home = tempfile.TemporaryDirectory(prefix="slicer-core-")
    atexit.register(home.cleanup)
    share = Path(home.name)
    (share / "share" / "ColorFiles").mkdir(parents=True)
    _write_terminologies(share / "share")
    application.SetHomeDirectory(str(share))
    application.SetShareDirectory("share")
    application.SetMRMLScene(scene)
    for name, class_name in MODULES.items():
        logic = getattr(slicer, class_name)()
        if logic.IsA("vtkSlicerModuleLogic"):
            logic.SetModuleShareDirectory(str(share / "share"))
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        application.SetModuleLogic(name, logic)
        setattr(slicer.modules, name.lower(), CoreModule(name, logic))
    application.SetColorLogic(slicer.modules.colors.logic())
    scene.GetSubjectHierarchyNode()
    add_singletons()


def add_singletons() -> None:
    """Add the crosshair and the slice views, as Slicer has them; again after `Clear(1)`."""
    scene = slicer.mrmlScene
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene)
    for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
        if scene.GetNodeByID(f"vtkMRMLSliceNode{name}") is None:
            _add_slice_view(name, orientation)


def application_logic() -> Any:
    """Return the application logic that `start` made."""
    return slicer.modules.applicationLogic


def _write_terminologies(folder: Path) -> None:
    """Write the files that the terminologies logic reads when it starts."""
    source = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc"
    categories = [
        {
            **_code(category, code),
            "Type": [
                {**_code(name, number), "recommendedDisplayRGBValue": color}
                for name, (number, color) in types_.items()
            ],
        }
        for (category, code), types_ in TERMS.items()
    ]
    for name, title in (
        ("SlicerGeneralAnatomy", TERMINOLOGY),
        ("DICOM-Master", "Segmentation category and type - DICOM master list"),
    ):
        terms = {
            "SegmentationCategoryTypeContextName": title,
            "@schema": f"{source}/segment-context-schema.json#",
            "SegmentationCodes": {"Category": categories},
        }
        path = folder / f"SegmentationCategoryTypeModifier-{name}.term.json"
        path.write_text(json.dumps(terms), encoding="utf-8")
    regions = {
        "AnatomicContextName": "Anatomic codes - DICOM master list",
        "@schema": f"{source}/anatomic-context-schema.json#",
        "AnatomicCodes": {"AnatomicRegion": [_code("Abdomen", "818981001")]},
    }
    path = folder / "AnatomicRegionAndModifier-DICOM-Master.term.json"
    path.write_text(json.dumps(regions), encoding="utf-8")


def _code(meaning: str, value: str) -> dict[str, Any]:
    return {"CodeMeaning": meaning, "CodingSchemeDesignator": "SCT", "CodeValue": value}


def _add_slice_view(name: str, orientation: str) -> None:
    scene = slicer.mrmlScene
    view = scene.CreateNodeByClass("vtkMRMLSliceNode")
    view.UnRegister(None)
    view.SetName(name)
    view.SetSingletonTag(name)
    view.SetLayoutName(name)
    view.SetLayoutLabel(name[0])
    view = scene.AddNode(view)
    view.SetDefaultOrientation(orientation)  # which a closed scene goes back to
    view.SetOrientation(orientation)
    composite = slicer.vtkMRMLSliceCompositeNode()
    composite.SetName(name)
    composite.SetSingletonTag(name)
    composite.SetLayoutName(name)
    scene.AddNode(composite)
