"""Something else that works on a machine, beside its extractions, such as a receiver."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """One of them; `told` is how it stands, and then what is wrong."""

    storage_folder: str
    state: str
    told: Sequence[str]
