"""The panel keeps to what both PythonQt and PySide6 understand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing import host

PROJECT = Path(__file__).resolve().parents[1]
PANEL = sorted((PROJECT / "ActiveSeedLib" / "panel").glob("*.py"))
MODULE = PROJECT / "ActiveSeed" / "ActiveSeed.py"
UI = sorted((PROJECT / "ActiveSeed" / "Resources" / "UI").glob("*.ui"))


@pytest.fixture(scope="module")
def lint() -> Iterator["object"]:
    host.start()
    from Testing.host import lint as rules

    return rules


@pytest.fixture(scope="module")
def knowledge(lint):
    return lint.Knowledge(UI, sorted((PROJECT / "ActiveSeedLib").rglob("*.py")))


@pytest.mark.parametrize("path", [*PANEL, MODULE], ids=lambda path: path.name)
def test_the_panel_keeps_to_the_dialect(lint, knowledge, path: Path) -> None:
    faults = lint.check(path.read_text(encoding="utf-8"), knowledge, path == MODULE)
    assert not faults, f"{path.name}\n" + "\n".join(str(fault) for fault in faults)


REFUSED = {
    "slot": [
        "def f(b):\n    b.clicked.connect(lambda: None)",
        "import functools\ndef f(b):\n    b.clicked.connect(functools.partial(print, 1))",
    ],
    "slot-arguments": [
        "import qt\nclass A:\n    def build(self):\n        self.b = qt.QPushButton()\n"
        "        self.b.clicked.connect(self.on)\n    def on(self, checked):\n        pass"
    ],
    "string-connect": ["def f(b, g):\n    b.connect('clicked()', g)"],
    "getter": [
        "def f(w):\n    return w.plainText()",
        "import qt\ndef f():\n    w = qt.QLabel('x')\n    return w.text()",
        "import qt\ndef f():\n    w = qt.QComboBox()\n    return w.currentIndex()",
        "class A:\n    def f(self):\n        return self.ui.nextLabel.text()",
    ],
    "python-signal": ["import qt\nclass A:\n    changed = qt.Signal()"],
    "current-data": ["def f(c):\n    return c.currentData"],
    "margins": ["def f(layout):\n    layout.setContentsMargins(0, 0, 0, 0)"],
    "subclass": [
        "import qt\nclass A(qt.QWidget):\n    pass",
        "import qt\nclass A(qt.QObject):\n    def timerEvent(self, event):\n        pass",
        "import slicer\nclass A(slicer.qMRMLWidget):\n    pass",
    ],
    "single-shot": [
        "import qt\ndef f(self):\n    qt.QTimer.singleShot(0, lambda: None)",
        "def f(timer):\n    timer.singleShot = True",
        "def f(timer, g):\n    timer.singleShot(5, g.h)",
    ],
    "enum": [
        "def f(item):\n    return item.checkState() == 2",
        "import qt\ndef f(x):\n    return qt.Qt.Checked == 2",
    ],
    "exec": ["def f(menu):\n    menu.exec()"],
    "modal": [
        "import qt\ndef f():\n    qt.QMessageBox.warning(None, 'a', 'b')",
        "import slicer\ndef f():\n    slicer.util.errorDisplay('x')",
    ],
    "with": ["import qt\ndef f(w):\n    with qt.QSignalBlocker(w):\n        pass"],
    "keyword": ["import qt\ndef f(g):\n    qt.QPushButton('x', clicked=g)"],
    "member": [
        "class A:\n    def f(self):\n        self.ui.noSuchWidget.hide()",
        "class A:\n    def f(self):\n        self.ui.nextLabel.setTexxt('x')",
    ],
    "import": ["import torch", "from ActiveSeedLib.app import session"],
    "at-import": ["import slicer\nslicer.util.selectModule('x')", "for i in range(3):\n    pass"],
}

ALLOWED = {
    "slot": "class A:\n    def f(self, b):\n        b.clicked.connect(self.f)",
    "slot-arguments": (
        "import qt\nclass A:\n    def build(self):\n        self.b = qt.QPushButton()\n"
        "        self.b.clicked.connect(self.on)\n    def on(self, *_args):\n        pass"
    ),
    "string-connect": (
        "def f(v, g):\n    v.connect('dataSelected(vtkStringArray*, vtkCollection*)', g)\n"
        "    slicer.app.connect('startupCompleted()', g)"
    ),
    "getter": (
        "import qt\ndef f(table):\n    w = qt.QLabel('x')\n    w.setText(w.text)\n"
        "    return table.item(0, 0).text(), table.currentRow(), w.isVisible()"
    ),
    "python-signal": "from ActiveSeedLib.signals import Signal\nclass A:\n    pass",
    "current-data": "def f(c):\n    return c.itemData(c.currentIndex)",
    "margins": "def f(layout):\n    layout.setSpacing(4)",
    "subclass": (
        "import qt\nclass A(qt.QObject):\n    def eventFilter(self, watched, event):\n"
        "        return False\nclass B:\n    def event(self):\n        pass"
    ),
    "single-shot": (
        "import qt\nclass A:\n    def f(self, timer):\n        qt.QTimer.singleShot(0, self.f)\n"
        "        timer.setSingleShot(True)"
    ),
    "enum": (
        "import qt\ndef f(item, n):\n    return item.checkState() == qt.Qt.Checked and n == 2"
    ),
    "exec": "def f(menu):\n    menu.exec_()",
    "modal": "import qt\ndef f(w):\n    return qt.QFileDialog.getExistingDirectory(w, 'x')",
    "with": "def f(path):\n    with path.open() as file:\n        pass",
    "keyword": "import qt\ndef f(g):\n    qt.QPushButton('x')\n    g(clicked=1)",
    "member": "class A:\n    def f(self):\n        self.ui.nextLabel.setText('x')",
    "import": "import os\nimport vtk\nfrom slicer.util import VTKObservationMixin",
    "at-import": "A = 3\nB: dict[str, int] = {'x': 1}\nclass C:\n    'words'\n    D = (A, 4)",
}


@pytest.mark.parametrize(
    ("rule", "source"), [(rule, source) for rule, many in REFUSED.items() for source in many]
)
def test_a_rule_refuses(lint, knowledge, rule: str, source: str) -> None:
    assert rule in {fault.rule for fault in lint.check(source, knowledge, module_file=True)}


@pytest.mark.parametrize(("rule", "source"), ALLOWED.items())
def test_a_rule_allows(lint, knowledge, rule: str, source: str) -> None:
    assert rule not in {fault.rule for fault in lint.check(source, knowledge, module_file=True)}


def test_every_rule_has_both_examples(lint) -> None:
    assert set(REFUSED) == set(ALLOWED) == set(lint.RULES)
