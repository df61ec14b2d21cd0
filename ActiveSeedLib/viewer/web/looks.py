"""How the page looks: what its widgets have in common, and its style sheet."""

from collections.abc import Callable
from html import escape
from typing import Any

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
.queue-line { cursor: pointer; gap: 8px; border-left: 4px solid transparent; }
.queue-line:hover { background: rgba(255, 255, 255, 0.06); }
.queue-open { border-left-color: #56b4e9; background: rgba(86, 180, 233, 0.12); }
.queue-off { opacity: 0.5; }
.queue-picture { width: 56px; height: 56px; object-fit: contain; background: #000; flex: none; }
.queue-reason {
  opacity: 0.75; line-height: 1.25; overflow: hidden;
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
}
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
.editor-row { height: 48px; flex: none; overflow-x: auto; overflow-y: hidden; }
.editor-row > div { flex-wrap: nowrap !important; white-space: nowrap; }
.segment-column { width: clamp(160px, 12vw, 220px); flex: none; overflow-y: auto; }
.v-navigation-drawer, .notice-bar { overflow-wrap: anywhere; }
.keys-table { --v-table-row-height: 28px; }
.case-words { display: flex; gap: 12px; padding-top: 2px; height: 22px; overflow: hidden; }
.case-words > * { white-space: nowrap; flex: none; }
.case-words > :last-child { flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis; }
.case-link { cursor: pointer; text-decoration: underline; color: #56b4e9; }
"""


def named(name: str, tip: str = "") -> dict[str, Any]:
    """Return what gives a widget a name to find it by (`data-name`) and, if any, a tooltip."""
    attributes = [f'data-name="{name}"']
    if tip:
        attributes.append(f'title="{escape(tip, quote=True)}"')
    return {"raw_attrs": attributes}


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
