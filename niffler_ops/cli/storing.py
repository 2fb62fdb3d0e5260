"""The option that names a metadata store."""

from niffler_ops.cli.parsing import ArgumentParser, checked
from niffler_ops.metadata import check_store


def add_store_option(parser: ArgumentParser, default: str) -> None:
    """--store; `default` is what serves without it."""
    parser.add_argument(
        "--store",
        metavar="URL",
        type=checked(check_store),
        default="",
        help="sqlite:///PATH, mongodb://HOST:PORT/DATABASE, or file:///PATH of a file of mode 0600 that holds"
        f" such a URL (default: {default})",
    )
