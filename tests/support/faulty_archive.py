"""An archive that misbehaves on purpose: niffler-archive with --fault NAME[=ARGUMENT][:times=N].

Faults of C-FIND
    ignore-key=KEYWORD    the key matches everything; the answers hold the true values
    untold=KEYWORD        the key matches everything and is returned empty
    at-study-level=KEYWORD  STUDY queries match the key by any instance of a study, and return it as asked
    no-image-level[:STUDY]  SERIES and IMAGE queries (of the study with this index) are refused with a900H
    empty-image-level     IMAGE queries match nothing
    no-count              no NumberOfStudyRelatedInstances in the answers
    count=+2              NumberOfStudyRelatedInstances is wrong by this, or (without sign) always this
    find-status=a700      every query is refused with this status
    find-hang[=N]         silence after N answers, by default none
    find-abort[=N]        the association is aborted after N answers, by default one
Faults of C-MOVE
    drop=N[:STUDY]        the last N instances of each study, or of the study with this index (from 0,
                          in order of UIDs), are never sent, and counted as completed
    wrong-uid             the first instance of each study is sent under another SOP Instance UID
    truncate              the last instance of each study is sent with its pixel data cut short
    foreign               an instance of another study is sent along
    twice                 every instance is sent twice
    slow=MILLISECONDS     a pause before each instance
    hang-first            silence before the first instance
    hang-middle[=N]       silence after N instances, by default half of them
    abort-middle[=N]      the association is aborted after N instances, by default half of them
    success-early[=MS]    success before the last instance is sent, which follows after this time (500)
    move-all              every retrieve brings all that there is, slowly
    status=a700           every retrieve is refused with this status
Both
    log=FILE              one JSON line for each C-FIND, C-MOVE and C-STORE, with UIDs and time

With `:times=N` a fault holds for the first N requests of its kind; `--state FILE` keeps the count over
restarts.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

from niffler_ops.cli import archive as command
from niffler_ops.embedded import query as queries
from niffler_ops.embedded.answering import STUDY_INSTANCES, Query, RefusedError
from niffler_ops.embedded.archive import Archive, Session
from niffler_ops.embedded.association import EndedError, Message
from niffler_ops.embedded.dataset import (
    SERIES_INSTANCE_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    padded,
    text,
)
from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.retrieving import PENDING, SUCCESS, Retrieve
from niffler_ops.embedded.sending import Outgoing
from niffler_ops.errors import NifflerError, UsageError

IDENTIFIER_DOES_NOT_MATCH = 0xA900
ALL_PAUSE_SECONDS = 0.1
FIND = (
    *(
        "ignore-key",
        "untold",
        "at-study-level",
        "no-image-level",
        "empty-image-level",
        "no-count",
        "count",
        "find-status",
    ),
    *("find-hang", "find-abort"),
)
MOVE = (
    *("drop", "wrong-uid", "truncate", "foreign", "twice", "slow", "hang-first", "hang-middle"),
    *("abort-middle", "success-early", "move-all", "status"),
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: its argument, the study it is confined to, and for how many requests it holds."""

    name: str
    argument: str = ""
    study: int | None = None
    times: int | None = None

    def number(self, default: int) -> int:
        return int(self.argument) if self.argument else default


def parse_fault(given: str) -> Fault:
    head, *further = given.split(":")
    name, _, argument = head.partition("=")
    if name not in (*FIND, *MOVE, "log"):
        raise UsageError(f"no such fault: {name}; see the head of {Path(__file__).name}")
    times = next((int(part.removeprefix("times=")) for part in further if part.startswith("times=")), None)
    study = next((int(part) for part in further if part.isdigit()), None)
    return Fault(name=name, argument=argument, study=study, times=times)


@dataclass(kw_only=True)
class Faults:
    """All faults, and how many requests each has met."""

    faults: list[Fault]
    state: Path | None = None
    counts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.state is not None and self.state.exists():
            self.counts = json.loads(self.state.read_text())

    def of(self, kind: tuple[str, ...]) -> dict[str, Fault]:
        """Those that hold for a request of this kind, which is counted."""
        with self.lock:
            holding = [fault for fault in self.faults if fault.name in kind and self._holds(fault)]
            if self.state is not None:
                self.state.write_text(json.dumps(self.counts))
        return {fault.name: fault for fault in holding}

    def _holds(self, fault: Fault) -> bool:
        met = self.counts.get(fault.name, 0)
        self.counts[fault.name] = met + 1
        return fault.times is None or met < fault.times

    def record(self, event: str, **values: Any) -> None:
        line = json.dumps({"time": time.time(), "event": event, **values}) + "\n"
        for fault in self.faults:
            if fault.name == "log":
                with self.lock, Path(fault.argument).open("a") as stream:
                    stream.write(line)


class FaultyArchive(Archive):
    """An archive with faults, which are set before it serves."""

    faults: Faults

    def find(self, session: Session, query: Query) -> Iterator[dict[int, bytes]]:
        self.faults.record("find", level=query.level, **_uids(query))
        faults = self.faults.of(FIND)
        if "find-status" in faults:
            raise RefusedError(int(faults["find-status"].argument, 16), "refused on purpose")
        if "no-image-level" in faults and _is_refused_below(session, query, faults["no-image-level"]):
            raise RefusedError(IDENTIFIER_DOES_NOT_MATCH, f"level {query.level} is not supported")
        if "empty-image-level" in faults and query.level == "IMAGE":
            return
        if "ignore-key" in faults:
            ignored = queries.tag_of(faults["ignore-key"].argument)
            query = replace(query, keys={**query.keys, ignored: b""})
        if "untold" in faults:
            ignored = queries.tag_of(faults["untold"].argument)
            query = replace(query, keys={**query.keys, ignored: b""})
        answers = 0
        for answer in self._found(session, query, faults):
            _interrupt(session, faults, answers)
            answers += 1
            yield _miscounted(answer, faults)
        _interrupt(session, faults, answers)

    def _found(self, session: Session, query: Query, faults: dict[str, Fault]) -> Iterator[dict[int, bytes]]:
        untold = queries.tag_of(faults["untold"].argument) if "untold" in faults else None
        matched = queries.tag_of(faults["at-study-level"].argument) if "at-study-level" in faults else None
        wanted = query.keys.get(matched, b"") if matched is not None and query.level == "STUDY" else b""
        for answer in super().find(session, query):
            if untold in answer:
                yield answer | {untold: b""}
            elif wanted and matched is not None:
                study = text(answer[STUDY_INSTANCE_UID])
                if any(one.keys.get(matched) == wanted for one in session.index.by_study([study])):
                    yield answer | {matched: wanted}
            else:
                yield answer

    def retrieve(self, session: Session, message: Message, query: Query) -> Retrieve:
        self.faults.record("move", level=query.level, destination=message.command.destination, **_uids(query))
        faults = self.faults.of(MOVE)
        if "status" in faults:
            raise RefusedError(int(faults["status"].argument, 16), "refused on purpose")
        if "move-all" in faults:
            query = replace(
                query, keys={STUDY_INSTANCE_UID: padded("\\".join(_all_studies(session)), uid=True)}
            )
        plain = super().retrieve(session, message, query)
        return FaultyRetrieve(**vars(plain), session=session, faults=faults, record=self.faults)


@dataclass(kw_only=True)
class FaultyRetrieve(Retrieve):
    """A retrieve with faults."""

    session: Session
    faults: dict[str, Fault]
    record: Faults
    sent: int = 0

    def __post_init__(self) -> None:
        """Look everything up now: what is sent late is sent by a thread that may not read the index."""
        self.one_of_each = self.session.index.one_of_each_study()
        self.studies: dict[str, list[Instance]] = {}
        for instance in self.session.index.by_study(sorted({one.study for one in self.instances})):
            self.studies.setdefault(instance.study, []).append(instance)

    def run(self) -> None:
        if "success-early" not in self.faults or not self.instances:
            super().run()
            return
        self.open()
        *first, last = self.instances
        for instance in first:
            self.progress.count(instance, self.transmit(instance))
            self.respond(PENDING, self.progress)
        self.progress.count(last, SUCCESS)
        self.finish()
        threading.Thread(target=self._send_late, args=(last,), daemon=True).start()

    def _send_late(self, last: Instance) -> None:
        time.sleep(self.faults["success-early"].number(500) / 1000)
        with closing(self.sender):
            self.transmit(last)

    def transmit(self, instance: Instance) -> int | None:
        self._interrupt()
        if "slow" in self.faults:
            time.sleep(self.faults["slow"].number(0) / 1000)
        if "move-all" in self.faults:
            time.sleep(ALL_PAUSE_SECONDS)
        if "foreign" in self.faults and self.sent == 0:
            self._send_foreign(instance)
        self.sent += 1
        if self._is_dropped(instance):
            return SUCCESS
        status = self._send(instance)
        return self._send(instance) if "twice" in self.faults else status

    def outgoing(self, instance: Instance) -> Outgoing:
        outgoing = super().outgoing(instance)
        study = self._study(instance)
        if "wrong-uid" in self.faults and instance == study[0]:
            return _renamed(outgoing)
        if "truncate" in self.faults and instance == study[-1]:
            with closing(outgoing.data):
                return replace(outgoing, data=BytesIO(outgoing.data.read()[:-100]))
        return outgoing

    def _send(self, instance: Instance) -> int | None:
        status = super().transmit(instance)
        self.record.record(
            "store",
            study=instance.study,
            series=instance.series,
            sop_instance=instance.sop_instance,
            status=status,
        )
        return status

    def _interrupt(self) -> None:
        half = len(self.instances) // 2
        if "hang-first" in self.faults and self.sent == 0:
            _hang(self.session)
        if "hang-middle" in self.faults and self.sent == self.faults["hang-middle"].number(half):
            _hang(self.session)
        if "abort-middle" in self.faults and self.sent == self.faults["abort-middle"].number(half):
            _abort(self.session)

    def _is_dropped(self, instance: Instance) -> bool:
        fault = self.faults.get("drop")
        if fault is None:
            return False
        if fault.study is not None:
            studies = [one.study for one in self.one_of_each]
            if studies.index(instance.study) != fault.study:
                return False
        return instance in self._study(instance)[-fault.number(1) :]

    def _study(self, instance: Instance) -> list[Instance]:
        return self.studies.get(instance.study, [instance])

    def _send_foreign(self, instance: Instance) -> None:
        pair = (instance.sop_class, instance.transfer_syntax)
        for other in self.one_of_each:
            if other.study != instance.study and (other.sop_class, other.transfer_syntax) == pair:
                self._send(other)
                return


def _is_refused_below(session: Session, query: Query, fault: Fault) -> bool:
    if query.level not in ("SERIES", "IMAGE"):
        return False
    return fault.study is None or query.uids(STUDY_INSTANCE_UID) == [_all_studies(session)[fault.study]]


def _all_studies(session: Session) -> list[str]:
    return [instance.study for instance in session.index.one_of_each_study()]


def _uids(query: Query) -> dict[str, list[str]]:
    return {
        "studies": query.uids(STUDY_INSTANCE_UID),
        "series": query.uids(SERIES_INSTANCE_UID),
        "sop_instances": query.uids(SOP_INSTANCE_UID),
    }


def _miscounted(answer: dict[int, bytes], faults: dict[str, Fault]) -> dict[int, bytes]:
    if STUDY_INSTANCES not in answer:
        return answer
    if "no-count" in faults:
        return {tag: value for tag, value in answer.items() if tag != STUDY_INSTANCES}
    if "count" in faults:
        given = faults["count"].argument
        true = int(text(answer[STUDY_INSTANCES])) if given[0] in "+-" else 0
        return answer | {STUDY_INSTANCES: padded(str(true + int(given)))}
    return answer


def _interrupt(session: Session, faults: dict[str, Fault], answers: int) -> None:
    if "find-hang" in faults and answers == faults["find-hang"].number(0):
        _hang(session)
    if "find-abort" in faults and answers == faults["find-abort"].number(1):
        _abort(session)


def _hang(session: Session) -> NoReturn:
    """Say nothing until the peer ends the association."""
    while True:
        session.waiting.append(session.association.receive())


def _abort(session: Session) -> NoReturn:
    session.association.abort()
    raise EndedError("aborted on purpose")


def _renamed(outgoing: Outgoing) -> Outgoing:
    """The instance under another SOP Instance UID of the same length, everywhere in it."""
    uid = outgoing.sop_instance
    other = uid[:-1] + ("8" if uid[-1] == "9" else "9")
    with closing(outgoing.data):
        data = outgoing.data.read().replace(uid.encode(), other.encode(), 1)
    return replace(outgoing, sop_instance=other, data=BytesIO(data))


def main() -> int:
    parser = command.parser()
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=ARGUMENT][:times=N]")
    parser.add_argument("--state", type=Path, metavar="FILE")
    command.end_on_signals()
    try:
        arguments = parser.parse_args()
        faults = Faults(faults=[parse_fault(given) for given in arguments.fault], state=arguments.state)
        archive = command.make(FaultyArchive, arguments)
        archive.faults = faults
        command.serve(archive)
    except NifflerError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return error.exit_status
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
