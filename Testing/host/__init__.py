"""A small stand-in for 3D Slicer's desktop: PySide6 in PythonQt's dialect over a real MRML scene.

`start()` once, then `import qt, ctk, slicer` and build the panel as in Slicer. See README.md.
"""

import os
import sys
from typing import Any

_started: Any = None


def start() -> Any:
    """Start the stand-in in this process, and return `slicer.app`; a second call returns it again.

    In this process rather than in another: a test then builds a panel, clicks, and looks at the
    same objects; what a crash of Qt costs is one test run. Everything the host changes is PySide6,
    `qt`, `ctk` and `slicer`, which no other test uses.
    """
    global _started
    if _started is not None:
        return _started
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import slicer

    from Testing.host import core, dialect

    core.start()
    dialect.speak()
    from Testing.host import (
        application,
        ctk_widgets,
        mrml_widgets,
        scripted,
        segment_editor,
        terminology,
    )

    sys.modules["qt"] = dialect.qt_module()
    sys.modules["ctk"] = ctk_widgets.ctk_module()
    for name, module in scripted.slicer_modules().items():
        sys.modules[name] = module
        setattr(slicer, name.partition(".")[2], module)
    for part in (mrml_widgets, scripted, segment_editor, terminology):
        for name, value in vars(part).items():
            if name.startswith(("qMRML", "qSlicer")):
                setattr(slicer, name, value)
    slicer.qSlicerScriptedLoadableModule = scripted.LoadedModule
    slicer.app = application.Application()
    _started = slicer.app
    slicer.app.open_window()
    return _started
