"""NotifyCommand: the site's own way to tell people, described in JSON on its standard input."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from niffler_ops.notices.notice import DeliveryError, Notice
from niffler_ops.notices.running import run

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class NotifyCommand:
    """Runs the command once for each notice; exit status 0 says that it was taken over."""

    command: Sequence[str]
    seconds: float = SECONDS

    def deliver(self, notice: Notice) -> None:
        """Raises DeliveryError where it fails or takes too long, and is ended."""
        description = {"id": notice.id, "text": notice.body, **notice.details}
        run(self.command, json.dumps(description).encode() + b"\n", seconds=self.seconds)

    def problem(self) -> DeliveryError | None:
        """Whether it can be started at all."""
        program = self.command[0]
        if shutil.which(program) is not None:
            return None
        there = os.path.exists(program)  # noqa: PTH110 - as which(1) would look
        return DeliveryError(f"NotifyCommand: {program} {'may not be run' if there else 'is not there'}")

    def __str__(self) -> str:
        return self.command[0]
