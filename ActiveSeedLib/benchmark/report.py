"""The benchmark's report: one HTML page that needs nothing else, and the same as Markdown."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from ActiveSeedLib.benchmark.sections import VERDICTS, Picture, Section, Table
from ActiveSeedLib.files import write_bytes

PAGE, MARKDOWN = "report.html", "report.md"
STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; margin: .5rem 0 1rem; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; white-space: nowrap; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } td { white-space: nowrap; }
tr:hover { background: var(--soft); }
figure { margin: 1.5rem 0; } figcaption { font-size: .85rem; }
img { max-width: 100%; height: auto; background: white; border-radius: 4px; }
dl { margin: 0; } dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0 0 0 1.2rem; }
.supported::before { content: "✓ "; color: #009e73; }
.contradicted::before { content: "✗ "; color: #d55e00; }
.open::before { content: "? "; color: #888; }
summary { cursor: pointer; padding: .3rem 0; } nav a { margin-right: 1rem; }
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
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n<nav>{links}</nav>\n{body}</body>\n</html>\n"
    )


def _html_section(number: int, part: Section) -> str:
    lines = [f'<h2 id="s{number}">{escape(part.title)}</h2>']
    lines += [f"<p>{escape(sentence)}</p>" for sentence in part.sentences]
    if part.findings:
        lines.append("<dl>")
        for one in part.findings:
            verdict = VERDICTS[one.supported]
            lines.append(
                f'<dt class="{verdict}" title="{verdict}">{escape(one.question)}: {verdict}</dt>'
                f"<dd>{escape(one.answer)}</dd>"
            )
        lines.append("</dl>")
    for picture in part.pictures:
        kind = {"png": "image/png", "svg": "image/svg+xml"}[picture.kind]
        data = base64.b64encode(picture.content).decode()
        caption = escape(picture.caption)
        lines.append(
            f'<figure><img alt="{caption}" src="data:{kind};base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    lines += [_html_table(table) for table in part.tables]
    return "\n".join(lines) + "\n"


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    caption = "" if table.folded else f"<caption>{escape(table.title)}</caption>"
    found = (
        f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>"
    )
    if table.folded:
        return f"<details><summary>{escape(table.title)}</summary>{found}</details>"
    return found


def _markdown(title: str, sections: Sequence[Section]) -> str:
    lines = [f"# {_plain(title)}", ""]
    for part in sections:
        lines += [f"## {_plain(part.title)}", ""]
        for sentence in part.sentences:
            lines += [_plain(sentence), ""]
        for one in part.findings:
            verdict = VERDICTS[one.supported]
            lines.append(f"- **{_plain(one.question)}: {verdict}.** {_plain(one.answer)}")
        lines += [""] if part.findings else []
        for picture in part.pictures:
            lines += [f"![{_plain(picture.caption)}]({_path(picture)})", ""]
        for table in part.tables:
            lines += [f"**{_plain(table.title)}**", "", *_markdown_table(table), ""]
    return "\n".join(lines)


def _markdown_table(table: Table) -> list[str]:
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    ruler = 1
    return [
        "| " + " | ".join(row if n == ruler else map(_plain, row)) + " |"
        for n, row in enumerate(rows)
    ]


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = " ".join(text.split())
    for mark in "\\`*_[]|":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;")
