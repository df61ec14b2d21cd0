"""Advanced: choices that are kept, weights, the worker's Python, log and provenance."""

import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import pytest

from Testing import host

host.start()

import qt  # noqa: E402

from ActiveSeedLib.app.choices import Choices  # noqa: E402
from ActiveSeedLib.app.steps import Step  # noqa: E402
from ActiveSeedLib.errors import InputError  # noqa: E402
from ActiveSeedLib.features import weights  # noqa: E402
from ActiveSeedLib.features.encoder import encoders  # noqa: E402
from ActiveSeedLib.features.weights import KnownWeights  # noqa: E402
from ActiveSeedLib.jobs.download import download  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.panel.parameter_form import ParameterForm  # noqa: E402
from ActiveSeedLib.panel.python import kept_python  # noqa: E402
from ActiveSeedLib.progress import Progress  # noqa: E402
from ActiveSeedLib.selection.strategy import strategies  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel.rounds import copy_of, make_archive, make_panel  # noqa: E402


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_archive(tmp_path_factory.mktemp("made") / "archive")


@pytest.fixture
def panel(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Panel]:
    """A panel with a project and Advanced unfolded; without weights."""
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("ACTIVESEED_DATA", raising=False)
    monkeypatch.delenv("ACTIVESEED_PYTHON", raising=False)
    panel = make_panel()
    panel.advanced.widget.collapsed = False
    assert panel.open_project(copy_of(archive, tmp_path))
    with pump.no_errors():
        yield panel
    panel.close()
    panel.widget.deleteLater()
    pump.process()


def choose(box: Any, value: str) -> None:
    """Choose an entry, as a click in the list does."""
    index = box.findText(value)
    assert index >= 0, f"there is no {value}"
    box.setCurrentIndex(index)
    pump.process()


def kept(panel: Panel) -> Choices:
    """Return the choices as the project has them on disk."""
    assert panel.session is not None
    return panel.session.choices()


# -- choices -----------------------------------------------------------------------------------


def test_everything_that_is_registered_can_be_chosen(panel: Panel) -> None:
    ui = panel.advanced.ui
    shown = [ui.strategyBox.itemText(i) for i in range(ui.strategyBox.count)]
    assert shown == [entry.name for entry in strategies.entries()]
    shown = [ui.encoderBox.itemText(i) for i in range(ui.encoderBox.count)]
    assert shown == [entry.name for entry in encoders.entries()]
    assert kept(panel) == Choices()


def test_a_strategy_brings_its_own_parameters_with_tooltips(panel: Panel) -> None:
    form = panel.advanced.form
    assert form.widgets == {}
    choose(panel.advanced.ui.strategyBox, "levy")
    assert set(form.widgets) == {"farthest_from", "alpha", "count_labelled"}
    assert form.widgets["alpha"].value == pytest.approx(0.3)
    assert "Weight of diversity" in form.widgets["alpha"].toolTip
    form.widgets["alpha"].setValue(0.7)
    choose(form.widgets["farthest_from"], "all")
    assert kept(panel).strategy_parameters == {"alpha": 0.7, "farthest_from": "all"}
    choose(panel.advanced.ui.strategyBox, "random")
    assert form.widgets == {}
    assert kept(panel).strategy == "random"
    assert kept(panel).strategy_parameters == {}
    choose(panel.advanced.ui.strategyBox, "levy-active")
    assert "Needs a trained model." in panel.advanced.ui.strategyHelp.text
    assert form.widgets["alpha"].value == pytest.approx(0.3)


def test_alpha_stays_between_its_limits(panel: Panel) -> None:
    choose(panel.advanced.ui.strategyBox, "levy")
    alpha = panel.advanced.form.widgets["alpha"]
    alpha.setValue(7)
    assert alpha.value == 1.0
    assert kept(panel).strategy_parameters == {"alpha": 1.0}


def test_seed_device_epochs_and_map_are_kept(panel: Panel) -> None:
    ui = panel.advanced.ui
    ui.seedEdit.setText("7")
    choose(ui.mapBox, "principal components")
    choose(ui.deviceBox, "CPU")
    ui.epochsBox.setValue(5)
    pump.click(ui.crossBox)
    assert kept(panel) == Choices(
        seed=7, map_method="pca", device="cpu", epochs=5, cross_validate=False
    )


@pytest.mark.parametrize("text", ["x", "-1", "4294967296", "1.5", ""])
def test_a_seed_that_is_none_is_refused_and_put_back(panel: Panel, text: str) -> None:
    ui = panel.advanced.ui
    ui.seedEdit.setText(text)
    assert "seed" in panel.notice_text
    assert kept(panel).seed == 43
    assert "color" in ui.seedEdit.styleSheet
    pump.press(ui.seedEdit, "Return")
    assert ui.seedEdit.text == "43"
    assert ui.seedEdit.styleSheet == ""


def test_the_choices_come_back_with_the_project(panel: Panel) -> None:
    assert panel.session is not None
    root = panel.session.root
    choose(panel.advanced.ui.strategyBox, "levy")
    panel.advanced.form.widgets["alpha"].setValue(0.5)
    panel.advanced.ui.seedEdit.setText("11")
    panel.close_project()
    assert not panel.advanced.ui.choosingBox.enabled
    assert panel.open_project(root)
    assert panel.advanced.form.widgets["alpha"].value == pytest.approx(0.5)
    assert panel.advanced.ui.seedEdit.text == "11"
    assert panel.choices == Choices(strategy="levy", seed=11, strategy_parameters={"alpha": 0.5})


def test_defaults_leave_budget_and_python_alone(panel: Panel) -> None:
    panel.keep_choices(Choices(budget=3, seed=1, strategy="random", encoder="mobilenet"))
    panel.advanced.show_project()
    pump.click(panel.advanced.ui.resetButton)
    assert kept(panel) == Choices(budget=3)
    assert panel.advanced.ui.strategyBox.currentText == Choices().strategy


def test_every_widget_says_what_it_does(panel: Panel) -> None:
    kinds = ("QPushButton", "QToolButton", "QComboBox", "QLineEdit", "QSpinBox", "QCheckBox")
    for section in (panel.setup, panel.job, panel.advanced):
        for name, widget in vars(section.ui).items():
            if widget.className() in kinds and not name.startswith("qt_"):
                assert widget.toolTip, f"{section.NAME}.{name} has no tooltip"


@dataclass(frozen=True)
class Every:
    """One field of every kind."""

    flag: bool = False
    number: int = 3
    share: float = 0.25
    kind: Literal["a", "b"] = "a"
    sizes: list[int] = field(default=None, metadata={"help": "How large."})  # type: ignore[assignment]
    name: str = "x"


def test_a_form_shows_and_reads_every_kind_of_parameter() -> None:
    holder = qt.QWidget()
    form = ParameterForm(qt.QFormLayout(holder))
    changed: list[int] = []
    form.changed.connect(lambda: changed.append(1))
    form.show(Every, {"number": 5, "sizes": [1, 2], "unknown": 1})
    assert not changed, "showing is no choice"
    assert form.values() == {"number": 5, "sizes": [1, 2]}
    form.widgets["flag"].setChecked(True)
    form.widgets["kind"].setCurrentIndex(1)
    form.widgets["share"].setValue(0.5)
    form.widgets["sizes"].setText("[4]")
    form.widgets["name"].setText("some text")
    assert form.values() == {
        "flag": True,
        "number": 5,
        "share": 0.5,
        "kind": "b",
        "sizes": [4],
        "name": "some text",
    }
    assert len(changed) == 5
    assert form.widgets["sizes"].toolTip == "How large."
    form.show(Every, {})
    assert form.values() == {}


# -- weights -------------------------------------------------------------------------------------


WEIGHTS = b"weights" * 1000


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[str]:
    """The address of a host on this machine that publishes net.pth."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "net.pth").write_bytes(WEIGHTS)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_weights_are_asked_for_only_where_they_are_needed(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    assert ui.weightsBox.isHidden()
    choose(ui.encoderBox, "radimagenet")
    assert not ui.weightsBox.isHidden()
    assert "Not there yet." in ui.weightsLabel.text
    assert "from huggingface.co" in ui.weightsLabel.text
    assert str(tmp_path / "weights") in ui.weightsLabel.text
    assert not ui.downloadButton.isHidden()
    assert ui.removeButton.isHidden()


def test_weights_that_are_there_can_be_removed(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    file = tmp_path / "weights/RadImageNet-ResNet50_notop.pth"
    file.parent.mkdir()
    file.write_bytes(b"0" * 3_000_000)
    choose(ui.encoderBox, "radimagenet")
    assert ui.weightsLabel.text.startswith(f"There: {file} (3 MB")
    assert ui.downloadButton.isHidden()
    pump.click(ui.removeButton)
    assert not file.exists()
    assert not ui.downloadButton.isHidden()


def test_a_download_that_fails_says_why_and_keeps_nothing(
    panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a connection: the proxy that the worker is told to use does not exist."""
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    choose(panel.advanced.ui.encoderBox, "mobilenet")
    pump.click(panel.advanced.ui.downloadButton)
    assert panel.is_busy
    assert not panel.advanced.ui.downloadButton.enabled
    pump.wait_until(lambda: not panel.is_busy)
    assert "mobilenet_v2-b0353104.pth could not be downloaded" in panel.notice_text
    assert list((tmp_path / "weights").glob("*")) == []
    assert panel.advanced.ui.downloadButton.enabled


def test_the_job_downloads(tmp_path: Path, publisher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(InputError, match="no weights called 'none'"):
        download({"weights": "none"}, Progress())
    published = KnownWeights(
        "net", "mobilenet", "net.pth", "imagenet", "MIT", "a test", f"{publisher}/net.pth"
    )
    monkeypatch.setattr(weights, "KNOWN", (*weights.KNOWN, published))
    file = tmp_path / "weights/net.pth"
    assert download({"weights": "net"}, Progress()) == {"weights": "net", "file": str(file)}
    assert file.read_bytes() == WEIGHTS


# -- the worker's Python -------------------------------------------------------------------------


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def checked(panel: Panel) -> str:
    pump.wait_until(lambda: panel.advanced.ui.checkButton.text == "Check", 60)
    return str(panel.advanced.ui.checkLabel.text)


def test_the_check_tells_what_the_python_has(panel: Panel) -> None:
    ui = panel.advanced.ui
    with pump.handler_times() as times:
        pump.click(ui.checkButton)
        assert ui.checkButton.text == "Stop"
        text = checked(panel)
    assert text.startswith(f"{sys.executable} has all that is needed.")
    assert "✓ torch: 2." in text
    assert "✓ Memory:" in text
    assert "GPU" in text
    assert len(times.turns) > 20, "the panel lives meanwhile"


def test_another_python_is_kept_used_and_given_up_again(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    launcher = script(tmp_path / "my-python", f'exec "{sys.executable}" "$@"')
    with pump.chosen(launcher):
        pump.click(ui.browseButton)
    assert kept_python() == str(launcher)
    assert panel.worker.python == str(launcher)
    assert panel.worker.is_foreign
    step = Step("cohort", {"folder": str(tmp_path / "cohort"), "cases": 1}, "Making")
    panel.run([step], "Making a cohort")
    pump.wait_until(lambda: not panel.is_busy)
    assert panel.worker.command()[0] == str(launcher)
    assert panel.results["cohort"]["cases"] == 1
    ui.pythonEdit.setText("")
    pump.press(ui.pythonEdit, "Return")
    assert panel.worker.python == sys.executable
    assert kept_python() == ""


def test_what_is_no_python_is_said(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    ui.pythonEdit.setText(str(tmp_path / "nothing"))
    pump.press(ui.pythonEdit, "Return")
    assert "is not a program that can be started" in panel.notice_text
    assert kept_python() == ""
    broken = script(tmp_path / "broken", "echo I am no Python >&2; exit 4")
    ui.pythonEdit.setText(str(broken))
    pump.click(ui.checkButton)
    assert "exit code 4; its last words were: I am no Python" in checked(panel)


def test_a_check_that_hangs_can_be_stopped(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    ui.pythonEdit.setText(str(script(tmp_path / "hanging", "exec sleep 100")))
    pump.click(ui.checkButton)
    pump.wait(0.3)
    pump.click(ui.checkButton)
    assert checked(panel) == "Stopped."


def test_the_environment_variable_comes_first_and_is_shown(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVESEED_PYTHON", "/srv/cuda/bin/python")
    panel.advanced.python.show()
    ui = panel.advanced.ui
    assert ui.pythonEdit.text == "/srv/cuda/bin/python"
    assert not ui.pythonEdit.enabled
    assert "ACTIVESEED_PYTHON" in ui.checkLabel.text
    panel.advanced.show_job(None)
    assert not ui.pythonEdit.enabled


def test_nobody_changes_the_python_under_a_job(panel: Panel, tmp_path: Path) -> None:
    step = Step("cohort", {"folder": str(tmp_path / "cohort"), "cases": 2000}, "Making")
    panel.run([step], "Making a cohort")
    assert not panel.advanced.ui.pythonEdit.enabled
    panel.cancel()
    pump.wait_until(lambda: not panel.is_busy)
    assert panel.advanced.ui.pythonEdit.enabled


# -- log and provenance ---------------------------------------------------------------------------


def test_the_log_is_read_in_the_panel_and_follows(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    pump.click(ui.logButton)
    assert ui.textLabel.text == "Log: the background process has not run yet"
    panel.run([Step("rescan", {"project": str(tmp_path / "nowhere")}, "Looking")], "Looking")
    pump.wait_until(lambda: not panel.is_busy)
    assert panel.worker.log_path is not None
    pump.wait_until(lambda: "Traceback" in ui.textView.plainText)
    assert ui.textLabel.text == f"Log: {panel.worker.log_path}"
    assert ui.textView.readOnly
    assert ui.logButton.text == "Hide log"
    pump.click(ui.logButton)
    assert ui.textView.isHidden()


def test_a_long_log_shows_its_end(panel: Panel, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    panel.run([Step("cohort", {"folder": str(folder), "cases": 1}, "Making")], "Making")
    pump.wait_until(lambda: not panel.is_busy)
    assert panel.worker.log_path is not None
    with panel.worker.log_path.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(100_000))
    pump.click(panel.advanced.ui.logButton)
    text = str(panel.advanced.ui.textView.plainText)
    assert text.rstrip().endswith("line 99999")
    assert "…\nline " in text
    assert len(text) < 210_000


def test_provenance_is_shown_and_saved(panel: Panel, tmp_path: Path) -> None:
    ui = panel.advanced.ui
    pump.click(ui.logButton)
    pump.click(ui.provenanceButton)
    assert not ui.logButton.checked
    assert "levy" in ui.textView.plainText
    assert panel.session is not None
    assert ui.textView.plainText == panel.session.provenance()
    with pump.chosen(tmp_path / "provenance"):
        pump.click(ui.saveButton)
    assert (tmp_path / "provenance.txt").read_text() == panel.session.provenance()
    with pump.chosen(panel.session.project.images_root / "p.txt"):
        pump.click(ui.saveButton)
    assert "never written to" in panel.notice_text
    with pump.chosen(""):
        pump.click(ui.saveButton)
    panel.close_project()
    assert ui.textView.isHidden()
    assert not ui.provenanceButton.enabled


def test_the_report_on_the_encoder_is_shown_and_gives_way_to_the_log(
    panel: Panel, tmp_path: Path
) -> None:
    ui = panel.advanced.ui
    pump.click(ui.provenanceButton)
    pump.click(ui.inspectButton)
    assert panel.is_busy
    assert not ui.inspectButton.enabled
    pump.wait_until(lambda: not panel.is_busy, 120)
    assert ui.inspectButton.enabled
    assert not ui.provenanceButton.checked
    assert not ui.textView.isHidden()
    text = str(ui.textView.plainText)
    assert str(ui.textLabel.text).startswith("Whether descriptor is worth trusting")
    assert "Near-copies: " in text
    assert panel.notice_text == text.splitlines()[0]
    with pump.chosen(tmp_path / "report"):
        pump.click(ui.saveButton)
    assert (tmp_path / "report.txt").read_text() == text
    pump.click(ui.logButton)
    assert str(ui.textLabel.text).startswith("Log:")
    pump.click(ui.logButton)
    assert ui.textView.isHidden()
    panel.close_project()
    assert not ui.choosingBox.enabled
