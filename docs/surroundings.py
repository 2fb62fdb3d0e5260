"""What commands read beside their options, and the files they keep: for their manual pages."""
# ruff: noqa: INP001  docs/ is no package: it is run from the working copy and never installed

from collections.abc import Iterator
from dataclasses import dataclass

from niffler_ops.cli.parsing import TRACEBACK_VARIABLE
from niffler_ops.metadata.stores import MONGO_VARIABLE
from niffler_ops.processes.holders import RUNTIME_VARIABLE, SYSTEM_FOLDER
from niffler_ops.reporting.registry import FOLDER, REGISTRY_VARIABLE, SYSTEM_STATE

_LISTING = {"niffler-cold", "niffler-meta", "niffler-status"}
_WORKING = {"niffler-cold", "niffler-meta", "niffler-doctor"}
_ON_FOLDERS = {"niffler-deidentify", "niffler-metadata", "niffler-png"}


@dataclass(frozen=True, slots=True)
class Named:
    """A variable or a path, and the commands that it matters to; none: to all."""

    name: str
    text: str
    commands: frozenset[str] | set[str] = frozenset()


VARIABLES = (
    Named(
        RUNTIME_VARIABLE,
        f"the folder of the locks of AE titles and ports, instead of {SYSTEM_FOLDER}",
        _WORKING | _LISTING,
    ),
    Named(
        REGISTRY_VARIABLE,
        "the folder in which the extractions and receivers of this machine are listed",
        _LISTING,
    ),
    Named(
        "XDG_STATE_HOME",
        f"without {REGISTRY_VARIABLE}, where that folder is for a user who may not write in {SYSTEM_STATE}"
        " (default: ~/.local/state)",
        _LISTING,
    ),
    Named(
        MONGO_VARIABLE,
        "URL of the metadata store where none is set; scheme and database may be left out",
        _WORKING | {"niffler-insight", "niffler-metadata"},
    ),
    Named("JAVA_HOME", "the Java that dcm4che's tools are run by", _WORKING),
    Named("SSL_CERT_FILE", "certificates by which a mail server is known", _WORKING),
    Named(
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "set by systemd, which is told of start, life and end",
        {"niffler-meta"},
    ),
    Named("NO_COLOR", "where it is set, --watch has no colours", {"niffler-status"}),
    Named("TERM", "where it is dumb, --watch writes lines", {"niffler-status"}),
    Named(
        TRACEBACK_VARIABLE,
        "where it is set, a defect of the program is shown with a traceback, which may hold identifiers",
    ),
)

FILES = (
    Named("config.json", "the extraction; without --config that of the current folder", {"niffler-cold"}),
    Named("system.json", "the deployment; without --system that beside config.json", {"niffler-cold"}),
    Named(
        "StorageFolder/.niffler/ledger.sqlite",
        "every row and study, and what became of it",
        {"niffler-cold", "niffler-status"},
    ),
    Named("StorageFolder/.niffler/niffler.log", "what happened", {"niffler-cold"}),
    Named("StorageFolder/.niffler/logs/", "the tools' output of calls that failed", {"niffler-cold"}),
    Named(
        "StorageFolder/.niffler/report.csv, report.html",
        "how it ended, a line for each row",
        {"niffler-cold"},
    ),
    Named(
        "StorageFolder/.niffler/status.json",
        "how it stands, every few seconds",
        {"niffler-cold", "niffler-status"},
    ),
    Named("StorageFolder/.niffler/control/", "where requests are left", {"niffler-status"}),
    Named(
        "StorageFolder/.niffler/receiver.sqlite",
        "what a receiver has, and from whom",
        {"niffler-meta", "niffler-status"},
    ),
    Named("StorageFolder/.niffler/journal.sqlite", "what was read and is not yet stored", {"niffler-meta"}),
    Named(
        "StorageFolder/.niffler/unreadable/",
        "files that cannot be read; they are never deleted",
        {"niffler-meta"},
    ),
    Named(
        "INPUT/.niffler/linking.csv, pseudonym.key",
        "what leads back to people; --private names another folder",
        _ON_FOLDERS,
    ),
    Named(
        "OutputFolder/images/, dicom/, metadata.csv, mapping.csv, failures.csv",
        "what post-processors make",
        {"niffler-cold"},
    ),
    Named("OUTPUT/failures.csv", "what could not be converted, and why", _ON_FOLDERS),
    Named(f"{SYSTEM_FOLDER}/", "locks of AE titles and ports", _WORKING | _LISTING),
    Named(
        f"{SYSTEM_STATE}/{FOLDER}/, ~/.local/state/niffler/{FOLDER}/",
        "the list of the extractions and receivers of this machine",
        _LISTING,
    ),
)


def told(entries: tuple[Named, ...], command: str) -> Iterator[tuple[str, str]]:
    """Name and text of those that matter to a command."""
    return ((entry.name, entry.text) for entry in entries if command in (entry.commands or {command}))
