"""Why a tool failed and what a DIMSE status means, in words that hold no identifier."""

import re
from collections.abc import Iterable
from enum import StrEnum

from niffler_ops.dicomtools.responses import PENDING, SUCCESS, is_dumped_element, parse_response

UNKNOWN_REASON = "ended without a known reason"
LONGEST_LINE = 2000  # characters that are looked at; a peer may have written a million of them


class FailureClass(StrEnum):
    """What the final status of a C-MOVE asks for."""

    SUCCESS = "success"  # which does not prove that every instance arrived
    WARNING = "warning"  # some sub-operations failed: compare, then retrieve again
    DESTINATION_UNKNOWN = "destination_unknown"  # the archive's configuration: no study can be retrieved
    REFUSED_STUDY = "refused_study"  # this request will never be accepted
    TRANSIENT = "transient"  # try again later
    CANCELLED = "cancelled"


_CLASSES = {
    SUCCESS: FailureClass.SUCCESS,
    0xB000: FailureClass.WARNING,
    0xA801: FailureClass.DESTINATION_UNKNOWN,
    0xA900: FailureClass.REFUSED_STUDY,
    0xFE00: FailureClass.CANCELLED,
}

# PS3.4 C.4.1.1.4 and C.4.2.1.5, PS3.7 C; a C-FIND's A700 and a C-MOVE's A701 and A702 are distinct codes.
_STATUS_TEXTS = {
    SUCCESS: "success",
    0x0105: "no such attribute",
    0x0106: "invalid attribute value",
    0x0107: "attribute list error",
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0112: "no such SOP instance",
    0x0113: "no such event type",
    0x0114: "no such argument",
    0x0115: "invalid argument value",
    0x0116: "attribute value out of range",
    0x0117: "invalid SOP instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance conflict",
    0x0120: "missing attribute",
    0x0121: "missing attribute value",
    0x0122: "SOP class not supported",
    0x0123: "no such action",
    0x0124: "not authorized",
    0x0210: "duplicate invocation",
    0x0211: "unrecognized operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
    0xA700: "refused: out of resources",
    0xA701: "refused: out of resources, cannot count the matches",
    0xA702: "refused: out of resources, cannot perform sub-operations",
    0xA801: "refused: move destination unknown",
    0xA900: "identifier does not match the SOP class",
    0xB000: "sub-operations complete, some failed",
    0xFE00: "cancelled",
}
_STATUS_RANGES = (
    (range(0xA700, 0xA800), "refused: out of resources"),
    (range(0xA800, 0xA900), "refused: SOP class or destination not supported"),
    (range(0xA900, 0xAA00), "identifier does not match the SOP class"),
    (range(0xB000, 0xC000), "warning"),
    (range(0xC000, 0xD000), "unable to process"),
)

_REJECTION = re.compile(r"(?<!<< )A-ASSOCIATE-RJ\[result: (\d+).*?source: (\d+).*?reason: (\d+)")
_REJECTIONS = {  # PS3.8 table 9-21: source and reason
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}

_COMMAND_LINE = (
    r"Unrecognized option:|Missing argument for option:|missing required option|you must specify"
    r"|invalid parameter of option|an option from this group|Ambiguous option:|tool\.common\.CLIUtils\."
)

# The first that occurs anywhere is the reason: a cause stands before what follows from it.
_CAUSES = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"Could not create the Java Virtual Machine|Unrecognized VM option", "Java refused JAVA_OPTS"),
        (_COMMAND_LINE, "the tool does not accept its command line"),
        (r"java: (?:command )?not found|bin/java: |env: .?java", "Java was not found"),
        (r"UnsupportedClassVersionError", "this Java is too old for the tool"),
        (
            r"Could not find or load main class|NoClassDefFoundError|ClassNotFoundException",
            "the dcm4che folder is incomplete, or DCM4CHE_HOME names another one",
        ),
        (r"OutOfMemoryError", "Java ran out of memory"),
        (r"Address already in use", "the port is in use"),
        (r"BindException: Permission denied|SocketException: Permission denied", "the port needs privileges"),
        (r"Unable to start TCPListener", "the port cannot be opened"),
        (r"Not a DICOM Stream", "the tool cannot read its query file"),
        (r"No space left on device", "the disk is full"),
        (r"Read-only file system|\(Permission denied\)", "a file cannot be written or read"),
        (r"\(No such file or directory\)", "a file is missing"),
        (r"Connection refused", "connection refused"),
        (r"UnknownHostException|Name or service not known", "the host name is unknown"),
        (r"[Cc]onnect(?:ion)? timed out|No route to host|Network is unreachable", "the host does not answer"),
        (r"A-ASSOCIATE-AC timeout expired", "no answer to the association request within the time-out"),
        (r"timeout expired|net\.Timeout\.run", "no answer within the time-out"),
        (r"NoPresentationContextException", "the archive does not offer the query and retrieve service"),
        (r"(?<!<< )A-ABORT\[", "the association was aborted by the archive"),
        (r"EOFException in State: Sta5", "the connection was closed instead of answering the association"),
        (r"EOFException|Connection reset|Broken pipe|Socket closed", "the connection was lost"),
        (r"AssociationStateException", "the association was lost"),
        (r"Traceback \(most recent call last\)", "the tool failed with a defect of its own"),
    )
)


def classify_status(status: int) -> FailureClass:
    """What to do about a C-MOVE that ended with this status; every unlisted status is transient."""
    return _CLASSES.get(status, FailureClass.TRANSIENT)


def status_text(status: int) -> str:
    """A DIMSE status in words, with its code in hexadecimal."""
    return f"{_status_words(status)} ({status:04X})"


def failure_reason(lines: Iterable[str]) -> str:
    """The cause that a failed tool's output shows, or UNKNOWN_REASON; never a piece of that output."""
    # What an archive writes into a response, or a data set holds, is no news about the tool.
    text = "\n".join(
        line[:LONGEST_LINE] for line in lines if not is_dumped_element(line) and parse_response(line) is None
    )
    if rejection := _REJECTION.search(text):
        return _rejection_words(*(int(number) for number in rejection.groups()))
    return next((reason for pattern, reason in _CAUSES if pattern.search(text)), UNKNOWN_REASON)


def _status_words(status: int) -> str:
    if status in PENDING:
        return "pending"
    if status in _STATUS_TEXTS:
        return _STATUS_TEXTS[status]
    return next((words for codes, words in _STATUS_RANGES if status in codes), "unknown status")


def _rejection_words(result: int, source: int, reason: int) -> str:
    lasting = "association rejected for now" if result == 2 else "association rejected"  # noqa: PLR2004
    return f"{lasting}: {_REJECTIONS.get((source, reason), 'unknown reason')}"
