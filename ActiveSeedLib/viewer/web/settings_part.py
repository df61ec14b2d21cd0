"""Strategy, encoder, seed and device; what the encoder is good for; where selections came from."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app.inspection import encoder_report
from ActiveSeedLib.app.steps import inspect_steps
from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features.encoder import encoders
from ActiveSeedLib.registry import check_seed
from ActiveSeedLib.selection.strategy import strategies
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.looks import FIELD, button, named

DEVICES = ["auto", "cpu", "cuda"]
CHOSEN = ("strategy", "values", "encoder", "seed", "epochs", "device", "cross_validate")
"""What the page hands over with Apply. While the server is busy, what was typed last may come to it
after the click: what it knows by itself would be the choices of before."""


class SettingsPart:
    """A dialog with the choices that have defaults which need no thought.

    Args:
        server: trame's.
        viewer: whose choices they are.
    """

    def __init__(self, server: Any, viewer: Viewer) -> None:
        self._state = server.state
        self._viewer = viewer
        with self._state as state:
            state.settings_shown = state.provenance_shown = state.inspection_shown = False
            state.settings_strategies = _items(strategies.entries())
            state.settings_encoders = _items(encoders.entries())
            state.provenance_text = state.settings_problem = state.inspection_text = ""
        self._show()
        server.state.change("settings_strategy")(self._on_strategy)

    def build(self) -> None:
        """Make the three dialogs."""
        with (
            v3.VDialog(v_model=("settings_shown",), max_width=520, scrollable=True),
            v3.VCard(title="Settings", **named("settings")),
        ):
            with v3.VCardText(classes="d-flex flex-column pt-2", style="gap: 12px;"):
                self._build_methods()
                self._build_training()
                v3.VAlert(
                    "{{ settings_problem }}",
                    v_if=("settings_problem",),
                    type="error",
                    variant="tonal",
                    density="compact",
                    **named("settings-problem"),
                )
            with v3.VCardActions():
                v3.VSpacer()
                button("Cancel", self._cancel, "settings-cancel", "Leave everything as it was.")
                chosen = ", ".join(f"{name}: settings_{name}" for name in CHOSEN)
                apply = (self._apply, f"[{{{chosen}}}]")
                button("Apply", apply, "settings-apply", "Keep it with the project.")
        with (
            v3.VDialog(v_model=("provenance_shown",), max_width=900),
            v3.VCard(title="How every selection so far came about", **named("provenance")),
            v3.VCardText(),
        ):
            html.Pre("{{ provenance_text }}", style="font-size: 12px; white-space: pre-wrap;")
        with (
            v3.VDialog(v_model=("inspection_shown",), max_width=900),
            v3.VCard(title="Whether the encoder is worth trusting here", **named("inspection")),
            v3.VCardText(),
        ):
            html.Div("{{ inspection_text }}", style="white-space: pre-wrap;")

    def open(self) -> None:
        """Show the choices as they are."""
        self._show()
        self._state.settings_shown = True

    def open_provenance(self) -> None:
        """Show how every selection came about."""
        with self._viewer.guarded():
            text = self._viewer.session.provenance()
            self._state.provenance_text = text or "Nothing has been selected yet."
            self._state.provenance_shown = True

    def _inspect(self, encoder: str) -> None:
        """Let the worker measure the encoder that is selected, and show what it finds."""
        with self._viewer.guarded():
            known = encoders.get(encoder).name
            choices = dataclasses.replace(self._viewer.choices, encoder=known)
            steps = inspect_steps(self._viewer.session, choices)
            self._state.settings_shown = False
            self._viewer.run(steps, "Inspecting the encoder", self._on_inspected)

    def _on_inspected(self) -> None:
        report = encoder_report(self._viewer.runner.results["inspect"])
        with self._state as state:
            state.inspection_text, state.inspection_shown = report.text(), True

    def _build_methods(self) -> None:
        v3.VSelect(
            v_model=("settings_strategy",),
            items=("settings_strategies",),
            item_props=True,
            label="Strategy",
            **FIELD,
            **named("strategy", "How the cases are chosen."),
        )
        with html.Template(v_for="one in settings_parameters", key="one.name"):
            value = {
                "model_value": ("settings_values[one.name]",),
                # The page does not see by itself what changes within a value.
                "update_modelValue": (
                    "settings_values[one.name] = $event; flushState('settings_values')"
                ),
                "label": ("one.title",),
                "raw_attrs": [':title="one.help"', ':data-name="`parameter-${one.name}`"'],
            }
            v3.VCheckbox(v_if="one.kind == 'bool'", density="compact", hide_details=True, **value)
            v3.VSelect(v_if="one.kind == 'choice'", items=("one.items",), **FIELD, **value)
            v3.VTextField(
                v_if="one.kind == 'number' || one.kind == 'text'",
                type=("one.kind",),
                step="any",
                **FIELD,
                **value,
            )
        v3.VSelect(
            v_model=("settings_encoder",),
            items=("settings_encoders",),
            item_props=True,
            label="Encoder",
            **FIELD,
            **named("encoder", "How an image becomes a vector."),
        )
        button(
            "Is it worth trusting?",
            (self._inspect, "[settings_encoder]"),
            "inspect",
            "Measure whether cases chosen by this encoder stand for the pool better than random "
            "ones.",
        )

    def _build_training(self) -> None:
        for variable, label, tip in (
            ("settings_seed", "Seed", "Fixes everything by chance."),
            ("settings_epochs", "Epochs (empty: as the training chooses)", "Of a training."),
        ):
            v3.VTextField(
                v_model=(variable,),
                type="number",
                label=label,
                **FIELD,
                **named(variable.removeprefix("settings_"), tip),
            )
        v3.VSelect(
            v_model=("settings_device",),
            items=("settings_devices", DEVICES),
            label="Device",
            **FIELD,
            **named("device", "Where models are trained and images encoded."),
        )
        v3.VCheckbox(
            v_model=("settings_cross_validate",),
            label="Score a model by cross-validation where no test case can",
            density="compact",
            hide_details=True,
        )

    # -- what is shown and taken over -------------------------------------------------------------

    def _show(self) -> None:
        choices = self._viewer.choices
        with self._state as state:
            state.settings_encoder = _known(encoders, choices.encoder)
            state.settings_seed = choices.seed
            state.settings_epochs = choices.epochs
            state.settings_device = choices.device
            state.settings_cross_validate = choices.cross_validate
            state.settings_strategy = _known(strategies, choices.strategy)
            state.settings_problem = ""
        self._show_parameters(_known(strategies, choices.strategy), choices.strategy_parameters)

    def _on_strategy(self, settings_strategy: str, **_state: Any) -> None:
        """Another strategy begins with its own defaults."""
        if settings_strategy != self._shown:
            self._show_parameters(settings_strategy, {})

    def _show_parameters(self, strategy: str, values: dict[str, Any]) -> None:
        self._shown = strategy
        kind = strategies.get(strategy).parameters
        with self._state as state:
            state.settings_parameters = _described(kind)
            state.settings_values = {
                one.name: _typed(values.get(one.name, one.default))
                for one in dataclasses.fields(kind)
            }

    def _cancel(self) -> None:
        self._state.settings_shown = False

    def _apply(self, chosen: dict[str, Any]) -> None:
        """Take the choices over, or say which one cannot be used."""
        with self._viewer.guarded(), self._state as state:
            try:
                self._viewer.change_choices(**_taken(chosen))
            except InputError as error:  # told where it was typed: the page is behind the dialog
                state.settings_problem = str(error)
            else:
                state.settings_shown = False


def _taken(chosen: dict[str, Any]) -> dict[str, Any]:
    """Return what `CHOSEN` holds as the choices have it, or raise `InputError`."""
    strategy = strategies.get(chosen["strategy"])
    parameters = _read(strategy.parameters, chosen["values"])
    strategy.parse(parameters)
    seed, epochs = _number(chosen["seed"], int), _number(chosen["epochs"], int)
    if not isinstance(seed, int):
        raise InputError(f"The seed is a whole number, not {chosen['seed'] or 'nothing'}.")
    check_seed(seed)
    if epochs is not None and (not isinstance(epochs, int) or epochs < 1):
        raise InputError("Epochs are a whole number from 1; empty means the default.")
    return {
        "strategy": strategy.name,
        "strategy_parameters": parameters,
        "encoder": encoders.get(chosen["encoder"]).name,
        "seed": seed,
        "epochs": epochs,
        "device": chosen["device"] if chosen["device"] in DEVICES else "auto",
        "cross_validate": bool(chosen["cross_validate"]),
    }


def _known(registry: Any, name: str) -> str:
    """Return `name`, or the first entry where another version of ActiveSeed wrote the choices."""
    names = [entry.name for entry in registry.entries()]
    return name if name in names else names[0]


def _items(entries: list[Any]) -> list[dict[str, str]]:
    """Return what a select offers: the registry's names, each with its summary."""
    return [{"title": one.name, "value": one.name, "subtitle": one.summary} for one in entries]


def _described(kind: type[Any]) -> list[dict[str, Any]]:
    """Return the parameters of a method as the page shows them."""
    hints = get_type_hints(kind)
    described = []
    for one in dataclasses.fields(kind):
        hint = hints[one.name]
        title = one.name.replace("_", " ").capitalize()
        words = {"name": one.name, "title": title, "help": one.metadata.get("help", title)}
        if hint is bool:
            described.append({**words, "kind": "bool"})
        elif get_origin(hint) is Literal:
            described.append({**words, "kind": "choice", "items": list(get_args(hint))})
        else:
            kind_of_field = "number" if hint in (int, float) else "text"
            described.append({**words, "kind": kind_of_field})
    return described


def _typed(value: Any) -> Any:
    """Return a value as a field of the page takes it: what is no text or number as JSON."""
    return value if isinstance(value, str | int | float) or value is None else json.dumps(value)


def _read(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that differ from their defaults; an empty field means the default."""
    hints, found = get_type_hints(kind), {}
    for one in dataclasses.fields(kind):
        hint, value = hints[one.name], values.get(one.name, one.default)
        if hint in (int, float):
            value = _number(value, hint)
        elif isinstance(value, str) and get_origin(hint) is not Literal:
            value = _json(value.strip())
        if value is not None and value != one.default:
            found[one.name] = value
    return found


def _number(value: Any, kind: type[int] | type[float]) -> Any:
    """Return what was typed as a number; None if nothing was, and the text if it is none."""
    if value is None or value == "":
        return None
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _json(text: str) -> Any:
    """Return what a field of any kind says: JSON if it reads as such, else text; None if empty."""
    try:
        return json.loads(text)
    except ValueError:
        return text or None
