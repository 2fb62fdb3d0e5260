"""niffler-png: pictures of any folder of DICOM files."""

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from niffler_ops.cli.folders import STATUSES, absolute, add_common_options, settings_from, work_on
from niffler_ops.cli.parsing import ArgumentParser, run, show, whole
from niffler_ops.cli.png_json import PngJson, read_png_json
from niffler_ops.errors import UsageError
from niffler_ops.postprocess.job import Processor
from niffler_ops.postprocess.outputs import LEVELS

SCALINGS, ASPECTS = ("full", "image", "series"), ("state", "resample")


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _draw(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-png",
        description="Draw every frame of the DICOM files in a folder as PNG, named by pseudonyms, with"
        " metadata.csv, mapping.csv and failures.csv beside. A second run draws only what is new.",
        epilog=STATUSES,
        examples=(
            ("niffler-png /data/study /data/pictures", "pictures as on a workstation"),
            ("niffler-png /data/study /data/pictures --bits 16 --values raw", "with the measured values"),
        ),
    )
    parser.add_argument("input", metavar="INPUT", nargs="?", type=Path, help="a folder of DICOM files")
    parser.add_argument("output", metavar="OUTPUT", nargs="?", type=Path, help="a folder beside it")
    parser.add_argument("--config", metavar="FILE", type=Path, help="png.json, which may name both")
    parser.add_argument("--bits", type=int, choices=(8, 16), help="depth of grey pictures (default: 8)")
    parser.add_argument(
        "--values", choices=("display", "raw"), help="shown as on a workstation, or the measured values"
    )
    parser.add_argument(
        "--scaling",
        choices=SCALINGS,
        default="full",
        help="black and white of an image without a window: its full range of values, or the percentiles of"
        " the image or of its series (default: %(default)s)",
    )
    parser.add_argument(
        "--aspect",
        choices=ASPECTS,
        default="state",
        help="pixels that are not square stay as they are, or are resampled (default: %(default)s)",
    )
    parser.add_argument("--flatten", choices=LEVELS, help="the deepest level of folders (default: series)")
    parser.add_argument(
        "--files-per-folder",
        metavar="N",
        type=partial(whole, least=0),
        default=0,
        help="numbered folders below that, with N files at most (default: 0, any number)",
    )
    parser.add_argument(
        "--featureset", metavar="FILE", type=Path, help="the columns of metadata.csv (default: all public)"
    )
    add_common_options(parser)
    return parser


def _draw(arguments: Namespace) -> int:
    known = read_png_json(arguments.config) if arguments.config else PngJson()
    for note in known.notes:
        show(f"{arguments.config}: {note}\n")
    source, output = arguments.input or known.source, arguments.output or known.output
    if source is None or output is None:
        raise UsageError("INPUT and OUTPUT are needed, or --config with a file that names them")
    featuresets = known.featuresets
    if arguments.featureset:
        featuresets = (str(absolute(arguments.featureset)),)
    settings = settings_from(
        arguments,
        source,
        output,
        bits=arguments.bits or known.bits,
        values=arguments.values or "display",
        scaling=arguments.scaling,
        aspect=arguments.aspect,
        flatten=arguments.flatten or known.flatten,
        files_per_folder=arguments.files_per_folder,
        draw=known.draw,
        common=known.common_headers,
        everything=not (featuresets or known.specific_headers),
        featuresets=featuresets,
    )
    made = f"Pictures: {settings.output}/images"
    return work_on(Processor.PNG, settings, arguments, workers=arguments.workers or known.workers, made=made)
