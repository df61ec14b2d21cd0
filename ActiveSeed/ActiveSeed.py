"""ActiveSeed in 3D Slicer: which scans to label first, and which next.

This version brings the library and the command `activeseed`; the module tells how to use them.
The panel that runs the same loop inside Slicer is the next step.
"""

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget


class ActiveSeed(ScriptedLoadableModule):
    """The module's entry in Slicer's module list."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "ActiveSeed"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Active Learning")]
        parent.dependencies = []
        parent.contributors = ["The ActiveSeed developers"]
        parent.helpText = _(
            "ActiveSeed tells you which scans to label first, then which next, and trains a "
            "segmentation model on what was labelled."
        )
        parent.acknowledgementText = _(
            "The selection follows Levy et al., From Cold Start to Active Learning: "
            "Embedding-Based Scan Selection for Medical Image Segmentation (arXiv:2601.18532)."
        )


class ActiveSeedWidget(ScriptedLoadableModuleWidget):
    """Says what this version can do, and where its command is."""

    def setup(self):
        """Build the widget; works without a main window."""
        ScriptedLoadableModuleWidget.setup(self)
        text = qt.QLabel(
            _(
                "The ActiveSeed library {version} is installed. In this version the loop runs from "
                "the command line:\n\nPythonSlicer -m ActiveSeedLib.cli demo\n\n"
                "The panel follows in the next version."
            ).format(version=self._version())
        )
        text.wordWrap = True
        text.textInteractionFlags = qt.Qt.TextSelectableByMouse
        self.layout.addWidget(text)
        self.layout.addStretch(1)

    @staticmethod
    def _version():
        from ActiveSeedLib import __version__

        return f"{__version__} (Slicer {slicer.app.applicationVersion})"
