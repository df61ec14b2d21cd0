"""What a researcher may choose; the defaults need no thought."""

import dataclasses
from typing import Any

import qt

from ActiveSeedLib.app.choices import Choices
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import encoders
from ActiveSeedLib.panel.advanced_python import PythonBox
from ActiveSeedLib.panel.advanced_text import TextBox
from ActiveSeedLib.panel.advanced_weights import WeightsBox
from ActiveSeedLib.panel.parameter_form import ParameterForm
from ActiveSeedLib.panel.section import Section
from ActiveSeedLib.registry import check_seed
from ActiveSeedLib.selection.strategy import strategies
from ActiveSeedLib.worker.stream import JobState

MAPS = {"tsne": "t-SNE", "pca": "principal components"}
DEVICES = {"auto": "automatic", "cpu": "CPU", "cuda": "GPU (CUDA)"}
STAGES = {
    "active": "Needs a trained model.",
    "cold start": "For the first cases, before there is a model.",
}
WRONG = "color: #b3261e"


class AdvancedSection(Section):
    """Strategy and its parameters, encoder, map, seed, device, epochs; Python; log; provenance."""

    NAME = "Advanced"

    def build(self) -> None:
        """Fill the lists and connect the widgets."""
        ui = self.ui
        self._showing = False
        for box, entries in (
            (ui.strategyBox, strategies.entries()),
            (ui.encoderBox, encoders.entries()),
        ):
            for entry in entries:
                _add(box, entry.name, entry.name, f"{entry.summary}\n{entry.citation}")
        for box, names in ((ui.mapBox, MAPS), (ui.deviceBox, DEVICES)):
            for value, words in names.items():
                _add(box, words, value)
        self.form = ParameterForm(ui.parametersWidget.layout())
        self.weights = WeightsBox(self.panel, ui)
        self.python = PythonBox(self.panel, ui)
        self.text = TextBox(self.panel, ui)
        ui.strategyBox.currentIndexChanged.connect(self._on_strategy)
        ui.encoderBox.currentIndexChanged.connect(self._on_changed)
        ui.mapBox.currentIndexChanged.connect(self._on_changed)
        ui.deviceBox.currentIndexChanged.connect(self._on_changed)
        ui.epochsBox.valueChanged.connect(self._on_changed)
        ui.crossBox.toggled.connect(self._on_changed)
        ui.seedEdit.textChanged.connect(self._on_changed)
        ui.seedEdit.editingFinished.connect(self._on_seed_left)
        ui.resetButton.clicked.connect(self.reset)
        self.form.changed.connect(self._on_changed)
        self._show(self.panel.choices)

    def show_project(self) -> None:
        """Show the choices of the project."""
        is_open = self.panel.session is not None
        for box in (self.ui.choosingBox, self.ui.trainingBox, self.ui.resetButton):
            box.setEnabled(is_open)
        self._show(self.panel.choices)
        self.text.show_project()

    def show_job(self, state: JobState | None) -> None:
        """Choices may change under a job, for the next one; its Python may not."""
        self.python.set_enabled(state is None)
        self.ui.inspectButton.setEnabled(state is None)
        self.ui.downloadButton.setEnabled(state is None)
        self.ui.removeButton.setEnabled(state is None)

    def enter(self) -> None:
        """Look again at what may have changed elsewhere."""
        self.weights.refresh()

    def exit(self) -> None:
        """Look no further."""
        self.text.exit()

    def close(self) -> None:
        """Stop what goes on."""
        self._showing = True  # what the fields say while they are deleted is no choice
        self.text.exit()
        self.python.close()

    def reset(self, *_args: Any) -> None:
        """Set the choices back to their defaults; the budget and the Python stay."""
        self._keep(Choices(budget=self.panel.choices.budget))
        self._show(self.panel.choices)

    # -- the choices ------------------------------------------------------------------------------

    def _show(self, choices: Choices) -> None:
        """Let every widget show `choices`, without taking that for a choice of the user's."""
        ui = self.ui
        self._showing = True
        _select(ui.strategyBox, choices.strategy)
        _select(ui.encoderBox, choices.encoder)
        _select(ui.mapBox, choices.map_method)
        _select(ui.deviceBox, choices.device)
        if str(ui.seedEdit.text).strip() != str(choices.seed):
            ui.seedEdit.setText(str(choices.seed))
        ui.seedEdit.setStyleSheet("")
        ui.epochsBox.setValue(choices.epochs or 0)
        ui.crossBox.setChecked(choices.cross_validate)
        self.form.show(
            strategies.get(_chosen(ui.strategyBox)).parameters, choices.strategy_parameters
        )
        self._showing = False
        self._explain()

    def _explain(self) -> None:
        strategy = strategies.get(_chosen(self.ui.strategyBox))
        encoder = encoders.get(_chosen(self.ui.encoderBox))
        stage = STAGES.get(strategy.tags.get("stage", ""), "")
        self.ui.strategyHelp.setText(f"{strategy.summary} {stage}".strip())
        self.ui.encoderHelp.setText(encoder.summary)
        self.weights.show(encoder.name)

    def _on_strategy(self, *_args: Any) -> None:
        """Another strategy begins with its own defaults."""
        if not self._showing:
            self.form.show(strategies.get(_chosen(self.ui.strategyBox)).parameters, {})
            self._on_changed()

    def _on_changed(self, *_args: Any) -> None:
        if self._showing:
            return
        try:
            choices = self._read()
        except InputError as error:
            self.ui.seedEdit.setStyleSheet(WRONG)
            self.panel.notice(str(error), "warning")
            return
        self.ui.seedEdit.setStyleSheet("")
        self._keep(choices)
        self._explain()

    def _on_seed_left(self, *_args: Any) -> None:
        """Put the seed back that was there, if what was typed is none."""
        if not self._showing:
            self._show(self.panel.choices)

    def _read(self) -> Choices:
        ui = self.ui
        strategy = strategies.get(_chosen(ui.strategyBox))
        parameters = self.form.values()
        strategy.parse(parameters)
        return dataclasses.replace(
            self.panel.choices,
            strategy=strategy.name,
            strategy_parameters=parameters,
            encoder=_chosen(ui.encoderBox),
            map_method=_chosen(ui.mapBox),
            device=_chosen(ui.deviceBox),
            seed=_seed(str(ui.seedEdit.text)),
            epochs=int(ui.epochsBox.value) or None,
            cross_validate=bool(ui.crossBox.checked),
        )

    def _keep(self, choices: Choices) -> None:
        if choices != self.panel.choices:
            self.panel.keep_choices(choices)


def _seed(text: str) -> int:
    if not text.strip().isdecimal():
        raise InputError(f"The seed is a whole number from 0 to 4294967295, not {text.strip()!r}.")
    seed = int(text)
    check_seed(seed)
    return seed


def _add(box: Any, words: str, value: str, tip: str = "") -> None:
    box.addItem(words, value)
    if tip:
        box.setItemData(box.count - 1, tip, qt.Qt.ToolTipRole)


def _chosen(box: Any) -> str:
    return str(box.itemData(box.currentIndex))


def _select(box: Any, value: str) -> None:
    """Select `value`; one that this version does not know leaves the first."""
    index = box.findData(value)
    box.setCurrentIndex(max(0, index))
