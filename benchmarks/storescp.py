"""The embedded storescp, as the supervisor starts it."""

from pathlib import Path

from benchmarks.running import ENVIRONMENT
from benchmarks.sending import RECEIVER_AET
from niffler_ops.dicomtools.storescp import storescp_arguments
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.model import LocalEntity


def storescp(port: int, incoming: Path) -> tuple[list[str], dict[str, str]]:
    """Its command and environment."""
    toolkit = find_toolkit("embedded")
    arguments = storescp_arguments(local=LocalEntity(aet=RECEIVER_AET, port=port), directory=incoming)
    environment = {**ENVIRONMENT, **toolkit.environments["storescp"]}
    return [*toolkit.commands["storescp"], *arguments], environment
