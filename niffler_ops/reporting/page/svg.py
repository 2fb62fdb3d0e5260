"""SVG elements as text; whatever stands in them is escaped."""

from markupsafe import Markup, escape


def element(name: str, *children: str | Markup, **attributes: object) -> Markup:
    """`element("rect", x=1, class_="done")`; an underscore in a name stands for a hyphen."""
    text = Markup("").join(
        Markup('{}="{}" ').format(_name(key), _value(value)) for key, value in attributes.items()
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup("<{0} {1}>{2}</{0}>").format(Markup(name), Markup(text.rstrip()), inner)  # noqa: S704 - ours


def _name(key: str) -> Markup:
    return Markup(key.rstrip("_").replace("_", "-"))  # noqa: S704 - names of our own


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
