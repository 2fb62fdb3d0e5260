"""Elements of SVG and HTML; whatever text is put into them is escaped when the page is written."""

from xml.etree.ElementTree import Element, SubElement

CHARACTER = 7.6  # about the width of a capital letter, of the text in charts


def svg(width: float, height: float, name: str) -> Element:
    """A drawing that scales with the page; `name` says what it shows."""
    drawing = Element(
        "svg", {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "style": f"max-width:{width:g}px"}
    )
    SubElement(drawing, "title").text = clean(name)
    return drawing


def rectangle(
    parent: Element, kind: str, *, x: float, y: float, width: float, height: float, words: str = ""
) -> Element:
    """A rectangle of a class of the style sheet; `words` are shown to whoever points at it."""
    return _shape(parent, "rect", kind, words, x=x, y=y, width=width, height=height)


def line(
    parent: Element, kind: str, *, x1: float, y1: float, x2: float, y2: float, words: str = ""
) -> Element:
    """A line."""
    return _shape(parent, "line", kind, words, x1=x1, y1=y1, x2=x2, y2=y2)


def dot(parent: Element, kind: str, *, x: float, y: float, words: str = "") -> Element:
    """A small circle."""
    return _shape(parent, "circle", kind, words, cx=x, cy=y, r=1.8)


def label(parent: Element, text: str, *, x: float, y: float, kind: str = "start") -> Element:
    """A text that starts, ends or has its middle at x."""
    written = SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": kind})
    written.text = clean(text)
    return written


def part(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """An element of HTML."""
    made = SubElement(parent, tag, attributes)
    made.text = clean(text)
    return made


def shortened(text: str, width: float) -> str:
    """As much of a text as fits into a width."""
    most = int(width / CHARACTER)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def clean(text: str) -> str:
    """The text without characters that may not stand in a page."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _shape(parent: Element, tag: str, kind: str, words: str, **places: float) -> Element:
    shape = SubElement(
        parent, tag, {name: f"{value:.1f}" for name, value in places.items()} | {"class": kind}
    )
    if words:
        SubElement(shape, "title").text = clean(words)
    return shape
