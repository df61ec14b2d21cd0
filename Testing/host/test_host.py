"""The stand-in behaves as PythonQt and Slicer do, as far as the panel relies on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.host import pump
from Testing.host.fixtures import desktop, slicer_app  # noqa: F401

UI = """<ui version="4.0"><class>Part</class><widget class="QWidget" name="Part">
<layout class="QVBoxLayout" name="rows">
<item><widget class="ctkCollapsibleButton" name="more"><property name="text"><string>More</string>
</property><property name="collapsed"><bool>true</bool></property>
<layout class="QVBoxLayout" name="inner"><item><widget class="QLabel" name="word"/></item></layout>
</widget></item>
<item><widget class="ctkPathLineEdit" name="folder"/></item>
<item><widget class="QPushButton" name="go"><property name="text"><string>Go</string></property>
</widget></item>
<item><widget class="ctkSliderWidget" name="alpha"><property name="maximum"><double>1.0</double>
</property></widget></item>
<item><widget class="ctkColorPickerButton" name="color"/></item>
<item><widget class="qMRMLNodeComboBox" name="volumes"><property name="nodeTypes"><stringlist>
<string>vtkMRMLScalarVolumeNode</string></stringlist></property></widget></item>
<item><widget class="qMRMLSegmentEditorWidget" name="editor"/></item>
</layout></widget></ui>"""


class Recorder:
    """Notes what it is called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def note(self, *values: Any) -> None:
        self.calls.append(values)


@pytest.fixture
def part(desktop: Any, tmp_path: Path) -> Any:  # noqa: F811
    import slicer

    path = tmp_path / "Part.ui"
    path.write_text(UI)
    widget = slicer.util.loadUI(str(path))
    widget.show()
    yield slicer.util.childWidgetVariables(widget)
    widget.delete()


@pytest.fixture
def volume(desktop: Any) -> Any:  # noqa: F811
    import slicer

    array = np.zeros((8, 20, 16), np.int16)
    array[2:6, 5:15, 4:12] = 100
    node = slicer.util.addVolumeFromArray(array, name="image")
    node.CreateDefaultDisplayNodes()
    return node


def test_a_property_is_an_attribute_and_its_getter_cannot_be_called(part: Any) -> None:
    assert part.go.text == "Go"
    part.go.text = "Stop"
    assert part.go.text == "Stop"
    part.go.setText("Go on")
    assert part.go.text == "Go on"
    with pytest.raises(TypeError, match="not callable"):
        part.go.text()
    part.go.enabled = False
    assert part.go.enabled is False
    assert part.go.isEnabled() is False


def test_a_typo_is_found(part: Any) -> None:
    with pytest.raises(AttributeError, match="creating new attributes"):
        part.go.txet = "x"
    with pytest.raises(AttributeError, match="can not be overwritten"):
        part.go.setText = None
    with pytest.raises(AttributeError, match="no attribute"):
        part.folder.curentPath  # noqa: B018
    with pytest.raises(AttributeError, match="creating new attributes"):
        part.folder.curentPath = "x"
    with pytest.raises(AttributeError, match="does not exist"):
        part.folder.connect("curentPathChanged(QString)", print)


def test_signals_by_name_and_by_string(part: Any) -> None:
    seen = Recorder()
    part.folder.currentPathChanged.connect(seen.note)
    part.folder.connect("currentPathChanged(QString)", seen.note)
    part.folder.setCurrentPath("/tmp")
    assert seen.calls == [("/tmp",), ("/tmp",)]
    part.folder.disconnect("currentPathChanged(QString)", seen.note)
    part.folder.currentPath = "/"
    assert len(seen.calls) == 3


def test_python_classes_keep_their_attributes(part: Any) -> None:
    import qt

    class Filter(qt.QObject):
        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def eventFilter(self, _receiver: Any, event: Any) -> bool:  # noqa: N802
            self.seen += event.type() == qt.QEvent.MouseButtonPress
            return False

    watcher = Filter()
    part.word.parent().parent().installEventFilter(watcher)
    pump.click(part.word.parent().parent(), 2, 2)
    assert watcher.seen == 1


def test_what_pythonqt_has_beyond_qt(part: Any) -> None:
    import qt

    top = part.go.parent()
    assert top.go is part.go
    assert part.go.name == "go"
    assert part.go.className() == "QPushButton"
    assert [one.name for one in top.findChildren("QPushButton")][:1] == ["go"]
    dialog = qt.QDialog()
    qt.QTimer.singleShot(0, dialog.accept)
    assert dialog.exec_() == qt.QDialog.Accepted


def test_a_collapsed_button_hides_what_it_holds(part: Any) -> None:
    assert not part.word.visible
    pump.click(part.more, 5, 5)
    assert part.word.visible
    part.more.setCollapsed(True)
    part.word.setVisible(True)
    assert not part.word.visible
    part.more.collapsed = False
    assert part.word.visible
    part.word.setVisible(False)
    part.more.collapsed = True
    part.more.collapsed = False
    assert not part.word.visible


def test_the_stand_ins_of_ctk_read_their_properties_from_the_ui_file(part: Any) -> None:
    import ctk
    import qt

    part.folder.filters = ctk.ctkPathLineEdit.Dirs
    part.alpha.setValue(0.256)
    assert part.alpha.value == 0.26
    part.alpha.value = 7
    assert part.alpha.value == 1.0
    seen = Recorder()
    part.color.colorChanged.connect(seen.note)
    part.color.setColor(qt.QColor("#ff0000"))
    assert part.color.color.name() == "#ff0000"
    assert len(seen.calls) == 1
    with pump.chosen("/tmp"):
        part.folder.browse()
    assert part.folder.currentPath == "/tmp"


def test_a_node_chooser_follows_the_scene(part: Any, volume: Any) -> None:
    import slicer

    part.volumes.setMRMLScene(slicer.mrmlScene)
    assert part.volumes.currentNode() is volume
    slicer.mrmlScene.RemoveNode(volume)
    assert part.volumes.currentNode() is None


def test_the_segment_editor_needs_its_node_first_and_undoes(part: Any, volume: Any) -> None:
    import slicer

    editor = part.editor
    with pytest.raises(RuntimeError, match="before"):
        editor.setMRMLScene(slicer.mrmlScene)
    editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setMRMLScene(slicer.mrmlScene)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    identity = node.GetSegmentation().AddEmptySegment("one", "Liver", [1.0, 0.0, 0.0])
    editor.setSegmentationNode(node)
    editor.setSourceVolumeNode(volume)
    assert editor.currentSegmentID() == identity
    editor.saveStateForUndo()
    pump.paint(node, identity, volume, [2, 5, 4], [6, 15, 12])
    inside = slicer.util.arrayFromSegmentBinaryLabelmap(node, identity, volume)
    assert inside.sum() == 4 * 10 * 8
    editor.undo()
    inside = slicer.util.arrayFromSegmentBinaryLabelmap(node, identity, volume)
    assert inside is None or inside.sum() == 0
    editor.setActiveEffectByName("Paint")
    assert editor.activeEffect().name == "Paint"
    editor.setActiveEffect(None)
    assert editor.activeEffect() is None


def test_a_term_is_chosen(desktop: Any) -> None:  # noqa: F811
    import slicer

    navigator = slicer.qSlicerTerminologyNavigatorWidget()
    entry = slicer.vtkSlicerTerminologyEntry()
    assert not navigator.terminologyEntry(entry)
    seen = Recorder()
    navigator.selectionValidityChanged.connect(seen.note)
    navigator.select("Liver")
    assert seen.calls == [(True,)]
    assert navigator.terminologyEntry(entry)
    assert navigator.nameFromTerminology(entry) == "Liver"
    assert navigator.recommendedColorFromTerminology(entry).name() == "#dd8265"
    text = slicer.modules.terminologies.logic().SerializeTerminologyEntry(entry)
    assert "SCT^10200004^Liver" in text


def test_slice_views_show_volume_and_segments(desktop: Any, volume: Any, tmp_path: Path) -> None:  # noqa: F811
    import qt
    import slicer

    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    identity = node.GetSegmentation().AddEmptySegment("one", "Liver", [1.0, 0.0, 0.0])
    pump.paint(node, identity, volume, [2, 5, 4], [6, 15, 12])
    red = slicer.app.layoutManager().sliceWidget("Red")
    red.mrmlSliceNode().JumpSliceByCentering(8, 10, 4)
    image = qt.QImage(str(pump.picture(red, tmp_path / "red.png")))
    middle = image.pixelColor(image.width() // 2, image.height() // 2)
    assert middle.red() > 200
    assert middle.red() > middle.green() + 30
    node.GetDisplayNode().SetVisibility(False)
    image = qt.QImage(str(pump.picture(red, tmp_path / "red.png")))
    middle = image.pixelColor(image.width() // 2, image.height() // 2)
    assert middle.red() == middle.green() > 200


def test_a_click_in_a_plot_tells_series_and_row(desktop: Any) -> None:  # noqa: F811
    import slicer

    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    slicer.util.updateTableFromArray(
        table, np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.5]]), ["x", "y"]
    )
    series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode")
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("x")
    series.SetYColumnName("y")
    series.SetPlotType(series.PlotTypeScatter)
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    chart.AddAndObservePlotSeriesNodeID(series.GetID())
    slicer.modules.plots.logic().ShowChartInLayout(chart)
    manager = slicer.app.layoutManager()
    pump.process()
    view = manager.plotWidget(0).plotView()
    seen = Recorder()
    view.connect("dataSelected(vtkStringArray*, vtkCollection*)", seen.note)
    assert view.visible
    pump.click(view, view.width - 40, view.height // 2)
    [(ids, rows)] = seen.calls
    assert ids.GetValue(0) == series.GetID()
    assert rows.GetItemAsObject(0).GetValue(0) == 2


def test_a_layout_of_our_own(desktop: Any) -> None:  # noqa: F811
    import slicer

    manager = slicer.app.layoutManager()
    manager.layoutLogic().GetLayoutNode().AddLayoutDescription(
        901,
        '<layout type="horizontal"><item><view class="vtkMRMLSliceNode" singletontag="Red"/>'
        '</item><item><view class="vtkMRMLPlotViewNode" singletontag="PlotView1"/></item></layout>',
    )
    manager.setLayout(901)
    pump.process()
    assert manager.layout == 901
    assert manager.sliceWidget("Red").visible
    assert not manager.sliceWidget("Green").visible
    assert manager.plotWidget(0).visible


def test_keys_drops_and_double_clicks(desktop: Any, tmp_path: Path) -> None:  # noqa: F811
    import qt
    import slicer

    window = slicer.util.mainWindow()
    saved = window.menuBar().actions()[0].menu().actions()[0]
    seen = Recorder()
    saved.triggered.connect(seen.note)
    pump.press(window, "Ctrl+S")
    assert len(seen.calls) == 1
    mine = Recorder()
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Return"), window)
    shortcut.activated.connect(mine.note)
    pump.press(window, "Ctrl+Return")
    assert len(mine.calls) == 1
    shortcut.delete()

    class Target(qt.QWidget):
        def dragEnterEvent(self, event: Any) -> None:  # noqa: N802
            event.acceptProposedAction()

        def dropEvent(self, event: Any) -> None:  # noqa: N802
            mine.note([one.toLocalFile() for one in event.mimeData().urls()])

    target = Target()
    target.setAcceptDrops(True)
    pump.drop(target, [tmp_path])
    assert mine.calls[-1] == ([str(tmp_path)],)
    table = qt.QTableWidget(3, 2)
    table.resize(300, 200)
    table.show()
    table.cellDoubleClicked.connect(mine.note)
    pump.double_click_row(table, 1)
    assert mine.calls[-1] == (1, 0)
    table.delete()


def test_a_process_of_its_own(desktop: Any) -> None:  # noqa: F811
    import sys

    import qt

    process = qt.QProcess()
    seen = Recorder()
    process.finished.connect(seen.note)
    process.start(sys.executable, ["-c", "print('hello')"])
    pump.wait_until(lambda: seen.calls)
    assert process.readAllStandardOutput().data().strip() == b"hello"
    assert process.state() == qt.QProcess.NotRunning
