"""movescu: ask an archive to send studies to a move destination, many over one association."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from niffler_ops.embedded import dataset, options, query, scu, signals
from niffler_ops.embedded.command import Field
from niffler_ops.embedded.options import Arguments, Option, OptionError, Takes
from niffler_ops.embedded.uids import PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE

MODELS = {"PatientRoot": PATIENT_ROOT_MOVE, "StudyRoot": STUDY_ROOT_MOVE}
DEFAULT_KEYS = (dataset.SOP_INSTANCE_UID, dataset.STUDY_INSTANCE_UID, dataset.SERIES_INSTANCE_UID)

OPTIONS = (
    *scu.COMMON_OPTIONS,
    Option(name="dest", help="AE title of the move destination"),
    Option(name="i", takes=Takes.MANY, help="keys taken from query files, in ascending order of tags"),
    Option(name="retrieve-timeout", group="retrieve", help="milliseconds between responses"),
    Option(name="retrieve-timeout-total", group="retrieve", help="milliseconds for a whole retrieve"),
)


def prepare(arguments: Arguments) -> scu.Job:
    """The job that the options ask for; raises OptionError or QueryError."""
    if not arguments.text("dest"):
        raise OptionError("you must specify a move destination by option --dest")
    job = scu.common(arguments, "movescu", MODELS, Field.C_MOVE_RQ)
    overrides = query.Overrides(
        level=arguments.text("L", "STUDY"), match=options.pairs(arguments, "m")
    ).keys()
    selection = _selection(arguments)
    total = arguments.has("retrieve-timeout-total")
    return replace(
        job,
        template=replace(job.template, destination=arguments.text("dest")),
        queries=scu.queries(arguments.words, overrides, lambda keys: query.selected(keys, selection)),
        answer_seconds=arguments.seconds("retrieve-timeout-total" if total else "retrieve-timeout"),
        renew_on_pending=not total,
    )


def _selection(arguments: Arguments) -> Sequence[int]:
    names = arguments.values.get("i")
    return [query.tag_of(name) for name in names] if names else DEFAULT_KEYS


TOOL = scu.Tool(name="movescu", options=OPTIONS, prepare=prepare)


def main(argv: list[str] | None = None) -> int:
    """Run with these arguments, by default the process's; gives the exit status."""
    signals.exit_at_once()
    return scu.main(TOOL, sys.argv[1:] if argv is None else argv)
