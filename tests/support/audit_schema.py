"""The schema of audit messages (DICOM PS3.15 A.5.1.1) as a table, and whether a message keeps to it."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

CODED = {"csd-code": r".+", "codeSystemName": r".+", "originalText": r".+", "displayName?": r".*"}


@dataclass(frozen=True)
class Form:
    """Attributes with the pattern of their value, optional ones ending in `?`; children as an expression."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    children: str = ""


SCHEMA: Mapping[str, Form] = {
    "AuditMessage": Form(
        children=r"EventIdentification (ActiveParticipant )+AuditSourceIdentification "
        r"(ParticipantObjectIdentification )*"
    ),
    "EventIdentification": Form(
        {
            "EventActionCode?": "[CRUDE]",
            "EventDateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
            "EventOutcomeIndicator": "0|4|8|12",
        },
        r"EventID (EventTypeCode )*(EventOutcomeDescription )?",
    ),
    "EventID": Form(CODED),
    "EventTypeCode": Form(CODED),
    "EventOutcomeDescription": Form(),
    "ActiveParticipant": Form(
        {
            "UserID": r".+",
            "UserIsRequestor": "true|false",
            "AlternativeUserID?": r".*",
            "UserName?": r".*",
            "NetworkAccessPointID?": r".+",
            "NetworkAccessPointTypeCode?": "[1-5]",
        },
        r"(RoleIDCode )*(MediaIdentifier )?",
    ),
    "RoleIDCode": Form(CODED),
    "AuditSourceIdentification": Form(
        {"AuditSourceID": r".+", "AuditEnterpriseSiteID?": r".+"}, r"(AuditSourceTypeCode )*"
    ),
    "AuditSourceTypeCode": Form({"csd-code": "[1-9]"}),
    "ParticipantObjectIdentification": Form(
        {
            "ParticipantObjectID": r".+",
            "ParticipantObjectTypeCode?": "[1-4]",
            "ParticipantObjectTypeCodeRole?": r"[1-9]|1\d|2[0-6]",
            "ParticipantObjectDataLifeCycle?": r"[1-9]|1[0-5]",
            "ParticipantObjectSensitivity?": r".+",
        },
        r"ParticipantObjectIDTypeCode (ParticipantObjectName |ParticipantObjectQuery )"
        r"(ParticipantObjectDetail )*(ParticipantObjectDescription )*",
    ),
    "ParticipantObjectIDTypeCode": Form(CODED),
    "ParticipantObjectName": Form(),
    "ParticipantObjectDetail": Form({"type": r".+", "value": r"[A-Za-z0-9+/]*={0,2}"}),
    "ParticipantObjectDescription": Form(
        children=r"(MPPS )*(Accession )*(SOPClass )*(ParticipantObjectContainsStudy )?"
        r"(Encrypted )?(Anonymized )?"
    ),
    "Accession": Form({"Number": r".+"}),
    "SOPClass": Form({"NumberOfInstances": r"\d+", "UID?": r"[0-9.]+"}, r"(Instance )*"),
}


def check(element: Element) -> None:
    """Assert that an element and all below it keep to the schema."""
    form = SCHEMA[element.tag]
    allowed = {name.rstrip("?"): pattern for name, pattern in form.attributes.items()}
    required = {name for name in form.attributes if not name.endswith("?")}
    assert required <= element.attrib.keys() <= allowed.keys(), (element.tag, element.attrib)
    for name, value in element.attrib.items():
        assert re.fullmatch(allowed[name], value), (element.tag, name, value)
    children = "".join(f"{child.tag} " for child in element)
    assert re.fullmatch(form.children, children), (element.tag, children)
    for child in element:
        check(child)


def details(element: Element) -> dict[str, str]:
    """The details of all objects that a message is about."""
    return {
        detail.attrib["type"]: base64.b64decode(detail.attrib["value"]).decode()
        for detail in element.iter("ParticipantObjectDetail")
    }
