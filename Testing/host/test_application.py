"""The stand-in's application: modules come and go, handlers are watched."""

import time
from pathlib import Path
from typing import Any

import pytest

from Testing.host import pump, scripted
from Testing.host.fixtures import desktop, slicer_app  # noqa: F401


def test_without_a_main_window(desktop: Any) -> None:  # noqa: F811
    import slicer

    with pump.no_main_window():
        assert slicer.util.mainWindow() is None
        assert slicer.app.layoutManager() is None
    assert slicer.util.mainWindow() is not None


MODULE = """
import qt
import slicer
from slicer.ScriptedLoadableModule import *

class Small(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "Small"

class SmallWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.log = ["setup"]
        self.layout.addWidget(qt.QLabel("VERSION"))

    def enter(self):
        self.log.append("enter")

    def exit(self):
        self.log.append("exit")

    def cleanup(self):
        self.log.append("cleanup")
"""


def test_a_module_is_loaded_entered_reloaded_and_left(desktop: Any, tmp_path: Path) -> None:  # noqa: F811
    import slicer

    path = tmp_path / "Small.py"
    path.write_text(MODULE)
    scripted.load_module(path)
    assert slicer.modules.small.title == "Small"
    slicer.util.selectModule("Small")
    first = slicer.util.getModuleWidget("Small")
    assert first.log == ["setup", "enter"]
    path.write_text(MODULE.replace("VERSION", "second version"))
    first.onReload()
    pump.process()
    second = slicer.modules.SmallWidget
    assert first.log[-1] == "cleanup"
    labels = [one for one in second.parent.findChildren("QLabel") if one.visible]
    assert [one.text for one in labels] == ["second version"]
    slicer.util.selectModule("Data")
    assert second.log == ["setup", "exit"]
    scripted.unload_module("Small")
    assert second.log[-1] == "cleanup"


def test_a_slow_handler_is_measured(desktop: Any) -> None:  # noqa: F811
    import qt

    def slow(*_values: Any) -> None:
        time.sleep(0.08)

    with pump.handler_times() as times:
        qt.QTimer.singleShot(0, slow)
        pump.wait(0.1)
    assert times.longest >= 0.08
    assert "time.sleep(0.08)" in times.stacks[0]


def test_a_handler_that_raises_fails_the_test(slicer_app: Any) -> None:  # noqa: F811
    import qt

    def wrong(*_values: Any) -> None:
        raise ValueError("wrong")

    button = qt.QPushButton("Go")
    button.show()
    button.clicked.connect(wrong)
    with pytest.raises(AssertionError, match="wrong"), pump.no_errors():
        pump.click(button)
