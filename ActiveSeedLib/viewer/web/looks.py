"""How the page looks: what its widgets have in common, and its style sheet."""

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

from trame.widgets import html
from trame.widgets import vuetify3 as v3

FIELD = {"density": "compact", "hide_details": True, "variant": "outlined"}
STYLE = """
html, body { overflow: hidden; height: 100%; font-family: Roboto, Arial, sans-serif; }
.job-bar { display: flex; align-items: center; gap: 12px; flex: 1 1 auto; min-width: 0; }
.job-words { flex: 1 1 auto; min-width: 0; max-width: 520px; line-height: 1.25; }
.job-words * { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.notice-bar { position: absolute; left: 12px; right: 12px; bottom: 40px; z-index: 5; }
.notice-bar { max-height: 60%; overflow-y: auto; }
.notice-actions { display: flex; flex-wrap: wrap; gap: 6px; }
.v-btn { text-transform: none; letter-spacing: normal; }
.v-btn.v-btn--disabled { opacity: 0.5; }
.queue-line { cursor: pointer; gap: 8px; border-left: 4px solid transparent; }
.queue-line:hover { background: rgba(255, 255, 255, 0.06); }
.queue-line:focus-visible { outline: 2px solid #fff; outline-offset: -2px; }
.queue-words { gap: 8px; min-width: 0; }
.queue-open { border-left-color: #56b4e9; background: rgba(86, 180, 233, 0.12); }
.queue-off { opacity: 0.5; }
.queue-picture { width: 56px; height: 56px; object-fit: contain; background: #000; flex: none; }
/* Names often differ in their last letters, and the reason is what one chooses by. */
.queue-title, .queue-reason {
  line-height: 1.25; overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical;
}
.queue-title { -webkit-line-clamp: 2; }
.queue-reason { -webkit-line-clamp: 4; opacity: 0.75; }
/* As high whatever it says: the views below must not move, least of all under a stroke. */
.case-strip {
  border-bottom: 1px solid rgba(255, 255, 255, 0.12); flex: none; container-type: inline-size;
}
.case-inner { height: 64px; overflow: hidden; }
.case-buttons { display: flex; align-items: center; gap: 6px; white-space: nowrap; }
.case-buttons > * { flex: none; }
.case-buttons > .case-name { flex: 0 1 auto; }
@container (max-width: 720px) {
  .case-inner { height: 88px; }
  .case-buttons { flex-wrap: wrap; row-gap: 2px; }
  .case-buttons > .case-name { flex: 1 0 100%; }
}
@container (max-width: 620px) { .case-buttons .v-btn__prepend { display: none; } }
@container (max-width: 510px) { .case-inner { height: 116px; } }
.work { container: work / inline-size; }
.editor-row { flex: none; }
/* Over black and over white: what is written in a slice view stands out from either. */
.slice-pane { container: slice / inline-size; }
.slice-letter { position: absolute; pointer-events: none; color: #fff; }
.slice-letter { text-shadow: 0 0 2px #000, 0 0 2px #000, 0 0 4px #000; }
.slice-left, .slice-right { top: 50%; transform: translateY(-50%); }
.slice-left { left: 4px; }
.slice-right { right: 4px; }
.slice-top, .slice-bottom { left: 50%; transform: translateX(-50%); }
.slice-top { top: 2px; }
.slice-bottom { bottom: 2px; }
.slice-buttons { position: absolute; top: 2px; right: 2px; display: flex; color: #fff; }
.slice-buttons .v-icon { filter: drop-shadow(0 0 1px #000) drop-shadow(0 0 1px #000); }
.slice-row { display: flex; align-items: center; gap: 8px; height: 26px; flex: none; }
.slice-row { background: #1b1b1b; }
.slice-row .text-caption { letter-spacing: normal !important; }
@container slice (max-width: 260px) {
  .slice-buttons { flex-direction: column; }
  .slice-buttons .v-btn { width: 24px; height: 24px; }
  .slice-right { top: max(50%, 90px); }
  .slice-row { flex-direction: column; align-items: stretch; gap: 0; height: 40px; }
  .slice-row .v-slider { flex: none !important; }
  .slice-row .v-slider * { min-height: 0 !important; }
  .slice-row .v-slider, .slice-row .v-slider .v-input__control { height: 16px; }
}
@container slice (max-width: 210px) { .slice-name { display: none; } }
.segment-column { width: clamp(160px, 13vw, 220px); flex: none; }
.segment-column { display: flex; flex-direction: column; }
.segment-list { overflow-y: auto; flex: 0 1 auto; min-height: 64px; padding-bottom: 8px; }
.tool-options { border-top: 1px solid rgba(255, 255, 255, 0.12); padding: 8px; overflow-y: auto; }
.tool-options { flex: none; max-height: 70%; }
.tool-options, .tool-group { display: flex; flex-direction: column; gap: 8px; }
.tool-options .text-caption { line-height: 1.3; }
.tool-options .v-label { font-size: 13px; }
.v-field { font-size: 14px; --v-field-padding-start: 10px; }
.v-field--appended { padding-inline-end: 4px; }
input[type=number] { appearance: textfield; }
.v-navigation-drawer, .notice-bar { overflow-wrap: anywhere; }
.keys-table { --v-table-row-height: 28px; }
.case-words { display: flex; gap: 12px; padding-top: 2px; height: 22px; overflow: hidden; }
.case-words > * { white-space: nowrap; flex: none; }
.case-words > :last-child { flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis; }
.uncertainty-colours { display: inline-block; width: 60px; height: 9px; }
.case-link { cursor: pointer; text-decoration: underline; color: #56b4e9; }
"""


def named(name: str, tip: str = "") -> dict[str, Any]:
    """Return what gives a widget a name to find it by (`data-name`) and, if any, a tooltip."""
    attributes = [f'data-name="{name}"']
    if tip:
        attributes.append(f'title="{escape(tip, quote=True)}"')
    return {"raw_attrs": attributes}


def css_color(rgb: Iterable[float]) -> str:
    """Return #rrggbb of red, green and blue from 0 to 1."""
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in rgb)


def slider(
    variable: str,
    change: Callable[..., Any],
    ends: tuple[float, float, float],
    name: str,
    tip: str,
    **more: Any,
) -> Any:
    """Make a slider as wide as its place.

    Args:
        variable: of the page; where the slider stands.
        change: called with where it was moved to.
        ends: smallest, largest, and from one to the next.
        name: to find it by.
        tip: its tooltip.
        more: further properties of its place.
    """
    low, high, step = ends
    with tipped(tip, **more) as place:
        v3.VSlider(
            model_value=(variable,),
            min=low,
            max=high,
            step=step,
            update_modelValue=(change, "[$event]"),
            density="compact",
            hide_details=True,
            thumb_size=12,
            **named(name),
        )
    return place


def tipped(tip: str, **more: Any) -> Any:
    """Return a place with a tooltip; sliders and checkboxes would give it to a hidden part."""
    return html.Div(classes="flex-grow-1", raw_attrs=[f'title="{escape(tip, quote=True)}"'], **more)


def button(
    text: str, click: Callable[..., Any] | tuple[Any, str] | str, name: str, tip: str, **more: Any
) -> Any:
    """Make a small button.

    Args:
        text: what it says; empty for one with an `icon`.
        click: what it does; with arguments as (function, "[expressions of the page]"), or as
            an expression of the page.
        name: to find it by.
        tip: its tooltip.
        more: further properties of Vuetify's VBtn.
    """
    looks = {"size": "small", "variant": "tonal", **more}
    return v3.VBtn(text or None, click=click, **looks, **named(name, tip))
