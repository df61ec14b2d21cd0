"""Names are text in the panel: Qt takes what looks like HTML for HTML unless it is told not to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing import host

host.start()

import qt  # noqa: E402

from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.hostile.conftest import SCRIPTS  # noqa: E402
from Testing.panel import cases  # noqa: E402


@pytest.fixture
def panel(hostile_project: Path) -> Iterator[Panel]:
    panel = cases.make_panel()
    with pump.no_errors():
        assert panel.open_project(hostile_project), panel.notice_text
        cases.settle(panel)
        yield panel
        cases.close_panel(panel)


def looks_rich(text: str) -> bool:
    return bool(qt.Qt.mightBeRichText(text))


def labels_that_would_be_rich(panel: Panel) -> list[str]:
    """Return the names of the labels that show a name as HTML."""
    return [
        str(label.objectName)
        for label in panel.widget.findChildren(qt.QLabel)
        if label.textFormat != qt.Qt.PlainText
        and any(script in str(label.text) for script in SCRIPTS)
    ]


def tips(panel: Panel) -> list[str]:
    table: Any = panel.queue.ui.caseTable
    found = [str(one.toolTip) for one in panel.widget.findChildren(qt.QWidget)]
    for row in range(table.rowCount):
        for column in range(table.columnCount):
            item = table.item(row, column)
            if item is not None:
                found.append(str(item.toolTip()))
    report: Any = panel.project.ui.reportList
    return found + [str(report.item(row).toolTip()) for row in range(report.count)]


def test_labels_show_text(panel: Panel) -> None:
    assert labels_that_would_be_rich(panel) == []
    table = panel.queue.ui.caseTable
    table.selectRow(0)
    pump.process()
    assert SCRIPTS[0] in str(panel.queue.ui.detailsLabel.text)
    cases.open_first(panel)
    panel.notice(f"{SCRIPTS[0]} is what went wrong.")
    pump.process()
    assert labels_that_would_be_rich(panel) == []


def test_tooltips_show_text(panel: Panel) -> None:
    pump.click(panel.project.ui.showReportButton)
    pump.wait_until(lambda: any(SCRIPTS[0].replace("<", "&lt;")[:8] in one for one in tips(panel)))
    for tip in tips(panel):
        if looks_rich(tip):
            assert "<img" not in tip
            assert "<svg" not in tip
            assert "<b>" not in tip
