"""Text of others, fit for a terminal and for a line of a log."""

import re

# Control characters, and those that change the order in which others are shown.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """What no terminal, header of a mail or line of a log takes for a command: blanks stand for all else."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def harmless(text: str) -> str:
    """Several lines that cannot command a terminal; what is merely invisible stays as it is."""
    return _COMMANDS.sub(" ", text)
