"""Pages for a browser: charts and tables in one file that needs neither network nor scripts."""

from collections.abc import Iterable, Sequence
from itertools import islice
from xml.etree.ElementTree import Element, SubElement, tostring

import pandas as pd

from niffler_ops.insight.drawing import part
from niffler_ops.insight.tables import columns, display, rows

MOST_ROWS = 500
_SHORT = 24  # characters, which are not broken
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root{--ink:#1d2733;--soft:#5b6775;--paper:#fff;--rule:#d5dbe2;--one:#1f6fb2;--other:#74b0de;--bad:#c8472f}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#9aa7b5;--paper:#14191f;--rule:#36404b}}
body{margin:2rem auto;max-width:72rem;padding:0 1rem;font:15px/1.45 system-ui,sans-serif;color:var(--ink);
background:var(--paper)}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin-bottom:.3rem}
p{color:var(--soft)}
svg{width:100%;min-width:42rem;height:auto;display:block;font:11px system-ui,sans-serif}
text{fill:var(--ink)}text.middle{text-anchor:middle}text.end{text-anchor:end}text.light{fill:#fff}
.grid{stroke:var(--rule)}.one{fill:var(--one)}.other{fill:var(--other)}.overlap{fill:var(--bad)}
.dot{fill:var(--soft);fill-opacity:.55}.level{stroke:var(--bad);stroke-width:2.5}
.heat0,.heat1,.heat2,.heat3,.heat4{fill:var(--one)}
.heat0{fill-opacity:.12}.heat1{fill-opacity:.3}.heat2{fill-opacity:.5}.heat3{fill-opacity:.8}
div{overflow-x:auto}div+div{margin-top:1rem}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th,td.short{white-space:nowrap}td.long{min-width:16rem}td.number{text-align:right;font-variant-numeric:tabular-nums}
"""


def page(title: str, introduction: str, sections: Iterable[Element]) -> bytes:
    """The page as UTF-8."""
    html = Element("html", {"lang": "en"})
    head = SubElement(html, "head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    part(head, "title", title)
    SubElement(head, "style").text = _STYLE
    body = SubElement(html, "body")
    part(body, "h1", title)
    part(body, "p", introduction)
    body.extend(sections)
    written: str = tostring(html, encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{written}\n".encode("utf-8", "replace")


def section(title: str, words: str, charts: Sequence[tuple[str, Element]]) -> Element:
    """Charts under their titles."""
    made = Element("section")
    part(made, "h2", title)
    if words:
        part(made, "p", words)
    for name, chart in charts:
        if name:
            part(made, "h3", name)
        SubElement(made, "div").append(chart)
    return made


def table_section(
    title: str,
    table: pd.DataFrame,
    *,
    of: int = 0,
    words: str = "",
    charts: Sequence[tuple[str, Element]] = (),
) -> Element:
    """A table below its charts, up to 500 rows of it; `of` how many where it is only the beginning."""
    made = section(title, words, charts)
    of = max(of, len(table))
    if of > MOST_ROWS:
        part(made, "p", f"The first {MOST_ROWS} of {of} rows; --csv writes all.")
    drawn = SubElement(SubElement(made, "div"), "table")
    line = SubElement(SubElement(drawn, "thead"), "tr")
    for name in columns(table):
        part(line, "th", name.replace("_", " "))
    body = SubElement(drawn, "tbody")
    for values in islice(rows(table), MOST_ROWS):
        line = SubElement(body, "tr")
        for value in values:
            shown = display(value)
            kind = "number" if isinstance(value, int | float) else "long" if len(shown) > _SHORT else "short"
            part(line, "td", shown, **{"class": kind})
    return made
