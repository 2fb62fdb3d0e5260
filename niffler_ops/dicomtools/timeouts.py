"""The time-outs that findscu and movescu are given: by themselves they have none and wait for ever."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Milliseconds, each more than 0 (which dcm4che reads as no time-out; ValueError).

    `connect_ms` for the TCP connection, `accept_ms` for A-ASSOCIATE-AC, `send_ms` for sending a request.
    None ends a query or retrieve that is under way: that needs a watchdog. There is none for the release:
    with --release-timeout dcm4che's tools stay for that long after the release is answered.
    """

    connect_ms: int = 10_000
    accept_ms: int = 30_000
    send_ms: int = 30_000

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"{field.name} must be more than 0 milliseconds")

    def arguments(self) -> list[str]:
        """The options both tools take."""
        return [
            *("--connect-timeout", str(self.connect_ms)),
            *("--accept-timeout", str(self.accept_ms)),
            *("--send-timeout", str(self.send_ms)),
        ]
