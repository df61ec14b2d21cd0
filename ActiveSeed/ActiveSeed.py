"""ActiveSeed in 3D Slicer: which scans to label first, and which next.

This file only ties the panel to Slicer. The panel lies in `ActiveSeedLib/panel`, what it does in
`ActiveSeedLib/app` and `ActiveSeedLib/scene`; all of that is imported when the module is opened.
"""

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

LIBRARY = "ActiveSeedLib"


def findLibrary():
    """Make the library importable; beside an installed module it is, in a clone it lies above."""
    if importlib.util.find_spec(LIBRARY) is None:
        sys.path.append(str(Path(__file__).resolve().parents[1]))


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
            "segmentation model on what was labelled. Choose a folder of images, press Suggest, "
            "label the suggested cases, press Retrain. Nothing leaves your machine."
        )
        parent.acknowledgementText = _(
            "The selection follows Levy et al., From Cold Start to Active Learning: "
            "Embedding-Based Scan Selection for Medical Image Segmentation (arXiv:2601.18532)."
        )
        slicer.app.connect("startupCompleted()", self.registerSampleData)

    def registerSampleData(self):
        """Offer the generated cohort in the Sample Data module; it is made, not downloaded."""
        try:
            import SampleData
        except ImportError:
            return
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category="ActiveSeed",
            sampleName="Generated cohort",
            uris=[],
            fileNames=[],
            nodeNames=[],
            thumbnailFileName=self.resourcePath("Icons/ActiveSeedCohort.png"),
            customDownloader=self.onSampleData,
        )

    def onSampleData(self, _source=None):
        """Open the module and let it make the cohort, with a project of it, in the background."""
        slicer.util.selectModule(self.moduleName)
        slicer.util.getModuleWidget(self.moduleName).panel.project.try_sample()


class ActiveSeedWidget(ScriptedLoadableModuleWidget):
    """The module's widget: holds the panel, and tells it when the user comes and goes."""

    panel = None

    def setup(self):
        """Build the panel; works without a main window."""
        ScriptedLoadableModuleWidget.setup(self)
        findLibrary()
        from ActiveSeedLib.panel.panel import Panel

        self.panel = Panel(Path(self.resourcePath("")))
        self.layout.addWidget(self.panel.widget)

    def enter(self):
        """Take up the work."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self):
        """Pause; jobs go on."""
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self):
        """Save what is open, and end the background process."""
        if self.panel is not None:
            self.panel.close()
            self.panel = None

    def onReload(self):
        """Reload the module and the library."""
        self.cleanup()
        for name in [name for name in sys.modules if name.split(".")[0] == LIBRARY]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class ActiveSeedLogic(ScriptedLoadableModuleLogic):
    """What scripts may want without the panel."""

    def runJob(self, job, **params):
        """Run one job of `ActiveSeedLib.jobs` in a background process and return its result."""
        findLibrary()
        from ActiveSeedLib.panel.python import choose_python, python_environment
        from ActiveSeedLib.worker.client import WorkerClient

        python = choose_python()
        with WorkerClient(python, env=python_environment(python)) as client:
            return client.run(job, params)


class ActiveSeedTest(ScriptedLoadableModuleTest):
    """The whole loop in a small way: a cohort, a project, two suggestions, a label map, a model."""

    def runTest(self, **_kwargs):
        """Run it as a user would, with the panel and the real background process."""
        slicer.mrmlScene.Clear(0)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self.test_loop(Path(folder))

    def test_loop(self, folder=None):
        """Go once round the loop on eight generated volumes."""
        if folder is None:
            return
        self.delayDisplay("Making eight small volumes")
        cohort = folder / "cohort"
        ActiveSeedLogic().runJob("cohort", folder=str(cohort), cases=8)
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("ActiveSeed")
        panel = slicer.util.getModuleWidget("ActiveSeed").panel
        try:
            self._go_round(panel, folder, cohort)
        finally:
            panel.close_project()
        self.delayDisplay("Test passed")

    def _go_round(self, panel, folder, cohort):
        from dataclasses import replace

        from ActiveSeedLib.app.steps import create_steps, retrain_steps, suggest_steps
        from ActiveSeedLib.pool.readers import read_label
        from ActiveSeedLib.project.schema import LabelSchema

        root = folder / "project"
        schema = LabelSchema.parse("1=liver,2=kidney")
        self._run(panel, create_steps(root, cohort / "images", schema), "Creating the project")
        self.assertTrue(panel.open_project(root), panel.notice_text)
        panel.keep_choices(replace(panel.choices, budget=2, epochs=1, cross_validate=False))
        self._run(panel, suggest_steps(panel.session, panel.choices), "Suggesting")
        suggested = [row for row in panel.session.rows() if row.queued]
        self.assertEqual(len(suggested), 2)
        for row in suggested:
            panel.label.open(row.key)
            self._draw(panel, read_label(cohort / "labels" / f"{row.name}.nii.gz"))
            panel.label.save()
            if "Count as done" in panel.bar.actions:
                panel.bar.press("Count as done")
        self.assertEqual(panel.session.counts()["labelled"], 2)
        self._run(panel, retrain_steps(panel.session, panel.choices), "Training")
        self.assertEqual(len([row for row in panel.session.rows() if row.queued]), 2)
        self.assertIsNotNone(panel.session.project.latest_model())

    def _draw(self, panel, label):
        case = panel.label.case
        for segment in panel.session.schema.segments:
            mask = (label.array == segment.value).astype("uint8")
            name = f"ActiveSeed_{segment.value}"
            slicer.util.updateSegmentBinaryLabelmapFromArray(
                mask, case.segmentation, name, case.volume
            )

    def _run(self, panel, steps, title):
        self.delayDisplay(title)
        ended = []
        self.assertTrue(panel.run(steps, title, ended.append), panel.notice_text)
        deadline = time.monotonic() + 300
        while not ended and time.monotonic() < deadline:
            slicer.app.processEvents()
            time.sleep(0.005)
        self.assertEqual(ended, [True], panel.notice_text)
