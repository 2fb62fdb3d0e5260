"""Check `configuration`: both files, or system.json alone; every error at once."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.config import Config, load
from niffler_ops.config.commented_json import JsonError, read_object
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.errors import ConfigurationError

CHECK = "configuration"
CONFIG, SYSTEM = "config.json", "system.json"
STAND_INS = {"StorageFolder": "none", "CsvFile": "none", "ExtractionType": "accession", "AccessionIndex": "0"}
"""For what only config.json holds, where there is none; nothing looks at these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What is examined: `extraction` with the keys of config.json, `system` with those of system.json.

    None where there is no such file, or it cannot be used; `problems` say what is wrong.
    """

    extraction: Config | None
    system: Config | None
    problems: tuple[str, ...] = ()


def read_settings(config_file: Path | None, system_file: Path | None) -> Settings:
    """The configuration as niffler-cold would read it, or as much of it as can be read.

    Without either file: config.json in the current folder where there is one, else system.json there.
    """
    if config_file is None and system_file is None and Path(CONFIG).exists():
        config_file = Path(CONFIG)
    if config_file is None:
        return _system_alone(system_file or Path(SYSTEM))
    try:
        config = load(config_file, system_file, {})
    except ConfigurationError as error:
        system = _system_alone(system_file or _system_file_of(config_file)).system
        return Settings(extraction=None, system=system, problems=error.problems)
    return Settings(extraction=config, system=config)


def check_configuration(settings: Settings) -> Iterator[Finding]:
    """Every error, or what is used."""
    yield from (failure(CHECK, problem) for problem in settings.problems)
    config = settings.extraction or settings.system
    if config is None:
        yield warning(CHECK, "what depends on the configuration is not examined until it is mended")
        return
    yield from (warning(CHECK, note) for note in config.notes)
    if settings.extraction is not None:
        yield ok(CHECK, f"{config.config_file} and {config.system_file}")
    elif not settings.problems:
        yield ok(CHECK, f"{config.system_file}; with --config FILE an extraction's own is examined as well")


def _system_alone(file: Path) -> Settings:
    with tempfile.TemporaryDirectory(prefix="niffler-doctor-") as folder:
        empty = Path(folder) / CONFIG
        empty.write_text("{}", encoding="ascii")
        try:
            return Settings(extraction=None, system=load(empty, file, STAND_INS))
        except ConfigurationError as error:
            return Settings(extraction=None, system=None, problems=error.problems)


def _system_file_of(config_file: Path) -> Path:
    """Which system.json a config.json means that has errors."""
    try:
        named = read_object(config_file, "")[0].get("NifflerSystem")
    except JsonError:
        named = None
    usable = isinstance(named, str) and named.strip()
    return config_file.parent / (Path(str(named).strip()).expanduser() if usable else SYSTEM)
