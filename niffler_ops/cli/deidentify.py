"""niffler-deidentify: de-identified DICOM of any folder, the audit of an OutputFolder, and the way back."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from niffler_ops.audit import Audit, audit
from niffler_ops.cli.folders import (
    STATUSES,
    SUFFIX,
    absolute,
    add_common_options,
    option_names,
    settings_from,
    work_on,
)
from niffler_ops.cli.parsing import ArgumentParser, run, show
from niffler_ops.errors import MissingInputError, UsageError
from niffler_ops.postprocess.job import Processor
from niffler_ops.postprocess.linking import originals_of

LEAKS = 3
SHOWN = 50


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _run(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-deidentify",
        usage="%(prog)s INPUT OUTPUT [options]\n       %(prog)s [INPUT] --check FOLDER\n"
        "       %(prog)s INPUT --reidentify PSEUDONYM",
        description="Write the DICOM files in a folder without identity, by DICOM PS3.15 Annex E. A second"
        " run does only what is new. What leads back to people stays in INPUT/.niffler.",
        epilog=STATUSES + "; with --check 3 where it found something",
        examples=(
            ("niffler-deidentify /data/study /data/shared", "copies without identity"),
            ("niffler-deidentify /data/study --check /data/shared", "search them for anybody's identity"),
        ),
    )
    parser.add_argument("input", metavar="INPUT", nargs="?", type=Path, help="a folder of DICOM files")
    parser.add_argument("output", metavar="OUTPUT", nargs="?", type=Path, help="a folder beside it")
    parser.add_argument(
        "--check",
        metavar="FOLDER",
        type=Path,
        help="search an OutputFolder for every identifying value of the originals in INPUT (default: FOLDER"
        f" without {SUFFIX})",
    )
    parser.add_argument(
        "--reidentify", metavar="PSEUDONYM", help="print what a pseudonym stands for, from INPUT/.niffler"
    )
    add_common_options(parser)
    return parser


def _run(arguments: Namespace) -> int:
    asked = [arguments.check is not None, arguments.reidentify is not None, arguments.output is not None]
    if asked == [True, False, False]:
        return _check(arguments)
    if asked == [False, True, False]:
        return _reidentify(arguments)
    if asked != [False, False, True]:
        raise UsageError(
            "INPUT and OUTPUT, or --check FOLDER, or INPUT and --reidentify PSEUDONYM are needed"
        )
    settings = settings_from(arguments, arguments.input, arguments.output)
    made = f"De-identified files: {settings.output}/dicom"
    return work_on(Processor.DEIDENTIFY, settings, arguments, workers=arguments.workers, made=made)


def _check(arguments: Namespace) -> int:
    folder, originals = absolute(arguments.check), arguments.input
    if originals is None:
        if not folder.name.endswith(SUFFIX):
            raise UsageError(f"Name the originals too: niffler-deidentify INPUT --check {arguments.check}")
        originals = folder.with_name(folder.name.removesuffix(SUFFIX))
    for wanted in (folder, originals):
        if not wanted.is_dir():
            raise MissingInputError(f"{wanted}: there is no such folder")
    linking = (arguments.private or originals / ".niffler") / "linking.csv"
    found = audit(
        originals,
        folder,
        linking=linking if linking.is_file() else None,
        options=option_names(arguments.options),
    )
    show("\n".join(_findings(found)) + "\n")
    return 0 if found.clean else LEAKS


def _findings(found: Audit) -> Iterator[str]:
    yield from map(str, found.findings[:SHOWN])
    if found.found > SHOWN:
        yield f"and {found.found - SHOWN} more"
    yield from (f"not searched: {unread}" for unread in found.unread[:SHOWN])
    files = ", ".join(f"{number} {kind}" for kind, number in sorted(found.files.items())) or "nothing"
    yield (
        f"{found.found} values of {found.originals} originals found, {found.unread_count} files not searched."
        f" Searched: {files}, for {found.values} spellings."
    )
    if found.findings:
        yield "What --options had let stay in OUTPUT counts unless the same --options are given here."
    if found.originals_unread:
        yield f"{found.originals_unread} originals could not be read: their values were not searched for."
    if found.unlinked:
        yield f"{found.unlinked} originals are not in linking.csv: their dates were not compared."
    if found.orphans:
        yield (
            f"{found.orphans} DICOM files and pictures are of none of these originals: the values of theirs"
            " were not searched for."
        )


def _reidentify(arguments: Namespace) -> int:
    private = arguments.private or (arguments.input and arguments.input / ".niffler")
    if private is None:
        raise UsageError("INPUT or --private is needed: it holds the way back")
    originals = originals_of(private, arguments.reidentify.strip())
    if not originals:
        raise MissingInputError(f"{private}: nothing is linked with this pseudonym")
    for attribute, original in originals:
        sys.stdout.write(f"{attribute}: {original}\n")
    return 0
