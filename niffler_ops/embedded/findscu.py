"""findscu: ask an archive what it has, many queries over one association, each match into a file."""

import os
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from niffler_ops.embedded import options, query, scu, signals
from niffler_ops.embedded.command import Field
from niffler_ops.embedded.options import Arguments, Option, OptionError, Takes
from niffler_ops.embedded.uids import PATIENT_ROOT_FIND, STUDY_ROOT_FIND

MODELS = {"PatientRoot": PATIENT_ROOT_FIND, "StudyRoot": STUDY_ROOT_FIND}

OPTIONS = (
    *scu.COMMON_OPTIONS,
    Option(name="r", takes=Takes.MANY, help="return keys, sent empty"),
    Option(name="i", takes=Takes.MANY, help="drops every key of the query files, as in dcm4che"),
    Option(name="out-dir", help="folder for the matches, one file each"),
    Option(name="out-file", help="their names, by default 000'.dcm'"),
    Option(name="out-cat", takes=Takes.NOTHING, help="all matches into the first file"),
    Option(name="response-timeout", help="milliseconds up to the first response"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberedName:
    """A file name with a number in it, padded with zeros to at least `digits`."""

    before: str
    digits: int
    after: str

    def format(self, number: int) -> str:
        """The name with this number."""
        return f"{self.before}{number:0{self.digits}d}{self.after}"


def numbered_name(pattern: str) -> NumberedName:
    """A name like `000'.dcm'`, as far as Java's DecimalFormat is used here; raises OptionError."""
    literal = r"('[^']*'|[^'0#.,;%]*)"
    found = re.fullmatch(f"{literal}(0+){literal}", pattern)
    if found is None:
        raise OptionError(f"--out-file is neither zeros nor zeros and text in quotes: {pattern}")
    return NumberedName(before=found[1].strip("'"), digits=len(found[2]), after=found[3].strip("'"))


@dataclass(kw_only=True)
class Results:
    """Writes each match as it came, numbered over the whole process from 1.

    A match that cannot be written is told on stderr and does not change the exit status.
    """

    folder: Path
    name: NumberedName
    together: bool
    count: int = 0
    stream: BinaryIO | None = field(default=None)

    def write(self, data: bytes) -> None:
        """One more match."""
        self.count += 1
        path = self.folder / self.name.format(self.count)
        try:
            if self.stream is None:
                self.stream = _open(path)
            self.stream.write(data)
            self.stream.truncate()
        except OSError as error:
            sys.stderr.write(f"{type(error).__name__}: {path.name} ({error.strerror})\n")
            self._close()
        if not self.together:
            self._close()

    def _close(self) -> None:
        if self.stream is not None:
            stream, self.stream = self.stream, None
            stream.close()


def _open(path: Path) -> BinaryIO:
    """A file that is cut when it has been written: a fifth of the time where it is there already."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666), "wb")


def prepare(arguments: Arguments) -> scu.Job:
    """The job that the options ask for; raises OptionError or QueryError."""
    job = scu.common(arguments, "findscu", MODELS, Field.C_FIND_RQ)
    overrides = query.Overrides(
        level=arguments.text("L", "STUDY"),
        match=options.pairs(arguments, "m"),
        returned=arguments.values.get("r", ()),
    ).keys()
    drop = arguments.has("i")
    job = replace(
        job,
        queries=scu.queries(arguments.words, overrides, lambda keys: {} if drop else keys),
        answer_seconds=arguments.seconds("response-timeout"),
        until_first_answer=True,
    )
    return replace(job, on_pending=_results(arguments).write) if arguments.has("out-dir") else job


def _results(arguments: Arguments) -> Results:
    folder = Path(arguments.text("out-dir"))
    name = numbered_name(arguments.text("out-file", "000'.dcm'"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.stderr.write(f"{type(error).__name__}: {folder.name} ({error.strerror})\n")
    return Results(folder=folder, name=name, together=arguments.has("out-cat"))


TOOL = scu.Tool(name="findscu", options=OPTIONS, prepare=prepare)


def main(argv: list[str] | None = None) -> int:
    """Run with these arguments, by default the process's; gives the exit status."""
    signals.exit_at_once()
    return scu.main(TOOL, sys.argv[1:] if argv is None else argv)
