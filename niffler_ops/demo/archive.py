"""The demonstration's archive: as busy as a real one, and it notes each instance that was delivered."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.cli import archive as command
from niffler_ops.embedded.answering import Query
from niffler_ops.embedded.archive import Archive, Session
from niffler_ops.embedded.association import Message
from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.retrieving import SUCCESS, Retrieve

SECONDS_AN_INSTANCE = 0.02


@dataclass(kw_only=True)
class NotedRetrieve(Retrieve):
    """Takes its time, and appends the SOP Instance UID of each delivered instance to `notes`."""

    notes: Path

    def transmit(self, instance: Instance) -> int | None:
        """Send one instance, and note it where the receiver said that it has it."""
        time.sleep(SECONDS_AN_INSTANCE)
        status = super().transmit(instance)
        if status == SUCCESS:
            with self.notes.open("a", encoding="ascii") as stream:
                stream.write(f"{instance.sop_instance}\n")
        return status


class DemonstrationArchive(Archive):
    """Serves its folder, and notes what it delivers in `delivered.txt` beside it."""

    def retrieve(self, session: Session, message: Message, query: Query) -> Retrieve:
        """The retrieve that a C-MOVE asks for."""
        plain = super().retrieve(session, message, query)
        return NotedRetrieve(**vars(plain), notes=self.folder.parent / "delivered.txt")


if __name__ == "__main__":
    command.end_on_signals()
    command.serve(command.make(DemonstrationArchive, command.parser().parse_args(sys.argv[1:])))
