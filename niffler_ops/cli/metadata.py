"""niffler-metadata: the records of any folder of DICOM files."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from niffler_ops.cli.folders import STATUSES, absolute, add_common_options, beside, settings_from, work_on
from niffler_ops.cli.parsing import ArgumentParser, run
from niffler_ops.cli.storing import add_store_option
from niffler_ops.metadata import open_store, shown, store_url
from niffler_ops.metadata.stores import SQLITE
from niffler_ops.postprocess.job import Processor


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _store(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-metadata",
        description="Store a record without identity for each series of the DICOM files in a folder, and"
        " write metadata.csv with a line for each file. A second run does only what is new.",
        epilog=STATUSES,
        examples=(
            ("niffler-metadata /data/study", "tables and records beside it, in /data/study-deidentified"),
            ("niffler-metadata /data/study --parquet --output /data/tables", "for pandas, elsewhere"),
            ("niffler-metadata /data/study --store file:///etc/niffler/store-url", "into a MongoDB server"),
        ),
    )
    parser.add_argument("input", metavar="INPUT", type=Path, help="a folder of DICOM files")
    parser.add_argument(
        "--output", metavar="FOLDER", type=Path, help="for the tables (default: INPUT-deidentified beside it)"
    )
    add_store_option(parser, "MONGO_URI in the environment, else metadata.sqlite in --private")
    parser.add_argument(
        "--featureset",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="which attributes, one collection for each file; may be repeated, or name a folder",
    )
    parser.add_argument("--parquet", action="store_true", help="metadata.parquet beside metadata.csv")
    add_common_options(parser)
    return parser


def _store(arguments: Namespace) -> int:
    source = arguments.input
    private = absolute(arguments.private or source / ".niffler")
    store = store_url(arguments.store) or f"{SQLITE}{private / 'metadata.sqlite'}"
    if store.startswith(SQLITE):
        store = SQLITE + str(absolute(Path(store.removeprefix(SQLITE))))
    open_store(store).close()
    settings = settings_from(
        arguments,
        source,
        arguments.output or beside(source),
        store=store,
        featuresets=tuple(str(absolute(path)) for path in arguments.featureset),
        parquet=arguments.parquet,
    )
    made = f"Records: {shown(store)}; table: {settings.output}/metadata.csv"
    return work_on(Processor.METADATA, settings, arguments, workers=arguments.workers, made=made)
