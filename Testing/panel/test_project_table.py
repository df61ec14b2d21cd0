"""The table of what is to be labelled, and the words of the reports; no panel is needed."""

import pytest

from Testing import host

host.start()

import qt  # noqa: E402

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


def test_a_term_brings_name_colour_and_code_and_a_name_typed_over_it_drops_the_code(
    table: SchemaTable,
) -> None:
    table.fill(SCHEMA.segments)
    table._on_term("Kidney, Right", "#b98066", "code of the right kidney")
    table._on_term("Spleen", "", "code of the spleen")
    right, spleen = table.schema().segments[2:]
    assert (right.value, right.name, right.color) == (6, "Kidney, Right", "#b98066")
    assert spleen.color == default_color(7)
    assert table.terminologies() == {"6": "code of the right kidney", "7": "code of the spleen"}
    table.table.item(2, NAME).setText("tumour")
    assert table.terminologies() == {"7": "code of the spleen"}
    table.set_colour(3, "#000000")
    assert table.terminologies() == {"7": "code of the spleen"}, "a colour changes no meaning"


def test_without_slicers_selector_there_is_no_button_for_it(table: SchemaTable) -> None:
    assert table.ui.terminologyButton.isHidden()


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
