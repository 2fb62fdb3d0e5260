"""What is asked of those who run tasks on other machines, whichever system they belong to."""

from collections.abc import Callable
from typing import Protocol

from niffler_ops.executor.task import Reply, Task


class Ticket(Protocol):
    """A task that was submitted."""

    @property
    def key(self) -> str:
        """What tells it from others."""
        ...

    def cancel(self) -> None:
        """Forget it; a worker that is at it is not waited for."""
        ...


class Pool(Protocol):
    """Workers of other machines."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def planned(self) -> int:
        """How many tasks it is expected to do at once; 0 where only the present tells."""
        ...

    def present(self) -> int:
        """How many tasks it does at once now. Raises StoppedError where nobody has been there for long."""
        ...

    def submit(
        self, task: Task, then: Callable[[Reply], None], *, beside: Ticket | None = None
    ) -> Ticket | None:
        """Have a task done; `then` is called on whatever thread.

        `beside`: by another worker than the one that has this; None where there is no other.
        """
        ...

    def examine(self, task: Task) -> list[str]:
        """Why workers that are there now are unfit for such a task, each with its name."""
        ...
