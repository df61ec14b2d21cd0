"""A lint for the panel: refuses what works under PySide6 and not under PythonQt, or not safely.

It knows the class of a widget that comes from a `.ui` file (`self.ui.name`) or from a constructor
(`x = qt.QLabel()`), and asks the classes themselves what they have. `RULES` says what is refused.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore

from Testing.host import dialect
from Testing.host.dialect import UiLoader

RULES = {
    "slot": "a slot is a bound method or a function, not a lambda, a partial or another call",
    "slot-arguments": "a slot of a Qt signal takes whatever comes: def on_x(self, *_args)",
    "string-connect": 'use widget.signal.connect(slot); else only "dataSelected(…)", slicer.app',
    "getter": "a Qt property is read as an attribute; its getter cannot be called in PythonQt",
    "python-signal": "signals and properties that Python defines on Qt objects can crash Slicer",
    "current-data": "use itemData(currentIndex): currentData is no method in PythonQt",
    "margins": "set margins in the .ui file: setContentsMargins differs between Qt and PythonQt",
    "subclass": "of Qt's classes only QObject may be derived from, for eventFilter alone",
    "single-shot": "only qt.QTimer.singleShot(milliseconds, bound method)",
    "enum": "compare an enum with an enum, never with a number",
    "exec": "call exec_(): exec is not a method everywhere",
    "modal": "ask by a notice with buttons; no window may block",
    "with": "Qt's objects are no context managers in PythonQt",
    "keyword": "PythonQt takes no keyword arguments",
    "member": "the widget has no such member",
    "import": "at file scope only the standard library, Slicer, vtk, SimpleITK, numpy and scipy",
    "at-import": "nothing may run when the file is imported",
}
GUI = {"qt", "ctk"}
SHIPPED = {"slicer", "qt", "ctk", "vtk", "SimpleITK", "numpy", "scipy"}
ASKS = {"QMessageBox", "QInputDialog", "ctkMessageBox", "QErrorMessage"}
ASKING = {
    "confirmOkCancelDisplay",
    "confirmRetryCloseDisplay",
    "confirmYesNoDisplay",
    "createProgressDialog",
    "delayDisplay",
    "errorDisplay",
    "infoDisplay",
    "messageBox",
    "warningDisplay",
}
NOT_AT_IMPORT = {"TYPE_CHECKING", "__name__ == '__main__'"}
STRINGS = ("dataSelected(",)
VIRTUALS = {"childEvent", "connectNotify", "customEvent", "disconnectNotify", "event", "timerEvent"}
ENUM_GETTERS = {"checkState", "exitStatus", "error", "state", "type", "button", "key", "modifiers"}


@dataclass(frozen=True)
class Fault:
    """One refused construct.

    Attributes:
        rule: key of `RULES`.
        line: in the file, from 1.
        what: the source text of the construct.
    """

    rule: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what!r}: {RULES[self.rule]} [{self.rule}]"


class Knowledge:
    """What is known of Qt's classes, the `.ui` files and the panel's own names.

    Args:
        ui_files: all the panel's `.ui` files.
        sources: the Python files whose method names are the project's own.
    """

    def __init__(self, ui_files: Iterable[Path] = (), sources: Iterable[Path] = ()) -> None:
        classes = {cls.__name__: cls for cls in dialect._classes()}
        classes |= {cls.__name__: cls for cls in UiLoader.custom}
        self.classes: dict[str, Any] = classes
        self.widgets: dict[str, set[str]] = {}
        for path in ui_files:
            for element in ElementTree.parse(path).iter():
                if element.tag in {"widget", "layout", "action"} and element.get("name"):
                    kinds = self.widgets.setdefault(str(element.get("name")), set())
                    kinds.add(element.get("class", "QAction"))
        own, self.own_signals = _own_names(sources)
        self.getters = {
            name for name in dialect.property_names() if name not in own and not self._method(name)
        }

    def _method(self, name: str) -> bool:
        """Return whether some class has a method of this name."""
        members = (getattr(cls, name, None) for cls in self.classes.values())
        return any(callable(one) for one in members)

    def is_signal(self, class_name: str, name: str) -> bool:
        """Return whether a class has a signal of this name."""
        return isinstance(getattr(self.classes.get(class_name), name, None), QtCore.Signal)


def _own_names(sources: Iterable[Path]) -> tuple[set[str], set[str]]:
    """Return the names of all methods and of all attributes that are signals of our own."""
    methods: set[str] = set()
    signals: set[str] = set()
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                methods.add(node.name)
            elif isinstance(node, ast.Assign) and "Signal()" in ast.unparse(node.value):
                targets = [one for target in node.targets for one in ast.walk(target)]
                signals |= {one.attr for one in targets if isinstance(one, ast.Attribute)}
    return methods, signals


def check(source: str, knowledge: Knowledge, module_file: bool = False) -> list[Fault]:
    """Return what is refused in a Python source.

    Args:
        source: the text of the file.
        knowledge: of classes and widgets.
        module_file: whether it is the scripted module's own file, with stricter rules at import.
    """
    tree = ast.parse(source)
    lint = _Lint(knowledge, tree)
    lint.visit(tree)
    faults = [*lint.faults, *_at_import(tree, module_file)]
    return sorted(faults, key=lambda fault: fault.line)


class _Lint(ast.NodeVisitor):
    def __init__(self, knowledge: Knowledge, tree: ast.Module) -> None:
        self.known = knowledge
        self.faults: list[Fault] = []
        self.kinds = dict(_constructed(tree))
        self.methods: dict[str, ast.FunctionDef] = {}

    def refuse(self, rule: str, node: ast.expr | ast.stmt) -> None:
        what = ast.unparse(node).split("\n")[0]
        self.faults.append(Fault(rule, node.lineno, what))

    def kinds_of(self, node: ast.expr) -> set[str]:
        """Return the names of the Qt classes that an expression may be of; empty if unknown."""
        if isinstance(node, ast.Attribute) and _last(node.value) in {"ui", "_ui"}:
            return self.known.widgets.get(node.attr, set())
        return self.kinds.get(ast.unparse(node), set())

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        bases = [_dotted(base) for base in node.bases]
        own = [one for one in node.body if isinstance(one, ast.FunctionDef)]
        for base in bases:
            if base.split(".")[0] in GUI or base.startswith("slicer.q"):
                virtual = any(one.name in VIRTUALS for one in own)
                if base != "qt.QObject" or virtual:
                    self.refuse("subclass", node)
        outer, self.methods = self.methods, {one.name: one for one in own}
        self.generic_visit(node)
        self.methods = outer

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            if _dotted(item.context_expr).split(".")[0] in GUI:
                self.refuse("with", item.context_expr)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr == "singleShot":
                self.refuse("single-shot", node)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        number = any(isinstance(one, ast.Constant) and type(one.value) is int for one in sides)
        if number and any(self._is_enum(one) for one in sides):
            self.refuse("enum", node)
        self.generic_visit(node)

    def _is_enum(self, node: ast.expr) -> bool:
        dotted = _dotted(node)
        if dotted.split(".")[0] in GUI and dotted.count(".") >= 2:
            return True
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        return call and not node.args and node.func.attr in ENUM_GETTERS  # type: ignore[attr-defined]

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = _dotted(node)
        if dotted in {"qt.Signal", "qt.Property", "qt.Slot"}:
            self.refuse("python-signal", node)
        if node.attr == "currentData":
            self.refuse("current-data", node)
        if node.attr in ASKS and dotted.split(".")[0] in GUI:
            self.refuse("modal", node)
        if _last(node.value) in {"ui", "_ui"}:
            if self.known.widgets and node.attr not in self.known.widgets:
                self.refuse("member", node)
        elif kinds := self.kinds_of(node.value):
            known = [self.known.classes.get(kind) for kind in kinds]
            if not any(cls is None or hasattr(cls, node.attr) for cls in known):
                self.refuse("member", node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        dotted = _dotted(node)
        if isinstance(node.func, ast.Attribute):
            self._check_method(node, node.func)
        if node.keywords and dotted.split(".")[0] in GUI:
            self.refuse("keyword", node)
        if dotted.split(".")[-1] in ASKING and dotted.startswith("slicer.util."):
            self.refuse("modal", node)
        self.generic_visit(node)

    def _check_method(self, node: ast.Call, function: ast.Attribute) -> None:
        name, kinds = function.attr, self.kinds_of(function.value)
        if name == "connect":
            self._check_connection(node, function)
        elif name == "singleShot":
            right = _dotted(function) == "qt.QTimer.singleShot" and len(node.args) == 2
            if not (right and isinstance(node.args[1], ast.Attribute)):
                self.refuse("single-shot", node)
        elif name == "setContentsMargins":
            self.refuse("margins", node)
        elif name == "exec":
            self.refuse("exec", node)
        if kinds and node.keywords:
            self.refuse("keyword", node)
        classes = [self.known.classes.get(kind) for kind in kinds]
        shown = any(isinstance(getattr(cls, name, None), dialect.SHOWN) for cls in classes)
        sure = not kinds and not node.args and name in self.known.getters
        if shown or sure or (name == "sizeHint" and kinds):
            self.refuse("getter", node)

    def _check_connection(self, node: ast.Call, function: ast.Attribute) -> None:
        arguments = list(node.args)
        if arguments and isinstance(arguments[0], ast.Constant):
            text = str(arguments.pop(0).value)  # type: ignore[attr-defined]
            if not text.startswith(STRINGS) and _dotted(function.value) != "slicer.app":
                self.refuse("string-connect", node)
        for slot in arguments[:1]:
            if not isinstance(slot, ast.Name | ast.Attribute):
                self.refuse("slot", node)
            elif self._is_qt_signal(function.value) and isinstance(slot, ast.Attribute):
                method = self.methods.get(slot.attr) if _last(slot.value) == "self" else None
                if method is not None and not _takes_anything(method):
                    self.refuse("slot-arguments", node)

    def _is_qt_signal(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Attribute):
            return False
        kinds = self.kinds_of(node.value)
        return any(self.known.is_signal(kind, node.attr) for kind in kinds)


def _takes_anything(method: ast.FunctionDef) -> bool:
    arguments = method.args
    return arguments.vararg is not None and len(arguments.args) == 1 and not arguments.posonlyargs


def _constructed(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Yield what the file assigns from a constructor of Qt, with the name of the class."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        value = getattr(node, "value", None)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(value, ast.Call):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        first, _, name = _dotted(value).partition(".")
        of_qt = first in GUI or (first == "slicer" and name.startswith("q"))
        for target in targets:
            kinds = found.setdefault(ast.unparse(target), set())
            kinds.add(name if of_qt and "." not in name else "?")
    return iter((name, kinds) for name, kinds in found.items() if "?" not in kinds)


def _at_import(tree: ast.Module, module_file: bool) -> Iterator[Fault]:
    """Yield what a file does, and imports, when it is imported."""
    for statement in _outer_statements(tree.body):
        what = ast.unparse(statement).split("\n")[0]
        if isinstance(statement, ast.Import | ast.ImportFrom):
            if module_file and not set(_imported(statement)) <= SHIPPED | sys.stdlib_module_names:
                yield Fault("import", statement.lineno, what)
        elif _does_something(statement, module_file):
            yield Fault("at-import", statement.lineno, what)


def _does_something(statement: ast.stmt, module_file: bool) -> bool:
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return any(_runs(node, module_file) for node in ast.walk(statement))
    return not isinstance(statement, ast.Pass)


def _runs(node: ast.AST, module_file: bool) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return module_file or _dotted(node).split(".")[0] in GUI | {"slicer"}


def _outer_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at import, those of class bodies among them."""
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _outer_statements(statement.body)
        elif isinstance(statement, ast.If) and ast.unparse(statement.test) in NOT_AT_IMPORT:
            continue
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0]]
    return [alias.name.split(".")[0] for alias in node.names]


def _dotted(node: ast.AST) -> str:
    """Return "a.b.c" of a chain of attributes, or of a call of one; "" if it is none."""
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner and not isinstance(node.value, ast.Call) else ""
    return ""


def _last(node: ast.AST) -> str:
    """Return the last name of a chain of attributes."""
    return _dotted(node).split(".")[-1]
