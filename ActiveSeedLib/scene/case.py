"""One case in the scene, from opening to closing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.drafts import read_draft
from ActiveSeedLib.scene.nodes import CASE, remove_nodes
from ActiveSeedLib.scene.overlay import remove_uncertainty, show_uncertainty
from ActiveSeedLib.scene.segments import add_segmentation
from ActiveSeedLib.scene.volumes import add_volume, set_sensible_window


class SceneCase:
    """The nodes of an open case.

    Args:
        scene: the vtkMRMLScene.
        image: the case's voxels.
        schema: the segments that it may have.
        key: of the case.
        name: of the case, as the user knows it.
        modality: such as "CT", for the window; None if unknown.
        label: what the segments hold at first; None for nothing.
        draft: a file that a `Draft` wrote, to go on with, in place of `label`.
        terminologies: value → terminology entry, where one is known.

    Attributes:
        key: of the case.
        volume: vtkMRMLScalarVolumeNode.
        segmentation: vtkMRMLSegmentationNode.
        uncertainty: vtkMRMLScalarVolumeNode, or None until `add_uncertainty`.

    Raises:
        ActiveSeedError: image, label map or draft cannot be used; the scene is as before.
    """

    def __init__(
        self,
        scene: Any,
        image: Image,
        schema: LabelSchema,
        key: str,
        name: str,
        *,
        modality: str | None = None,
        label: Image | None = None,
        draft: Path | None = None,
        terminologies: Mapping[int, str] | None = None,
    ) -> None:
        self.key = key
        self.uncertainty: Any = None
        self._scene = scene
        self.volume: Any = add_volume(scene, image, name, key)
        title = f"{name} segmentation"
        try:
            set_sensible_window(self.volume, modality)
            if draft is not None:
                self.segmentation = read_draft(scene, draft, self.volume, schema, title, key)
            else:
                self.segmentation = add_segmentation(
                    scene, self.volume, schema, title, key, label, terminologies
                )
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether volume and segmentation are still in the scene: the user may close it."""
        return all(node.GetScene() is not None for node in (self.volume, self.segmentation))

    def add_uncertainty(self, uncertainty: Image) -> Any:
        """Add the uncertainty of the prediction, hidden; see `overlay.show_uncertainty`."""
        self.uncertainty = show_uncertainty(self._scene, self.volume, uncertainty, self.key)
        return self.uncertainty

    def close(self) -> None:
        """Remove everything of the case from the scene; a second time does nothing."""
        remove_uncertainty(self._scene)
        self.uncertainty = None
        count = self._scene.GetNumberOfNodes()
        nodes = [self._scene.GetNthNode(index) for index in range(count)]
        remove_nodes(self._scene, [node for node in nodes if node.GetAttribute(CASE) == self.key])
