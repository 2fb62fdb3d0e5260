"""What every stage is given."""

from dataclasses import dataclass

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.postprocess.crew import Hire
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.gate import Gate
from niffler_ops.stages.tools import Tools


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where and with what one extraction works; `contacts` are the archives in the order of SrcAet.

    `hire` finds who post-processes.
    """

    config: Config
    layout: Layout
    ledger: Ledger
    clock: Clock
    tools: Tools
    contacts: tuple[Contact, ...]
    gate: Gate
    hire: Hire
