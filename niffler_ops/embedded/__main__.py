"""Starts one of the embedded tools: `python -m niffler_ops.embedded storescp …`."""

import sys
from importlib import import_module

from niffler_ops.pixelless import forgo_pixels

TOOLS = ("storescp", "movescu", "findscu")

if __name__ == "__main__":
    _, *arguments = sys.argv
    if not arguments or arguments[0] not in TOOLS:
        sys.exit(f"Name one of {', '.join(TOOLS)}")
    forgo_pixels()
    sys.exit(import_module(f"niffler_ops.embedded.{arguments[0]}").main(arguments[1:]))
