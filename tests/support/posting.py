"""A way to people that keeps what it is given."""

from dataclasses import dataclass, field

from niffler_ops.notices import DeliveryError, Notice


@dataclass
class Post:
    """Takes every notice."""

    taken: list[Notice] = field(default_factory=list)

    def deliver(self, notice: Notice) -> None:
        self.taken.append(notice)

    def problem(self) -> DeliveryError | None:
        return None
