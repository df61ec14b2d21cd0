"""The benchmark's report: one HTML page that needs nothing else, and the same as Markdown."""

import base64
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ActiveSeedLib.benchmark.evidence import Finding
from ActiveSeedLib.benchmark.sections import MARKS, VERDICTS, Picture, Section, Strong, Table
from ActiveSeedLib.files import write_bytes
from ActiveSeedLib.pictures import BLACK, BLUE

PAGE, MARKDOWN = "report.html", "report.md"
FEW = 3
"""More findings than these are folded."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""The browser fetches nothing and runs nothing, whatever a name holds."""
STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #222; --line: #8885; --soft: #8881;
  --good: #00764f; --bad: #b84a00; --faint: #707070; --blue: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --page: #16181b; --ink: #e4e4e4; --good: #2fc796;
  --bad: #ff9248; --faint: #9a9a9a; --blue: #3495d8; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: break-word; }
p, dl { max-width: 50rem; } a { color: inherit; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
nav a { display: inline-block; margin: 0 1rem .3rem 0; }
.wide { overflow-x: auto; margin: .5rem 0 1.5rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
  background: var(--page); white-space: normal; min-width: 8rem;
  overflow-wrap: break-word; }
tbody tr:hover { background: var(--soft); }
.words td:first-child { min-width: 12rem; } .words td, .words th { text-align: left; }
.note { font-size: .85rem; color: var(--faint); margin: -.9rem 0 1.5rem; }
figure { margin: 1.5rem 0; } figcaption { font-size: .85rem; max-width: 50rem; }
figure svg { max-width: 100%; min-width: 42rem; height: auto; display: block; }
img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0 0 0 1.2rem; }
.supported { color: var(--good); } .contradicted { color: var(--bad); }
.open { color: var(--faint); }
summary { cursor: pointer; padding: .3rem 0; }
@media print {
  :root { color-scheme: light; --page: #fff; --ink: #000; --good: #00764f; --bad: #b84a00;
    --faint: #555; --blue: #0072b2; }
  body { font-size: 10pt; max-width: none; margin: 0; } nav { display: none; }
  table { font-size: 7pt; } th, td { padding: .1rem .3rem; } .wide { overflow: visible; }
  figure, tr, dt { break-inside: avoid; } h2, caption, dt { break-after: avoid; }
  figure svg { min-width: 0; } details::details-content { content-visibility: visible; }
  details:not([open])::details-content { block-size: auto; }
}
"""


def write_report(out: Path, title: str, sections: Sequence[Section]) -> None:
    """Write report.html, report.md and the pictures that the latter shows.

    Args:
        out: folder; pictures go to `out/figures`.
        title: stands above.
        sections: what `sections.make_sections` made.
    """
    for picture in (one for part in sections for one in part.pictures):
        write_bytes(out / _path(picture), picture.content)
    write_bytes(out / MARKDOWN, _markdown(title, sections).encode())
    write_bytes(out / PAGE, _html(title, sections).encode())


def _path(picture: Picture) -> str:
    return f"figures/{picture.name}.{picture.kind}"


def _html(title: str, sections: Sequence[Section]) -> str:
    links = "".join(
        f'<a href="#s{number}">{escape(part.title)}</a>' for number, part in enumerate(sections)
    )
    body = "".join(_html_section(number, part) for number, part in enumerate(sections))
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<nav>{links}</nav>\n{body}</body>\n</html>\n"
    )


def _html_section(number: int, part: Section) -> str:
    lines = [f'<h2 id="s{number}">{escape(part.title)}</h2>']
    lines += [f"<p>{escape(sentence)}</p>" for sentence in part.sentences]
    if part.findings:
        lines.append(_html_findings(part.findings))
    lines += [
        _html_picture(picture, f"s{number}p{place}-") for place, picture in enumerate(part.pictures)
    ]
    lines += [_html_table(table) for table in part.tables]
    return "\n".join(lines) + "\n"


def _html_findings(findings: Sequence[Finding]) -> str:
    """Return the findings as a list, folded under a count of them where they are many."""
    verdicts = [VERDICTS[one.supported] for one in findings]
    items = "".join(
        f"<dt>{_html_cell(MARKS[verdict])} {escape(one.question)}: {verdict}</dt>"
        f"<dd>{escape(one.answer)}</dd>\n"
        for one, verdict in zip(findings, verdicts, strict=True)
    )
    if len(findings) <= FEW:
        return f"<dl>{items}</dl>"
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in MARKS)
    return f"<details><summary>Findings: {counts}</summary><dl>{items}</dl></details>"


def _html_picture(picture: Picture, prefix: str) -> str:
    """Return the figure; SVG as an element, so that it takes the page's colours."""
    caption = escape(picture.caption)
    if picture.kind == "svg":
        shown = f'<div class="wide">{_inline(picture.content.decode(), prefix, caption)}</div>'
    else:
        data = base64.b64encode(picture.content).decode()
        shown = f'<img alt="{caption}" src="data:image/png;base64,{data}">'
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _inline(svg: str, prefix: str, caption: str) -> str:
    """Return an SVG of `figures` with the page's ink and paper, and ids that no other one has."""
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'( id="|href="#|url\(#)', rf"\1{prefix}", svg)
    svg = re.sub(rf"(fill|stroke|font): {BLACK}", r"\1: currentColor", svg)
    svg = re.sub(r"(fill|stroke): #ffffff", r"\1: var(--page)", svg)
    svg = svg.replace(BLUE.lower(), "var(--blue)")  # too dark on a dark page
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{caption}"', 1)


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_html_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in table.rows
    )
    caption = "" if table.folded else f"<caption>{escape(table.title)}</caption>"
    kind = "wide words" if table.words else "wide"
    found = (
        f'<div class="{kind}"><table>{caption}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>"
    )
    if table.note:
        found += f'<p class="note">{escape(table.note)}</p>'
    if table.folded:
        return f"<details><summary>{escape(table.title)}</summary>{found}</details>"
    return found


def _html_cell(cell: str) -> str:
    for verdict, mark in MARKS.items():
        if cell == mark:
            return f'<span class="{verdict}" title="{verdict}">{mark}</span>'
    return f"<strong>{escape(cell)}</strong>" if isinstance(cell, Strong) else escape(cell)


def _markdown(title: str, sections: Sequence[Section]) -> str:
    lines = [f"# {_plain(title)}", ""]
    for part in sections:
        lines += [f"## {_plain(part.title)}", ""]
        for sentence in part.sentences:
            lines += [_plain(sentence), ""]
        for one in part.findings:
            verdict = VERDICTS[one.supported]
            text = f"**{_plain(one.question)}: {verdict}.** {_plain(one.answer)}"
            lines.append(f"- {MARKS[verdict]} {text}")
        lines += [""] if part.findings else []
        for picture in part.pictures:
            lines += [f"![{_plain(picture.caption)}]({_path(picture)})", ""]
        for table in part.tables:
            lines += [f"**{_plain(table.title)}**", "", *_markdown_table(table), ""]
            lines += [_plain(table.note), ""] if table.note else []
    return "\n".join(lines)


def _markdown_table(table: Table) -> list[str]:
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    ruler = 1
    return [
        "| " + " | ".join(row if n == ruler else map(_markdown_cell, row)) + " |"
        for n, row in enumerate(rows)
    ]


def _markdown_cell(cell: str) -> str:
    return f"**{_plain(cell)}**" if isinstance(cell, Strong) else _plain(cell)


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = " ".join(text.split())
    for mark in "\\`*_[]|":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;")
