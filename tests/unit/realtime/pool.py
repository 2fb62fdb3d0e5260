"""Reader processes that are none."""

from collections.abc import Callable, Sequence
from typing import Any


class Pool:
    """Readers that work when they are told to; when one dies, all that was given to any is lost."""

    def __init__(self) -> None:
        self.given: list[tuple[Callable[..., Any], tuple[Any, ...], Callable[..., None], Callable[[], None]]]
        self.given = []

    def submit(
        self,
        work: Callable[..., Any],
        *arguments: Any,
        then: Callable[..., None],
        lost: Callable[[], None],
    ) -> None:
        self.given.append((work, arguments, then, lost))

    def work(self, dies_at: Callable[[str], bool] = lambda _path: False) -> None:
        """Two workers take what was given in order."""
        given, self.given = self.given, []
        for position, (work, arguments, then, _) in enumerate(given):
            paths: Sequence[str] = arguments[0]
            if any(dies_at(path) for path in paths):
                for _, _, _, lost in given[position:]:
                    lost()
                return
            then(work(*arguments))

    def fail(self) -> None:
        """No worker can be started."""
        given, self.given = self.given, []
        for _, _, _, lost in given:
            lost()

    @property
    def idle(self) -> bool:
        return not self.given

    def renew(self) -> None:
        """Whatever they have is lost."""
        self.fail()
