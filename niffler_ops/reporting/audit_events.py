"""What the ledger recorded as audit messages: who took part, and which study it was about; pure."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.ledger.audited import Audited, Queried, Retrieved, Started, Stopped
from niffler_ops.processes.users import user_name
from niffler_ops.reporting import audit_message as form
from niffler_ops.reporting.audit_message import Event, Participant, Subject, audit_message

PERSON, SYSTEM_OBJECT = "1", "2"  # PS3.15 A.5.1: ParticipantObjectTypeCode
PATIENT, REPORT, QUERY = "1", "3", "24"  # and ParticipantObjectTypeCodeRole
_OUTCOMES = {"done": form.SUCCESS, "partial": form.MINOR_FAILURE, "failed": form.SERIOUS_FAILURE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What does not change from message to message; `login` is who logged in to start this process.

    `destination` is the AE title that receives, `receives` whether that is us, `retrieves` whether anything
    is retrieved at all, `identifiers` whether studies and patients are named.
    """

    storage_folder: Path
    calling_aet: str
    destination: str
    receives: bool = True
    retrieves: bool = True
    identifiers: bool = False
    login: str = ""
    host: str = ""


def messages_of(audited: Audited, scene: Scene) -> list[str]:
    """The messages that tell of it."""
    if isinstance(audited, Started | Stopped):
        return [_activity(audited, scene)]
    if isinstance(audited, Queried):
        return [_query(audited, scene)]
    return [_transfer(audited, scene)] if scene.retrieves else []


def _activity(audited: Started | Stopped, scene: Scene) -> str:
    started = isinstance(audited, Started)
    event = Event(
        id=form.APPLICATION_ACTIVITY,
        type=form.APPLICATION_START if started else form.APPLICATION_STOP,
        at=audited.at,
        action="E",
        description="" if isinstance(audited, Started) else audited.run_state,
    )
    application = Participant(
        user_id=str(audited.pid),
        role=form.APPLICATION,
        ae_title=scene.calling_aet,
        name=f"{form.PROGRAM} {scene.storage_folder}",
        host=scene.host,
    )
    return _message(event, [application, *_launchers(audited, scene)], [], scene)


def _launchers(audited: Started | Stopped, scene: Scene) -> list[Participant]:
    """The account that it runs as, and the person who logged in, where that is another."""
    account = user_name(audited.user_id)
    login = scene.login if audited.pid == os.getpid() else ""
    names = list(dict.fromkeys(name for name in (login, account) if name))
    return [
        Participant(user_id=f"{name}@{scene.host}", role=form.LAUNCHER, is_requestor=number == 0)
        for number, name in enumerate(names)
    ]


def _query(audited: Queried, scene: Scene) -> str:
    arguments = audited.arguments
    level = _option(arguments, "-L")
    number = len(arguments) - list(arguments).index("--") - 1 if "--" in arguments else 0
    asking = Participant(
        user_id=str(audited.pid),
        role=form.SOURCE,
        is_requestor=True,
        ae_title=_option(arguments, "-b"),
        name="findscu",
        host=scene.host,
    )
    subject = Subject(
        id=form.STUDY_ROOT_FIND,
        id_type=form.CLASS_UID,
        name=f"{number} queries at {level} level",
        type=SYSTEM_OBJECT,
        role=QUERY,
        details={"Queries": str(number), "StorageFolder": str(scene.storage_folder)},
    )
    event = Event(id=form.QUERY, at=audited.at, action="E")
    return _message(event, [asking, _archive(_option(arguments, "-c"), form.DESTINATION)], [subject], scene)


def _transfer(audited: Retrieved, scene: Scene) -> str:
    receiving = Participant(
        user_id=scene.destination,
        role=form.DESTINATION,
        is_requestor=scene.receives,
        ae_title=scene.destination,
        host=scene.host if scene.receives else "",
    )
    participants = [_archive(audited.archive, form.SOURCE), receiving]
    if not scene.receives:
        participants.append(
            Participant(
                user_id=scene.calling_aet, is_requestor=True, ae_title=scene.calling_aet, host=scene.host
            )
        )
    event = Event(
        id=form.TRANSFERRED,
        at=audited.at,
        action="C" if scene.receives else "R",
        outcome=_OUTCOMES[audited.state],
        description="" if audited.state == "done" else audited.state,
    )
    return _message(event, participants, _subjects(audited, scene), scene)


def _subjects(audited: Retrieved, scene: Scene) -> list[Subject]:
    """The study, and where that is allowed the patient."""
    digest = staging_name(audited.study_instance_uid)
    keys = audited.keys if scene.identifiers else {}
    study = Subject(
        id=audited.study_instance_uid if scene.identifiers else digest,
        id_type=form.STUDY_UID,
        name=f"study {digest}",
        type=SYSTEM_OBJECT,
        role=REPORT,
        instances=audited.received,
        accession=keys.get("AccessionNumber", ""),
        details={"InstancesExpected": str(audited.expected), "StorageFolder": str(scene.storage_folder)},
    )
    if "PatientID" not in keys:
        return [study]
    patient = Subject(
        id=keys["PatientID"],
        id_type=form.PATIENT_NUMBER,
        name="not recorded",
        type=PERSON,
        role=PATIENT,
        details={},
    )
    return [study, patient]


def _archive(peer: str, role: form.Code) -> Participant:
    """An archive from AET@HOST:PORT."""
    title, _, address = peer.partition("@")
    return Participant(user_id=title, role=role, ae_title=title, host=address.rpartition(":")[0])


def _option(arguments: Sequence[str], name: str) -> str:
    """The value behind an option of findscu; "" where it is not there."""
    return next((value for option, value in pairwise(arguments) if option == name), "")


def _message(
    event: Event, participants: Sequence[Participant], subjects: Sequence[Subject], scene: Scene
) -> str:
    return audit_message(event, participants, subjects, source=f"{form.PROGRAM}@{scene.host}")
