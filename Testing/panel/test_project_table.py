"""The table of what is to be labelled, and the words of the reports; no panel is needed."""

import pytest

from Testing import host

host.start()

import qt  # noqa: E402
import slicer  # noqa: E402

from ActiveSeedLib.errors import InputError  # noqa: E402
from ActiveSeedLib.panel import choosers  # noqa: E402
from ActiveSeedLib.panel import project_report as report  # noqa: E402
from ActiveSeedLib.panel.schema_table import COLOUR, NAME, VALUE, SchemaTable  # noqa: E402
from ActiveSeedLib.project.schema import LabelSchema, default_color  # noqa: E402
from Testing.conftest import PROJECT  # noqa: E402

UI = str(PROJECT / "ActiveSeed/Resources/UI/SchemaTable.ui")
SCHEMA = LabelSchema.parse("1=liver#ff0000,5=left kidney")


@pytest.fixture
def table() -> SchemaTable:
    return SchemaTable(UI)


def select(table: SchemaTable, row: int) -> None:
    table.table.setCurrentCell(row, NAME)


def test_what_is_shown_is_what_is_read(table: SchemaTable) -> None:
    table.fill(SCHEMA.segments, {"5": "a term"})
    assert table.schema() == SCHEMA
    assert table.terminologies() == {"5": "a term"}
    table.fill(())
    assert table.is_empty
    with pytest.raises(InputError, match="at least one"):
        table.schema()


def test_a_new_row_gets_the_next_value_a_colour_and_a_name_that_can_be_typed(
    table: SchemaTable,
) -> None:
    changes = []
    table.changed.connect(lambda: changes.append(1))
    table.fill(SCHEMA.segments)
    table.ui.addSegmentButton.click()
    assert table.rows()[-1] == ("6", default_color(6), "structure 6")
    table.table.item(2, NAME).setText("  spleen, whole ")
    assert table.schema().segments[2].name == "spleen, whole"
    assert len(changes) == 2


def test_a_colour_is_chosen_by_a_click_or_by_the_button(
    table: SchemaTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def choose(_parent: object, colour: str, title: str) -> str | None:
        asked.append((colour, title))
        return "#123456" if len(asked) == 1 else None

    monkeypatch.setattr(choosers, "colour", choose)
    table.fill(SCHEMA.segments)
    table.table.cellClicked.emit(0, COLOUR)
    assert table.schema().segments[0].color == "#123456"
    assert table.table.item(0, COLOUR).background().color().name() == "#123456"
    assert table.table.item(0, COLOUR).foreground().color().name() == "#ffffff"
    select(table, 1)
    table.ui.segmentColourButton.click()
    assert asked == [
        ("#ff0000", "Colour of liver"),
        (SCHEMA.segments[1].color, "Colour of left kidney"),
    ]
    assert table.schema().segments[1] == SCHEMA.segments[1], "nothing was chosen"
    table.table.cellClicked.emit(0, NAME)
    assert len(asked) == 2


def test_what_a_project_holds_keeps_its_value_and_cannot_be_removed(table: SchemaTable) -> None:
    table.fill(SCHEMA.segments, kept=True)
    assert not table.table.item(0, VALUE).flags() & qt.Qt.ItemIsEditable
    assert table.table.item(0, NAME).flags() & qt.Qt.ItemIsEditable
    select(table, 0)
    assert not table.ui.removeSegmentButton.enabled
    table.ui.addSegmentButton.click()
    assert table.table.item(2, VALUE).flags() & qt.Qt.ItemIsEditable
    select(table, 2)
    assert table.ui.removeSegmentButton.enabled
    table.ui.removeSegmentButton.click()
    assert table.schema() == SCHEMA


def test_in_a_new_project_every_row_can_be_removed(table: SchemaTable) -> None:
    table.fill(SCHEMA.segments)
    assert not table.ui.removeSegmentButton.enabled, "nothing is selected"
    select(table, 0)
    table.ui.removeSegmentButton.click()
    assert table.rows() == [("5", SCHEMA.segments[1].color, "left kidney")]


@pytest.mark.parametrize(
    ("column", "text", "sentence"),
    [
        (VALUE, "two", "not a whole number"),
        (VALUE, "²", "not a whole number"),
        (VALUE, "0", "from 1 to 65535"),
        (VALUE, "70000", "from 1 to 65535"),
        (VALUE, "5", "the value 5 twice"),
        (NAME, "", "visible characters"),
        (NAME, "Left Kidney", "the name left kidney twice"),
        (COLOUR, "reddish", "write it as #rrggbb"),
    ],
)
def test_a_slip_is_told_in_a_sentence(
    table: SchemaTable, column: int, text: str, sentence: str
) -> None:
    table.fill(SCHEMA.segments)
    table.table.item(0, column).setText(text)
    with pytest.raises(InputError, match=sentence):
        table.schema()


def test_a_term_brings_name_colour_and_code(table: SchemaTable) -> None:
    table.fill(SCHEMA.segments)
    table.ui.terminologyButton.click()
    picker = table.picker
    assert picker is not None
    assert picker.dialog.visible
    assert not picker.select_button.enabled, "nothing is selected"
    picker.navigator.select("Spleen")
    picker.select_button.click()
    assert not picker.dialog.visible
    spleen = table.schema().segments[2]
    assert (spleen.value, spleen.name, spleen.color) == (6, "Spleen", "#9d6ca2")
    entry = slicer.vtkSlicerTerminologyEntry()
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    logic.DeserializeTerminologyEntry(table.terminologies()["6"], entry)
    assert entry.GetTypeObject().GetCodeValue() == "78961009"
    table.close()
    assert table.picker is None


def test_no_term_is_taken_by_cancel_and_the_next_one_by_a_double_click(table: SchemaTable) -> None:
    table.ui.terminologyButton.click()
    picker = table.picker
    assert picker is not None
    picker.navigator.select("Liver")
    picker.cancel_button.click()
    assert table.is_empty
    assert not picker.dialog.visible
    table.ui.terminologyButton.click()
    assert table.picker is picker
    picker.navigator.typeDoubleClicked.emit()
    assert [name for _, _, name in table.rows()] == ["Liver"]
    table.close()


def test_a_name_typed_over_a_term_drops_its_code(table: SchemaTable) -> None:
    table._on_term("Kidney, Right", "", "a code")
    assert table.schema().segments[0].color == default_color(1)
    table.set_colour(0, "#000000")
    assert table.terminologies() == {"1": "a code"}, "a colour changes no meaning"
    table.table.item(0, NAME).setText("tumour")
    assert table.terminologies() == {}


def test_without_slicers_selector_there_is_no_button_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not SchemaTable(UI).ui.terminologyButton.isHidden()
    monkeypatch.delattr(slicer, "qSlicerTerminologyNavigatorWidget")
    assert SchemaTable(UI).ui.terminologyButton.isHidden()


def test_numbers_of_cases_are_told_in_one_line() -> None:
    counts = {"unlabelled": 40, "suggested": 8, "labelled": 0, "test": 12, "in_progress": 1}
    assert report.counts_line(counts) == (
        "61 cases: 1 in progress, 8 suggested, 12 for testing, 40 not labelled"
    )
    assert report.counts_line({"unlabelled": 1}) == "1 case: 1 not labelled"
    assert report.counts_line({}) == "0 cases"


def test_a_long_report_is_cut_and_says_so() -> None:
    lines = [str(number) for number in range(1000)]
    cut = report.shortened(lines)
    assert cut[:300] == lines[:300]
    assert cut[300:] == ["… and 700 more."]
    assert report.shortened(lines[:300]) == lines[:300]
