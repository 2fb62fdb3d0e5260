"""The files of notices that are not delivered yet, and when each cause was told last."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from niffler_ops.files import make_private_folder, write_durable
from niffler_ops.notices.notice import Notice

TOLD = "told.json"
SUFFIX = ".notice"


@dataclass(eq=False, kw_only=True, slots=True)
class Pending:
    """A notice that one channel has not taken yet; `created` in seconds since 1970, `due` monotonic."""

    notice: Notice
    channel: str
    created: float
    attempts: int = 0
    due: float = 0.0


class Shelf:
    """The folder `.niffler/notices/`; where it cannot be written, as on a full disk, nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, pending: Pending) -> None:
        """Write one down, or write it again."""
        content = {
            "notice": asdict(pending.notice),
            "channel": pending.channel,
            "created": pending.created,
            "attempts": pending.attempts,
        }
        with contextlib.suppress(OSError):
            self._write(self._file(pending), content)

    def remove(self, pending: Pending) -> None:
        """It is delivered, or given up."""
        with contextlib.suppress(OSError):
            self._file(pending).unlink(missing_ok=True)

    def kept(self) -> Iterator[Pending]:
        """What an earlier run left, the oldest first; a file that holds no notice is removed."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            try:
                pending = _read(path)
            except OSError:
                continue
            if pending is not None and self._file(pending) == path:
                yield pending
            else:
                with contextlib.suppress(OSError):
                    path.unlink()

    def __len__(self) -> int:
        """How many files wait; nothing is changed."""
        return sum(1 for _ in self._folder.glob(f"*{SUFFIX}"))

    def told(self) -> Mapping[str, float]:
        """When each cause was told last, in seconds since 1970."""
        try:
            content = json.loads((self._folder / TOLD).read_bytes())
            return {str(key): float(moment) for key, moment in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep_told(self, told: Mapping[str, float]) -> None:
        """Write that down."""
        with contextlib.suppress(OSError):
            self._write(self._folder / TOLD, dict(told))

    def _write(self, path: Path, content: Mapping[str, Any]) -> None:
        make_private_folder(self._folder)
        write_durable(path, [json.dumps(content).encode()])

    def _file(self, pending: Pending) -> Path:
        return self._folder / f"{pending.notice.id}-{pending.channel}{SUFFIX}"


def _read(path: Path) -> Pending | None:
    """What stands in a file; None where that is no notice."""
    try:
        content = json.loads(path.read_bytes())
        return Pending(
            notice=Notice(**content["notice"]),
            channel=str(content["channel"]),
            created=float(content["created"]),
            attempts=int(content["attempts"]),
        )
    except (ValueError, TypeError, KeyError):
        return None
