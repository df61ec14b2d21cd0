"""A project that takes slices, in the panel: made by the form, suggested, gone through, saved."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from Testing import host

host.start()

from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.pool.slices import split_key  # noqa: E402
from ActiveSeedLib.project.schema import LabelSchema  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel import cases  # noqa: E402
from Testing.panel.cases import draw_all, on_disk, open_first, session_of, settle, truth  # noqa: E402


@pytest.fixture
def panel(archive: Path, tmp_path: Path) -> Iterator[Panel]:
    """A panel with a new project of seven volumes that takes slices."""
    panel = cases.make_panel()
    with pump.no_errors():
        pump.drop(panel.widget, [archive / "images"])
        pump.process()
        ui = panel.project.ui
        panel.project.new_table.fill(LabelSchema.parse("1=liver,2=kidney").segments)
        ui.projectFolderEdit.setText(str(tmp_path / "project"))
        ui.testShareSpinBox.setValue(0)
        assert not ui.slicesCheckBox.checked
        pump.click(ui.slicesCheckBox)
        pump.click(ui.createButton)
        pump.wait_until(lambda: not panel.is_busy)
        assert panel.session is not None, panel.notice_text
        settle(panel)
        yield panel
        cases.close_panel(panel)


def test_slices_are_suggested_gone_through_and_done(panel: Panel) -> None:
    session = session_of(panel)
    ui = panel.queue.ui
    assert ui.budgetSpinBox.suffix == " more slices"
    ui.budgetSpinBox.setValue(9)
    pump.click(ui.suggestButton)
    pump.wait_until(lambda: not panel.is_busy)
    settle(panel)
    assert panel.notice_text.startswith("9 slices of ")
    key = open_first(panel)
    slices = session.slices_to_label(key)
    label = panel.label.ui
    assert not label.slicesWidget.isHidden()
    assert label.slicesLabel.text == panel.label.desk.slice_words
    assert str(slices[0] + 1) in label.slicesLabel.text
    assert label.nextSliceButton.enabled == (len(slices) > 1)
    for index in [*slices[1:], slices[0]][: len(slices) - 1]:
        pump.click(label.nextSliceButton)
        assert panel.label.desk.slice == index
    draw_all(panel, truth(panel, key))
    pump.click(label.saveButton)
    if session.slices_to_label(key):  # a slice without a structure is asked about
        panel.bar.press("Count as done")
    units = session.project.training_labels()
    assert [split_key(unit) for unit in units] == [(key, index) for index in slices]
    assert label.slicesWidget.isHidden()
    np.testing.assert_array_equal(on_disk(panel, key), truth(panel, key).array)
