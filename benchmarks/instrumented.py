"""`python -m benchmarks.instrumented FILE ARGUMENTS`: niffler-cold, which tells what its stages took.

CPU seconds of the main thread by stage, as JSON in FILE. The processes of readers do not come here.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from niffler_ops.cli import cold
from niffler_ops.pixelless import forgo_pixels

STAGES = {
    "query": ("niffler_ops.stages.query", "QueryStage"),
    "listing": ("niffler_ops.stages.listing", "ListingStage"),
    "move": ("niffler_ops.stages.move", "MoveStage"),
    "arrivals": ("niffler_ops.stages.arrivals", "Arrivals"),
    "verify": ("niffler_ops.stages.verify", "VerifyStage"),
    "filing": ("niffler_ops.stages.filing", "FilingStage"),
    "handover": ("niffler_ops.stages.handover", "HandoverStage"),
}
EVENTS = "answers of tools, readers and filing"


def timed(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    """The function, whose CPU time counts."""

    def measured(*arguments: Any, **named: Any) -> Any:
        begun = time.thread_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[name] += time.thread_time() - begun

    return measured


def main() -> int:
    """Run it to its end."""
    forgo_pixels()  # as the command itself, before anything imports pydicom
    launcher = import_module("niffler_ops.processes.launcher").Launcher
    path = Path(sys.argv.pop(1))
    spent: dict[str, float] = defaultdict(float)
    for name, (module, stage) in STAGES.items():
        made = getattr(import_module(module), stage)
        made.advance = timed(made.advance, name, spent)
    launcher.dispatch = timed(launcher.dispatch, EVENTS, spent)
    try:
        return cold.main()
    finally:
        path.write_text(json.dumps(spent))


if __name__ == "__main__":
    sys.exit(main())
