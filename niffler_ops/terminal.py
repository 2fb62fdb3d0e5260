"""Text of others, fit for a terminal and for a line of a log."""

import re

# Control characters, and those that change the order in which others are shown.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SHAPES = "\n\t"


def one_line(text: str) -> str:
    """Without what could command a terminal or begin another line: blanks stand for it."""
    return _COMMANDS.sub(" ", text)


def harmless(text: str) -> str:
    """The same, its lines and tabs kept."""
    return _COMMANDS.sub(lambda found: found[0] if found[0] in _SHAPES else " ", text)
