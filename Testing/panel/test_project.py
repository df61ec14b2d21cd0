"""The project in the panel, clicked through as a user would, with the real background process."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing import host

host.start()

import qt  # noqa: E402

from ActiveSeedLib.demo.cohort import generate_cohort  # noqa: E402
from ActiveSeedLib.panel import project_section  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.project.project import Project  # noqa: E402
from ActiveSeedLib.project.schema import LabelSchema  # noqa: E402
from Testing.conftest import PROJECT  # noqa: E402
from Testing.host import pump  # noqa: E402

CASES = 7


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_cohort(tmp_path_factory.mktemp("made"), cases=CASES, size=(24, 20, 12))


@pytest.fixture
def archive(cohort: Path, tmp_path: Path) -> Path:
    """A folder with `images`, `labels` and patients.csv, of this test alone."""
    folder = tmp_path / "archive"
    shutil.copytree(cohort, folder)
    return folder


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    qt.QSettings().clear()
    panel = Panel(PROJECT / "ActiveSeed/Resources")
    panel.project.sample_place = tmp_path / "documents"
    panel.widget.resize(450, 900)
    panel.widget.show()
    with pump.no_errors():
        yield panel
    panel.close()
    panel.widget.deleteLater()
    pump.process()


def finish(panel: Panel) -> None:
    """Wait for what runs, and for what follows upon it."""
    pump.wait_until(lambda: not panel.is_busy)


def page(panel: Panel) -> str:
    """Return the page that is shown; there is always exactly one."""
    names = ("startPage", "formPage", "openPage")
    (shown,) = [name for name in names if not getattr(panel.project.ui, name).isHidden()]
    return shown


def drop(panel: Panel, *paths: Path) -> None:
    """Drop files on the panel, as a file manager would."""
    pump.drop(panel.widget, list(paths))
    pump.process()


def report_lines(panel: Panel) -> list[str]:
    listed = panel.project.ui.reportList
    return [listed.item(row).text() for row in range(listed.count)]


def make(panel: Panel, archive: Path, segments: str = "1=liver,2=kidney") -> Project:
    """Make a project of the archive's images by the form; return it."""
    drop(panel, archive / "images")
    panel.project.new_table.fill(LabelSchema.parse(segments).segments)
    panel.project.ui.createButton.click()
    finish(panel)
    assert panel.session is not None, panel.notice_text
    return panel.session.project


# -- beginning ------------------------------------------------------------------------------------


def test_at_first_there_are_three_ways_to_begin(panel: Panel) -> None:
    ui = panel.project.ui
    assert page(panel) == "startPage"
    assert ui.recentBox.isHidden()
    assert ui.reportBox.isHidden()
    for button in (ui.chooseImagesButton, ui.openProjectButton, ui.sampleButton):
        assert button.enabled
        assert button.toolTip


def test_dropped_images_begin_a_project_beside_them(panel: Panel, archive: Path) -> None:
    drop(panel, archive / "images")
    ui = panel.project.ui
    assert page(panel) == "formPage"
    assert ui.imagesEdit.text == str(archive / "images")
    assert ui.projectFolderEdit.text == str(archive / "images-ActiveSeed")
    assert ui.testShareSpinBox.value == 20
    assert panel.project.new_table.schema() == LabelSchema.parse("1=structure")


def test_dropped_files_stand_for_their_folder(panel: Panel, archive: Path) -> None:
    first, second, *_ = sorted((archive / "images").iterdir())
    drop(panel, first, second)
    assert panel.project.form.images == archive / "images"


def test_folders_that_cannot_be_one_pool_are_refused_in_a_sentence(
    panel: Panel, archive: Path
) -> None:
    drop(panel, archive / "images", archive / "labels")
    assert "Several folders" in panel.notice_text
    assert page(panel) == "startPage"
    drop(panel, archive / "gone")
    assert "is not there" in panel.notice_text


def test_what_is_no_file_is_left_to_others(panel: Panel) -> None:
    for mime in (qt.QMimeData(), qt.QMimeData(), qt.QMimeData()):
        mime.setText("words")
        none = qt.Qt.KeyboardModifier.NoModifier
        ways = (qt.Qt.DropAction.CopyAction, mime, qt.Qt.MouseButton.LeftButton, none)
        event = qt.QDragEnterEvent(qt.QPoint(5, 5), *ways)
        event.ignore()
        qt.QApplication.sendEvent(panel.widget, event)
        assert not event.isAccepted()
        mime.setUrls([qt.QUrl("https://example.org/scan.nii.gz")])


def test_a_project_is_known_however_it_comes(panel: Panel, archive: Path) -> None:
    root = make(panel, archive).root
    ui = panel.project.ui

    def open_recent() -> None:
        ui.recentList.setCurrentRow(0)
        ui.openRecentButton.click()

    ways = {
        "dropped": lambda: drop(panel, root),
        "its database dropped": lambda: drop(panel, root / "project.sqlite"),
        "opened": ui.openProjectButton.click,
        "chosen as images": ui.chooseImagesButton.click,
        "recent": open_recent,
        "double click": lambda: pump.double_click_row(ui.recentList, 0),
    }
    for name, come in ways.items():
        ui.closeProjectButton.click()
        assert page(panel) == "startPage"
        with pump.chosen(root):
            come()
        assert panel.session is not None, name
        assert panel.session.root == root
        assert page(panel) == "openPage"


def test_choosing_nothing_changes_nothing(panel: Panel) -> None:
    with pump.chosen(""):
        panel.project.ui.chooseImagesButton.click()
        panel.project.ui.openProjectButton.click()
    assert page(panel) == "startPage"
    assert panel.notice_text == ""


def test_a_folder_without_a_project_is_told_and_can_be_tried_again(
    panel: Panel, archive: Path
) -> None:
    with pump.chosen(archive):
        panel.project.ui.openProjectButton.click()
    assert "is not an ActiveSeed project" in panel.notice_text
    assert panel.bar.actions == ("Retry",)
    assert page(panel) == "startPage"


@pytest.mark.parametrize("database", [None, b"", b"?" * 8192])
def test_a_project_with_a_damaged_database_is_repaired_on_a_click(
    panel: Panel, archive: Path, database: bytes | None
) -> None:
    project = make(panel, archive)
    root, cases = project.root, len(project.rows())
    panel.project.ui.closeProjectButton.click()
    (root / "project.sqlite").unlink()
    if database is not None:
        (root / "project.sqlite").write_bytes(database)
    drop(panel, root)
    assert "is damaged (" in panel.notice_text
    assert page(panel) == "startPage"
    assert panel.bar.actions == ("Repair", "Retry")
    panel.bar.press("Repair")
    assert panel.is_busy
    finish(panel)
    assert panel.session is not None
    assert len(panel.session.rows()) == cases
    assert str(panel.project.ui.reportTitleLabel.text) == "What was repaired"
    assert "is repaired" in panel.notice_text, "the report may be folded away"
    assert any("backups" in line for line in report_lines(panel)) == (database is not None)


def test_recent_projects_that_are_gone_are_grey_and_can_be_removed(
    panel: Panel, archive: Path
) -> None:
    root = make(panel, archive).root
    panel.project.ui.closeProjectButton.click()
    moved = root.rename(root.with_name("elsewhere"))
    panel.project.show_project()
    ui = panel.project.ui
    assert not ui.recentBox.isHidden()
    item = ui.recentList.item(0)
    assert item.text() == f"images-ActiveSeed (not there) · {archive}"
    assert item.foreground().color().name() == project_section.GREY
    assert not ui.forgetRecentButton.enabled
    ui.recentList.setCurrentRow(0)
    ui.openRecentButton.click()
    assert "is not there" in panel.notice_text
    moved.rename(root)
    panel.bar.press("Retry")
    assert panel.session is not None
    ui.closeProjectButton.click()
    ui.recentList.setCurrentRow(0)
    ui.forgetRecentButton.click()
    assert panel.recent_projects() == []
    assert ui.recentBox.isHidden()
    assert root.is_dir()


def test_with_a_project_open_new_images_are_asked_about_first(
    panel: Panel, archive: Path, tmp_path: Path
) -> None:
    make(panel, archive)
    other = tmp_path / "other"
    shutil.copytree(archive / "images", other)
    drop(panel, other)
    assert page(panel) == "openPage"
    panel.bar.press("New project")
    assert panel.session is None
    assert page(panel) == "formPage"
    assert panel.project.form.images == other


# -- a new project --------------------------------------------------------------------------------


def test_a_project_is_made_of_what_the_form_says(panel: Panel, archive: Path) -> None:
    images = archive / "images"
    first = sorted(images.iterdir())[0]
    (images / "broken.nii.gz").write_bytes(first.read_bytes()[:100])
    (images / "notes.nrrd").write_text("no image")
    shutil.copy(first, images / "zz again.nii.gz")
    drop(panel, images)
    table, ui = panel.project.new_table, panel.project.ui
    table.fill(LabelSchema.parse("5=liver#102030").segments)
    table._on_term("Kidney, Left", "#405060", "a code")
    ui.testShareSpinBox.setValue(30)
    ui.patientsEdit.setText(str(archive / "patients.csv"))
    ui.createButton.click()
    assert panel.is_busy
    assert not ui.createButton.enabled
    finish(panel)
    assert page(panel) == "openPage"
    session = panel.session
    assert session is not None
    names = [(s.value, s.name, s.color) for s in session.schema.segments]
    assert names == [(5, "liver", "#102030"), (6, "Kidney, Left", "#405060")]
    assert session.project.settings["terminologies"] == {"6": "a code"}
    assert session.counts()["test"] == 2
    assert all(record.case.patient for record in session.project.cases())
    assert ui.projectNameLabel.text == "images-ActiveSeed"
    assert ui.imagesFolderEdit.text == str(images)
    lines = report_lines(panel)
    assert not ui.reportBox.isHidden()
    assert any("notes.nrrd" in line and line.startswith("Not used:") for line in lines), lines
    assert f"Twice: zz again.nii.gz is the same image as {first.name}." in lines
    assert "see the list" in panel.notice_text
    ui.closeReportButton.click()
    assert ui.reportBox.isHidden()
    ui.showReportButton.click()
    assert any("notes.nrrd" in line for line in report_lines(panel))


def test_label_maps_say_what_there_is_to_label(panel: Panel, archive: Path) -> None:
    drop(panel, archive / "images")
    ui, table = panel.project.ui, panel.project.new_table
    ui.labelsEdit.setText(str(archive / "labels"))
    assert table.is_empty
    assert "are taken over" in table.ui.schemaHintLabel.text
    ui.testShareSpinBox.setValue(0)
    ui.createButton.click()
    finish(panel)
    assert panel.session is not None, panel.notice_text
    assert sorted(panel.session.schema.values) == [1, 2]
    assert panel.session.counts()["labelled"] == CASES
    assert f"{CASES} label maps taken over" in panel.notice_text
    assert ui.countsLabel.text == f"{CASES} cases: {CASES} labelled"


def test_names_that_were_typed_stay_when_label_maps_are_given(panel: Panel, archive: Path) -> None:
    drop(panel, archive / "images")
    ui, table = panel.project.ui, panel.project.new_table
    ui.labelsEdit.setText("x")
    ui.labelsEdit.setText("")
    assert table.schema() == LabelSchema.parse("1=structure")
    table.table.item(0, 2).setText("liver")
    ui.labelsEdit.setText(str(archive / "labels"))
    assert table.schema() == LabelSchema.parse("1=liver")


def test_a_form_that_cannot_be_is_told_in_a_sentence_and_nothing_runs(
    panel: Panel, archive: Path
) -> None:
    images = archive / "images"
    drop(panel, images)
    ui, table = panel.project.ui, panel.project.new_table

    root = ui.projectFolderEdit.text
    ui.projectFolderEdit.setText(str(images / "inside"))
    ui.createButton.click()
    assert "would lie inside the images folder" in ui.formProblemLabel.text
    ui.projectFolderEdit.setText(root)
    ui.patientsEdit.setText("(")
    ui.createButton.click()
    assert "no regular expression" in ui.formProblemLabel.text
    ui.patientsEdit.setText("")
    ui.labelsEdit.setText(str(archive / "nowhere"))
    ui.createButton.click()
    assert "label maps" in ui.formProblemLabel.text
    ui.labelsEdit.setText("")
    table.fill(())
    ui.createButton.click()
    assert "at least one structure" in ui.formProblemLabel.text
    table.add("a")
    table.add("A")
    ui.createButton.click()
    assert "twice" in ui.formProblemLabel.text
    ui.imagesEdit.setText("")
    assert ui.formProblemLabel.isHidden(), "an old sentence goes when something is changed"
    ui.createButton.click()
    assert "Choose the folder that holds the images" in ui.formProblemLabel.text
    ui.imagesEdit.setText(str(archive / "nowhere"))
    ui.createButton.click()
    assert "is not there" in ui.formProblemLabel.text
    assert not panel.is_busy
    assert page(panel) == "formPage"
    assert not Path(root).exists()


def test_a_folder_without_images_is_told_and_the_form_stays(panel: Panel, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    drop(panel, empty)
    panel.project.ui.createButton.click()
    finish(panel)
    assert "There is no image in" in panel.notice_text
    assert page(panel) == "formPage"
    assert panel.project.ui.createButton.enabled


def test_a_creation_that_is_cancelled_leaves_the_form_and_no_half_project(
    panel: Panel, archive: Path
) -> None:
    drop(panel, archive / "images")
    ui = panel.project.ui
    ui.patientsEdit.setText("(")
    ui.createButton.click()
    ui.patientsEdit.setText("")
    ui.createButton.click()
    assert ui.formProblemLabel.isHidden()
    panel.cancel()
    finish(panel)
    assert panel.notice_text == "Stopped."
    assert page(panel) == "formPage"
    ui.createButton.click()
    drop(panel, archive / "labels")
    assert "Something is running" in panel.notice_text
    finish(panel)
    assert panel.session is not None, "the second try makes it"


def test_a_project_whose_label_maps_were_not_all_taken_over_can_be_opened(
    panel: Panel, archive: Path
) -> None:
    root = make(panel, archive).root
    panel.project.ui.closeProjectButton.click()
    drop(panel, archive / "images")
    panel.project._new = panel.project.form.read()
    panel.notice("Stopped.")
    panel.project._created(done=False)  # as when Cancel comes while label maps are taken over
    assert "was made up to there" in panel.notice_text
    panel.bar.press("Open it")
    assert panel.session is not None
    assert panel.session.root == root


def test_images_that_have_a_project_already_offer_it(panel: Panel, archive: Path) -> None:
    root = make(panel, archive).root
    panel.project.ui.closeProjectButton.click()
    drop(panel, archive / "images")
    assert "have a project already" in panel.notice_text
    panel.project.ui.createButton.click()
    assert not panel.is_busy
    panel.bar.press("Open it")
    assert panel.session is not None
    assert panel.session.root == root


def test_the_projects_folder_follows_the_images_until_the_user_names_one(
    panel: Panel, archive: Path
) -> None:
    drop(panel, archive / "images")
    ui, form = panel.project.ui, panel.project.form
    ui.imagesEdit.setText(str(archive / "labels"))
    assert form.root == archive / "labels-ActiveSeed"
    taken = archive / "images-ActiveSeed"
    taken.mkdir()
    (taken / "something.txt").write_text("taken")
    ui.imagesEdit.setText(str(archive / "images"))
    assert form.root == archive / "images-ActiveSeed-2"
    with pump.chosen(archive / "mine"):
        ui.projectFolderButton.click()
    ui.imagesEdit.setText(str(archive / "labels"))
    assert form.root == archive / "mine"


def test_going_back_leaves_nothing(panel: Panel, archive: Path) -> None:
    drop(panel, archive / "images")
    panel.project.ui.cancelFormButton.click()
    assert page(panel) == "startPage"
    assert sorted(path.name for path in archive.iterdir()) == [
        "cohort.json",
        "images",
        "labels",
        "patients.csv",
    ]


# -- sample data ----------------------------------------------------------------------------------


def test_sample_data_are_drawn_here_and_the_test_cases_can_score(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_section, "SAMPLE_CASES", 10)
    panel.project.ui.sampleButton.click()
    finish(panel)
    session = panel.session
    assert session is not None, panel.notice_text
    assert session.root.name == "Sample project"
    assert "The sample is ready" in panel.notice_text
    rows = session.rows()
    assert len(rows) == 10
    assert {row.key for row in rows if row.held_out} == {row.key for row in rows if row.labelled}
    assert any(row.held_out for row in rows)
    assert [s.name for s in session.schema.segments] == ["liver", "kidney"]
    panel.project.ui.closeProjectButton.click()
    panel.project.ui.sampleButton.click()
    assert not panel.is_busy, "it is there already"
    assert panel.session is not None


# -- the open project -----------------------------------------------------------------------------


def test_names_and_colours_change_and_structures_are_added(panel: Panel, archive: Path) -> None:
    project = make(panel, archive)
    ui, table = panel.project.ui, panel.project.table
    assert ui.openSchemaBox.isHidden()
    ui.editSchemaButton.click()
    assert not ui.openSchemaBox.isHidden()
    table.table.item(0, 2).setText("hepar")
    table.set_colour(1, "#010203")
    table._on_term("Spleen", "#040506", "a code")
    ui.applySchemaButton.click()
    assert ui.openSchemaBox.isHidden()
    assert [(s.value, s.name, s.color) for s in project.schema.segments] == [
        (1, "hepar", LabelSchema.parse("1=x").segments[0].color),
        (2, "kidney", "#010203"),
        (3, "Spleen", "#040506"),
    ]
    assert project.settings["terminologies"] == {"3": "a code"}
    ui.editSchemaButton.click()
    assert table.terminologies() == {"3": "a code"}


def test_a_schema_that_would_change_meanings_is_refused_in_a_sentence(
    panel: Panel, archive: Path
) -> None:
    project = make(panel, archive)
    before = project.schema
    ui, table = panel.project.ui, panel.project.table
    ui.editSchemaButton.click()
    table.table.item(0, 2).setText("kidney")
    ui.applySchemaButton.click()
    assert "twice" in ui.openSchemaProblemLabel.text
    table.table.item(1, 2).setText("liver")
    ui.applySchemaButton.click()
    assert "change their meaning" in ui.openSchemaProblemLabel.text
    assert project.schema == before
    ui.cancelSchemaButton.click()
    assert ui.openSchemaBox.isHidden()
    ui.editSchemaButton.click()
    assert table.schema() == before


def test_new_images_are_found_and_moved_ones_followed(panel: Panel, archive: Path) -> None:
    images = archive / "images"
    late = sorted(images.iterdir())[0]
    late.rename(archive / late.name)
    project = make(panel, archive)
    (archive / late.name).rename(images / "late.nii.gz")
    panel.project.ui.rescanButton.click()
    finish(panel)
    assert "1 new" in panel.notice_text
    assert len(project.rows()) == CASES
    assert panel.project.ui.countsLabel.text.startswith(f"{CASES} cases:")
    panel.project.ui.closeProjectButton.click()
    disk = images.rename(archive / "other disk")
    panel.project.open(project.root)
    assert "is not there" in panel.project.ui.projectNotesLabel.text
    with pump.chosen(disk):
        panel.project.ui.relocateButton.click()
    finish(panel)
    assert panel.project.ui.projectNotesLabel.isHidden()
    assert panel.project.ui.imagesFolderEdit.text == str(disk)
    assert panel.session is not None
    assert all(row.available for row in panel.session.rows())


def test_label_maps_are_imported_and_the_others_named(panel: Panel, archive: Path) -> None:
    project = make(panel, archive, segments="1=liver,2=kidney")
    labels = archive / "labels"
    first, second, *_ = sorted(labels.iterdir())
    first.rename(labels / "stranger.nii.gz")
    second.write_bytes(b"broken")
    with pump.chosen(labels):
        panel.project.ui.importLabelsButton.click()
    finish(panel)
    assert panel.notice_text == f"{CASES - 2} label maps taken over, 1 refused, 1 of no image."
    assert sum(row.labelled for row in project.rows()) == CASES - 2
    lines = report_lines(panel)
    assert any(second.name in line and "refused" in line for line in lines)
    assert "Label map of no image: stranger.nii.gz" in lines


def test_closing_lets_go_of_the_project(panel: Panel, archive: Path) -> None:
    root = make(panel, archive).root
    panel.project.ui.closeProjectButton.click()
    assert page(panel) == "startPage"
    Project.open(root).close()
    assert panel.project.ui.recentList.item(0).text() == f"{root.name} · {archive}"


def test_while_a_job_runs_closing_is_asked_about(panel: Panel, archive: Path) -> None:
    make(panel, archive)
    panel.project.ui.rescanButton.click()
    assert panel.is_busy
    assert not panel.project.ui.relocateButton.enabled
    panel.project.ui.closeProjectButton.click()
    assert panel.session is not None
    assert "Something is running" in panel.notice_text
    panel.bar.press("Close all the same")
    assert panel.session is None
    assert not panel.is_busy


HOLD = """
import sys
from pathlib import Path
from ActiveSeedLib.project.project import Project
with Project.open(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_second_panel_is_told_who_has_the_project_and_can_retry(
    panel: Panel, archive: Path
) -> None:
    root = make(panel, archive).root
    panel.project.ui.closeProjectButton.click()
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=pipe, stdout=pipe, text=True, cwd=PROJECT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        assert not panel.project.open(root)
        assert f"process {other.pid}" in panel.notice_text
        assert panel.bar.actions == ("Retry",)
        assert page(panel) == "startPage"
        other.communicate()  # its input ends, and so does it
    panel.bar.press("Retry")
    assert panel.session is not None
    assert page(panel) == "openPage"
