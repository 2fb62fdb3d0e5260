"""niffler-doctor: what is wrong with machine, configuration and archives, and what to do about it."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from niffler_ops.cli.parsing import ArgumentParser, run, show
from niffler_ops.clock import SystemClock
from niffler_ops.doctor.cleaning import CHECK, clean, safely_ours
from niffler_ops.doctor.examination import examine
from niffler_ops.doctor.findings import Finding, Result, ok
from niffler_ops.doctor.form import form
from niffler_ops.doctor.settings import Settings, read_settings
from niffler_ops.errors import ConfigurationError, UsageError
from niffler_ops.model import LocalEntity
from niffler_ops.processes.inspection import StoreScp

FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _start(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-doctor",
        description="Examine configuration, toolkit, port, disk, locks, leftover processes, archives, mail;"
        " with --meta what a receiver needs. Without --clean it changes nothing, and it never retrieves.",
        epilog="exit status: 0 no failure, warnings are fine; 1 a failure; 64 wrong usage",
        examples=(
            ("niffler-doctor --config study/config.json", "before an extraction"),
            ("niffler-doctor --system /etc/niffler/system.json", "the machine and its archives alone"),
            ("niffler-doctor --system /etc/niffler/system.json --form", "what the archive has to know of us"),
            ("niffler-doctor --config study/config.json --clean", "end what earlier runs left behind"),
            (
                "niffler-doctor --meta /etc/niffler/meta.json",
                "a receiver, also one that runs",
            ),
        ),
    )
    parser.add_argument("--system", metavar="FILE", type=Path, help="system.json (default: ./system.json)")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="config.json of an extraction, to examine its own as well (default: ./config.json, if there)",
    )
    parser.add_argument(
        "--meta", metavar="FILE", type=Path, help="meta.json of a receiver, instead of an extraction"
    )
    parser.add_argument(
        "--clean", action="store_true", help="end leftover storescp that are safely ours, after asking"
    )
    parser.add_argument("--yes", action="store_true", help="with --clean: do not ask")
    parser.add_argument("--json", action="store_true", help="a list of {check, result, text} instead of text")
    parser.add_argument(
        "--form", action="store_true", help="print what the archive's administrator has to know, and end"
    )
    return parser


def _start(arguments: Namespace) -> int:
    if arguments.yes and not arguments.clean:
        raise UsageError("--yes goes with --clean only. `niffler-doctor --help` lists what is allowed.")
    if arguments.form and (arguments.clean or arguments.json):
        raise UsageError("--form goes without --clean and --json. `niffler-doctor --help` lists the rest.")
    if arguments.meta is not None:
        if arguments.config or arguments.system or arguments.form:
            raise UsageError("--meta goes without --config, --system and --form.")
        return _show(_findings_of_receiver(arguments), arguments)
    settings = read_settings(arguments.config, arguments.system)
    if arguments.form:
        return _form(settings)
    return _show(_findings(settings, arguments), arguments)


def _show(found: Iterable[Finding], arguments: Namespace) -> int:
    findings = []
    for finding in found:
        findings.append(finding)
        if not arguments.json:
            show(f"{finding.result:<9}{finding.check:<18}{finding.text}\n")
    if arguments.json:
        show(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    return FAILED if any(finding.result is Result.FAILURE for finding in findings) else 0


def _form(settings: Settings) -> int:
    config = settings.extraction or settings.system
    if config is None:
        raise ConfigurationError(*settings.problems)
    show(form(config))
    return 0


def _findings(settings: Settings, arguments: Namespace) -> Iterator[Finding]:
    yield from examine(settings, SystemClock())
    config = settings.extraction or settings.system
    if config is not None:
        yield from _cleaned([config.query_aet], arguments)


def _findings_of_receiver(arguments: Namespace) -> Iterator[Finding]:
    from niffler_ops.doctor.receiving import examine_receiver, read_receiver  # noqa: PLC0415 - others wait for less

    settings = read_receiver(arguments.meta)
    yield from examine_receiver(settings, SystemClock())
    if settings.config is not None:
        yield from _cleaned(settings.config.local_entities, arguments)


def _cleaned(entities: Sequence[LocalEntity], arguments: Namespace) -> Iterator[Finding]:
    """With --clean, what is safely ours is ended."""
    if not arguments.clean:
        return
    receivers = [receiver for local in entities for receiver in safely_ours(local)]
    if not receivers:
        yield ok(CHECK, "nothing is left over that is safely ours")
    elif arguments.yes or _agreed(receivers):
        yield from clean(receivers)
    else:
        yield ok(CHECK, f"nothing was ended; --yes ends the {len(receivers)} above without asking")


def _agreed(receivers: Sequence[StoreScp]) -> bool:
    """Show them at the terminal and ask, if there is one; without one, --clean says it all."""
    if not sys.stdin.isatty():
        return True
    for receiver in receivers:
        sys.stderr.write(f"Left over: storescp, {receiver}\n")
    sys.stderr.write("End what is left over? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


if __name__ == "__main__":
    sys.exit(main())
