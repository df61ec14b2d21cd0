"""PySide6 made to speak PythonQt's dialect: what Slicer's Python sees as the module `qt`.

What differs, as PythonQt's wrappers of objects have it:

- a Qt property is an attribute, read and assigned; its getter cannot be called, its setter can;
- an attribute that does not exist cannot be created on a Qt object, nor a method replaced;
- `.name`, `.className()`, `.delete()`, `exec_`, `findChildren("QLabel")`;
- a child is an attribute of its parent under its object name;
- `object.connect("signal(type)", function)`, but only of stand-ins: PySide6 does not let its own
  objects have another `connect`. The panel connects by `object.signal.connect(function)`.

`sizeHint` and `minimumSizeHint` stay methods: C++ calls them, so they cannot be replaced.
"""

import types
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
VIRTUAL = {"sizeHint", "minimumSizeHint"}  # properties that C++ asks as methods
NOT_A_PROPERTY = {("QTimer", "singleShot")}  # there PythonQt has the static method
RENAMED = {"name": "objectName"}
_native: dict[type, list[str]] = {}  # class → its own properties; PySide6 remakes meta objects


class NoSuchSignalError(AttributeError):
    """A connection by a string to a signal that the object lacks; Slicer only prints a line."""


class Property:
    """A Qt property as PythonQt shows it: reads and writes, and cannot be called."""

    def __init__(self, name: str, read: Callable[[Any], Any], write: Callable[..., Any] | None):
        self.name, self._read, self._write = name, read, write

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else self._read(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        if self._write is None:
            raise AttributeError(f"Property '{self.name}' of {type(instance)} is not writable")
        try:
            self._write(instance, value)
        except (TypeError, ValueError) as error:
            raise AttributeError(
                f"Property '{self.name}' does not accept an object of type {type(value)} ({value})"
            ) from error


SHOWN = (Property, property, QtCore.Property)  # what is an attribute already


def qt_module() -> types.ModuleType:
    """Return the module `qt`: the names of QtCore, QtGui, QtWidgets and QtUiTools in one."""
    module = types.ModuleType("qt", "Qt as Slicer's Python sees it")
    for part in MODULES:
        for name, value in vars(part).items():
            if not name.startswith("_") and name not in {"Signal", "Slot", "Property"}:
                setattr(module, name, value)
    module.QUiLoader = UiLoader  # type: ignore[attr-defined]
    module.SIGNAL = _signal_text  # type: ignore[attr-defined]
    module.SLOT = _signal_text  # type: ignore[attr-defined]
    return module


def speak() -> None:
    """Turn PySide6's classes into PythonQt's, in place and for good."""
    for cls in _classes():
        if issubclass(cls, QtCore.QObject):
            make_native(cls)
        else:
            _refuse_new_attributes(cls)
    base: Any = QtCore.QObject
    base.__getattr__, base.delete, base.className = _look_further, _delete, _class_name
    base.findChildren, base.findChild = _find_children, _find_child
    for name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName"):
        setattr(QtWidgets.QFileDialog, name, _only_path(getattr(QtWidgets.QFileDialog, name)))


def _only_path(function: Any) -> Any:
    """Return the static function of a file dialog without the filter in its result."""
    return staticmethod(lambda *arguments, **options: function(*arguments, **options)[0])


def make_native(cls: type) -> type:
    """Let a class look as if it were wrapped by PythonQt; usable as a decorator of stand-ins.

    Inside a stand-in, attributes that begin with an underscore are its own.
    """
    if cls in _native:
        return cls
    _native[cls] = _property_names(cls, inherited=False)
    for name in _property_names(cls):
        _show_property(cls, name)
    _refuse_new_attributes(cls)
    if "exec_" in vars(cls):  # PySide6 has some of these, and warns
        cls.exec_ = cls.exec  # type: ignore[attr-defined]
    if not _is_qt(cls):
        cls.connect, cls.disconnect = _connect, _disconnect  # type: ignore[attr-defined]
    return cls


def _is_qt(cls: type) -> bool:
    return cls.__module__.startswith("PySide6")


def property_names() -> set[str]:
    """Return the names of all properties of all Qt classes and stand-ins."""
    return {name for names in _native.values() for name in names} | set(RENAMED)


def _classes() -> list[type]:
    found: dict[type, None] = {}
    for module in MODULES:
        for value in [getattr(module, name) for name in dir(module)]:
            if isinstance(value, type) and issubclass(value, shiboken6.Object):
                found[value] = None
    return list(found)


def _property_names(cls: Any, inherited: bool = True) -> list[str]:
    meta = cls.staticMetaObject
    first = 0 if inherited else meta.propertyOffset()
    names = [str(meta.property(i).name()) for i in range(first, meta.propertyCount())]
    return [name for name in names if (cls.__name__, name) not in NOT_A_PROPERTY]


def _show_property(cls: Any, name: str) -> None:
    own = vars(cls).get(name)
    inherited = getattr(cls, name, None)
    if name in VIRTUAL or isinstance(own, SHOWN):
        return
    if own is None and isinstance(inherited, SHOWN):
        return
    setattr(cls, name, Property(name, _reader(cls, name), _writer(cls, name)))
    if name == "objectName":
        cls.name = getattr(cls, name)


def _reader(cls: Any, name: str) -> Callable[[Any], Any]:
    capital = name[0].upper() + name[1:]
    for candidate in (name, f"is{capital}", f"has{capital}"):
        method = getattr(cls, candidate, None)
        if isinstance(method, types.MethodDescriptorType | types.FunctionType):
            return method
    return lambda instance: _OBJECT_PROPERTY(instance, name)


def _writer(cls: Any, name: str) -> Callable[..., Any] | None:
    meta = cls.staticMetaObject
    if not meta.property(meta.indexOfProperty(name)).isWritable():
        return None
    method = getattr(cls, f"set{name[0].upper()}{name[1:]}", None)
    if isinstance(method, types.MethodDescriptorType | types.FunctionType):
        return method
    return lambda instance, value: _OBJECT_SET_PROPERTY(instance, name, value)


_OBJECT_PROPERTY = QtCore.QObject.property
_OBJECT_SET_PROPERTY = QtCore.QObject.setProperty
_OBJECT_CONNECT = QtCore.QObject.connect
_OBJECT_DISCONNECT = QtCore.QObject.disconnect
_PLAIN_ASSIGN = shiboken6.Object.__setattr__
_FIND_CHILDREN = QtCore.QObject.findChildren


def _refuse_new_attributes(cls: Any) -> None:
    def assign(self: Any, name: str, value: Any) -> None:
        kind = type(self)
        member = getattr(kind, name, None)
        if isinstance(value, QtCore.SignalInstance):  # PySide6 keeps a signal with its object
            _PLAIN_ASSIGN(self, name, value)
        elif isinstance(member, Property | property):
            member.__set__(self, value)
        elif isinstance(member, QtCore.Property):
            _OBJECT_SET_PROPERTY(self, name, value)
        elif (kind not in _native and not _is_qt(kind)) or (
            name.startswith("_") and not _is_qt(kind)
        ):
            _PLAIN_ASSIGN(self, name, value)
        elif member is not None:
            raise AttributeError(f"Slot '{name}' can not be overwritten on {kind.__name__} object")
        elif _has_dynamic_property(self, name):
            _OBJECT_SET_PROPERTY(self, name, value)
        else:
            raise AttributeError(
                f"'{name}' does not exist on {kind.__name__} and creating new attributes on C++ "
                "objects is not allowed"
            )

    if _is_qt(cls):  # the others have it from these
        cls.__setattr__ = assign


def _has_dynamic_property(instance: Any, name: str) -> bool:
    if not isinstance(instance, QtCore.QObject):
        return False
    return name.encode() in [bytes(one.data()) for one in instance.dynamicPropertyNames()]


def _look_further(instance: Any, name: str) -> Any:
    """Find what PythonQt finds beyond Qt's own members."""
    if name.endswith("_") and not name.endswith("__"):
        return getattr(instance, name[:-1])
    if not name.startswith("__") and shiboken6.isValid(instance):
        if _has_dynamic_property(instance, name):
            return _OBJECT_PROPERTY(instance, name)
        for child in instance.children():
            if child.objectName == name:
                return child
    raise AttributeError(f"{type(instance).__name__} has no attribute named '{name}'")


def _signal_text(text: str) -> str:
    return text


def _signal(instance: Any, text: str) -> Any:
    """Return the bound signal that `text` names, as in "clicked(bool)"."""
    wanted = text.removeprefix("2")
    declared = getattr(type(instance), "_signals", {})
    name = declared.get(wanted.replace(" ", ""))
    if name is not None:
        return getattr(instance, name)
    meta = instance.metaObject()
    normal = bytes(QtCore.QMetaObject.normalizedSignature(wanted).data()).decode()
    if meta.indexOfSignal(normal) < 0:
        raise NoSuchSignalError(f"signal '{wanted}' does not exist on {meta.className()}")
    name, _, arguments = normal.partition("(")
    signal = getattr(instance, name)
    overloads = str(signal)
    kinds = arguments.removesuffix(")")
    return signal[kinds] if kinds and f"({kinds})" in overloads and "," not in kinds else signal


def _connect(self: Any, *arguments: Any) -> bool:
    signal, slot = arguments[0], arguments[1]
    if not isinstance(signal, str):
        return bool(_OBJECT_CONNECT(*arguments))
    if isinstance(slot, QtCore.QObject):
        slot = getattr(slot, str(arguments[2]).removeprefix("1").partition("(")[0])
    _signal(self, signal).connect(slot)
    return True


def _disconnect(self: Any, *arguments: Any) -> bool:
    signal = _signal(self, arguments[0])
    return bool(signal.disconnect(*arguments[1:2]))


def _delete(self: Any) -> None:
    shiboken6.delete(self)


def _class_name(self: Any) -> str:
    return str(self.metaObject().className())


def _find_children(self: Any, kind: Any = QtCore.QObject, name: str = "") -> list[Any]:
    """Find children by a class or the name of one, as PythonQt allows."""
    if isinstance(kind, str):
        found = [one for one in _FIND_CHILDREN(self, QtCore.QObject) if one.inherits(kind)]
    else:
        found = list(_FIND_CHILDREN(self, kind))
    return [one for one in found if not name or one.objectName == name]


def _find_child(self: Any, kind: Any = QtCore.QObject, name: str = "") -> Any:
    return next(iter(_find_children(self, kind, name)), None)


class UiLoader:
    """Loads `.ui` files with the stand-ins of Slicer's and CTK's widgets."""

    custom: list[type] = []  # noqa: RUF012 - filled by the modules of stand-ins

    def load(self, file: Any, parent: Any = None) -> Any:
        """Return the widget that the open `file` describes; the file is read and closed."""
        loader = QtUiTools.QUiLoader()
        for cls in self.custom:
            loader.registerCustomWidget(cls)
        widget = loader.load(file, parent)
        file.seek(0) if file.isOpen() else file.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        text = bytes(file.readAll().data()).decode("utf-8")
        file.close()
        if widget is None:
            raise RuntimeError(f"the .ui file cannot be loaded: {loader.errorString()}")
        _pass_the_scene_on(widget, text)
        return widget


def _pass_the_scene_on(widget: Any, text: str) -> None:
    """Make the connections `mrmlSceneChanged` → `setMRMLScene` that the `.ui` file asks for."""
    from xml.etree import ElementTree

    named = {one.objectName: one for one in [widget, *_find_children(widget)]}
    for connection in ElementTree.fromstring(text).iter("connection"):
        fields = {one.tag: (one.text or "") for one in connection}
        if not fields.get("signal", "").startswith("mrmlSceneChanged"):
            continue
        sender, receiver = named[fields["sender"]], named[fields["receiver"]]
        sender.mrmlSceneChanged.connect(receiver.setMRMLScene)
