"""What Dask says becomes a reply, and an exception's own text, which may name anything, no part of it."""

from typing import Any

import pytest
from distributed.scheduler import KilledWorker, WorkerState

from niffler_ops.executor.dask_pool import _reply
from niffler_ops.executor.task import End, Reply

DONE = Reply(end=End.IN_ORDER)


class Told:
    """A future that is at its end."""

    def __init__(self, status: str, found: Any) -> None:
        self.status = status
        self._found = found

    def result(self, timeout: float) -> Any:
        assert timeout
        if isinstance(self._found, BaseException):
            raise self._found
        return self._found

    def exception(self, timeout: float) -> Any:
        assert timeout
        return self._found


def killed() -> KilledWorker:
    worker = WorkerState(
        address="tcp://host:1",
        status="running",  # type: ignore[arg-type]
        pid=1,
        name="1",
        nthreads=1,
        memory_limit=1,
        local_directory="",
        nanny=None,
        server_id="1",
    )
    return KilledWorker("niffler-1", worker, 3)


@pytest.mark.parametrize(
    ("status", "found", "reply"),
    [
        ("finished", DONE, DONE),
        ("finished", TimeoutError("its worker went"), Reply(end=End.DIED)),
        ("error", killed(), Reply(end=End.DIED)),
        ("error", ValueError("/patient/file"), Reply(end=End.UNFIT, text="ValueError")),
        ("cancelled", None, Reply(end=End.LOST)),
        ("lost", None, Reply(end=End.LOST)),
    ],
)
def test_every_end_of_a_task_is_a_reply(status: str, found: Any, reply: Reply) -> None:
    assert _reply(Told(status, found)) == reply  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "found", [ModuleNotFoundError("No module named 'niffler_ops'"), Exception("ModuleNotFoundError('...')")]
)
def test_a_worker_without_the_package_is_told_of_with_the_remedy(found: BaseException) -> None:
    reply = _reply(Told("error", found))  # type: ignore[arg-type]
    assert reply.text.startswith("niffler-ops is not installed there as it is here; install")
