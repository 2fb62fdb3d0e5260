"""Audit messages in the form of DICOM PS3.15 A.5: who started and stopped, queried and received; pure."""

import base64
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

PROGRAM = "niffler-cold"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
APPLICATION_SERVER = "4"  # PS3.15 table A.5.1.2.1
SUCCESS, MINOR_FAILURE, SERIOUS_FAILURE = "0", "4", "8"


class Code(NamedTuple):
    """A coded value, of DICOM's own codes (PS3.16 annex D) unless another system is named."""

    value: str
    meaning: str
    system: str = "DCM"


APPLICATION_ACTIVITY = Code("110100", "Application Activity")
APPLICATION_START = Code("110120", "Application Start")
APPLICATION_STOP = Code("110121", "Application Stop")
QUERY = Code("110112", "Query")
TRANSFERRED = Code("110104", "DICOM Instances Transferred")
APPLICATION = Code("110150", "Application")
LAUNCHER = Code("110151", "Application Launcher")
DESTINATION = Code("110152", "Destination Role ID")
SOURCE = Code("110153", "Source Role ID")
STUDY_UID = Code("110180", "Study Instance UID")
CLASS_UID = Code("110181", "SOP Class UID")
PATIENT_NUMBER = Code("2", "Patient Number", "RFC-3881")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened: `action` is C(reate), R(ead) or E(xecute), `outcome` 0, 4 or 8."""

    id: Code
    at: str
    action: str
    outcome: str = SUCCESS
    type: Code | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """Who took part: a process, an application entity, or a person; `is_requestor` for one at most."""

    user_id: str
    role: Code | None = None
    is_requestor: bool = False
    ae_title: str = ""
    name: str = ""
    host: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What it was about; `type` and `role` as in PS3.15 A.5.1.2, `details` are ours."""

    id: str
    id_type: Code
    name: str
    type: str
    role: str
    instances: int | None = None
    accession: str = ""
    details: Mapping[str, str]


def audit_message(
    event: Event, participants: Iterable[Participant], subjects: Iterable[Subject], *, source: str
) -> str:
    """The message as XML on one line, valid by the schema of A.5.1; `source` is the system that tells."""
    message = Element("AuditMessage")
    _event(message, event)
    for participant in participants:
        _participant(message, participant)
    audit_source = SubElement(message, "AuditSourceIdentification", AuditSourceID=source)
    SubElement(audit_source, "AuditSourceTypeCode", {"csd-code": APPLICATION_SERVER})
    for subject in subjects:
        _subject(message, subject)
    return tostring(message, encoding="unicode")


def _code(parent: Element, name: str, code: Code) -> None:
    attributes = {"csd-code": code.value, "codeSystemName": code.system, "originalText": code.meaning}
    SubElement(parent, name, attributes)


def _event(message: Element, event: Event) -> None:
    element = SubElement(
        message,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=event.at,
        EventOutcomeIndicator=event.outcome,
    )
    _code(element, "EventID", event.id)
    if event.type is not None:
        _code(element, "EventTypeCode", event.type)
    if event.description:
        SubElement(element, "EventOutcomeDescription").text = event.description


def _participant(message: Element, participant: Participant) -> None:
    attributes = {
        "UserID": participant.user_id,
        "UserIsRequestor": "true" if participant.is_requestor else "false",
    }
    if participant.ae_title:
        attributes["AlternativeUserID"] = f"AETITLES={participant.ae_title}"  # A.5.2.2
    if participant.name:
        attributes["UserName"] = participant.name
    if participant.host:
        attributes["NetworkAccessPointID"] = participant.host
        attributes["NetworkAccessPointTypeCode"] = _access_point(participant.host)
    element = SubElement(message, "ActiveParticipant", attributes)
    if participant.role is not None:
        _code(element, "RoleIDCode", participant.role)


def _access_point(host: str) -> str:
    """1 for a name, 2 for an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "1"
    return "2"


def _subject(message: Element, subject: Subject) -> None:
    element = SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=subject.id,
        ParticipantObjectTypeCode=subject.type,
        ParticipantObjectTypeCodeRole=subject.role,
    )
    _code(element, "ParticipantObjectIDTypeCode", subject.id_type)
    SubElement(element, "ParticipantObjectName").text = subject.name
    for name, value in subject.details.items():
        encoded = base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()
        SubElement(element, "ParticipantObjectDetail", type=name, value=encoded)
    if subject.instances is not None:
        description = SubElement(element, "ParticipantObjectDescription")
        if subject.accession:
            SubElement(description, "Accession", Number=subject.accession)
        SubElement(description, "SOPClass", NumberOfInstances=str(subject.instances))
