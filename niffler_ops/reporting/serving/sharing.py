"""Reading for all who ask at once, in threads that hold up neither the server nor its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar

INTERVAL = 2.0  # seconds for which a reading holds
PATIENCE = 5.0  # seconds to wait for a disk that does not answer

Answer = TypeVar("Answer")


def in_thread(call: Callable[[], Answer]) -> asyncio.Future[Answer]:
    """What `call` gives. The end of the process does not wait for it, as it would for an executor's."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(answer)  # type: ignore[arg-type] # an answer may itself be None
        else:
            future.set_exception(error)

    def work() -> None:
        answer, failure = None, None
        try:
            answer = call()
        except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
            failure = error
        with suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(settle, answer, failure)

    Thread(target=work, daemon=True).start()
    return future


class Shared(Generic[Answer]):
    """The newest reading, not older than INTERVAL; however many ask, it is read once at a time."""

    def __init__(self, read: Callable[[], Answer]) -> None:
        self._read = read
        self._reading: asyncio.Future[Answer] | None = None
        self._newest: asyncio.Future[Answer] | None = None
        self._read_at = 0.0

    async def get(self) -> Answer:
        """The reading, or the error that it ended with; TimeoutError after PATIENCE."""
        if self._newest is not None and monotonic() - self._read_at < INTERVAL:
            return self._newest.result()
        if self._reading is None:
            self._reading = in_thread(self._read)
            self._reading.add_done_callback(self._keep)
        reading = self._reading
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE)
        if not done:
            raise TimeoutError
        return reading.result()

    def _keep(self, reading: asyncio.Future[Answer]) -> None:
        self._reading, self._newest, self._read_at = None, reading, monotonic()
