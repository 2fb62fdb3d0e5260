"""Both files and the options to one Config, or every error of all of them at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from niffler_ops.config.commented_json import JsonError, read_object
from niffler_ops.config.forms import without_effect
from niffler_ops.config.keys import Key
from niffler_ops.config.kinds import absolute
from niffler_ops.config.model import KEYS, Config
from niffler_ops.config.wording import likely_key, located, missing, unknown_key, wrong_keys, wrong_value
from niffler_ops.errors import ConfigurationError

_BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
_BY_LOCATION = located(KEYS)
_WITHOUT_MEANING = "NifflerID"
FORMER: Mapping[str, str] = {
    f"{number}{former}": f"{number}{now}"
    for number in ("First", "Second", "Third")
    for former, now in (("AnyType", "Attr"), ("AnyIndex", "Index"), ("Type", "Attr"))
}
"""Keys that upstream had for a few days in 2021, and what they became."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """What one file or the command line gave; `readable` is false where its keys are not known."""

    label: str
    folder: Path
    file: str
    values: Mapping[str, Any] = field(default_factory=dict)
    readable: bool = True


def load(config_file: Path | None, system_file: Path | None, overrides: Mapping[str, str]) -> Config:
    """Read config.json, system.json and `overrides` (key to text, from the command line), the last winning.

    Without `config_file`: config.json in the current folder; without `system_file`: the key NifflerSystem,
    else system.json beside the config file. ConfigurationError lists everything that is wrong.
    """
    problems: list[str] = []
    config_path = config_file or Path("config.json")
    config = _read(config_path, "config.json", problems, option="--config")
    options = _Source(label="command line", folder=Path(), file="either", values=overrides)
    system_path = system_file or _system_file(options, config, config_path)
    system = _read(system_path, "system.json", problems, option="--system")
    sources = (system, config, options)
    suspected: set[str] = set()
    notes: list[str] = []
    for source in (config, system, options):
        for name in source.values:
            _check_name(name, source, problems=problems, suspected=suspected, notes=notes)
    values = {
        name: (value, source)
        for source in sources
        for name, value in source.values.items()
        if name in _BY_NAME and value is not None  # null is as good as absent
    }
    context = {_BY_NAME[name].attribute: source.folder for name, (_, source) in values.items()}
    given = {name: value for name, (value, _) in values.items()}
    notes += [f"{name}: not asked for: NumberOfQueryAttributes is less" for name in without_effect(given)]
    given |= {"config_file": config_path.absolute(), "system_file": system_path.absolute(), "notes": notes}
    try:
        loaded = Config.model_validate(given, context=context)
    except ValidationError as error:
        problems += _value_problems(error, values, sources, suspected)
    if problems:
        raise ConfigurationError(*problems)
    return loaded


def storage_folder_of(config_file: Path) -> Path:
    """StorageFolder as a config.json names it, whatever else is in it; raises ConfigurationError."""
    try:
        named = read_object(config_file, str(config_file))[0].get("StorageFolder")
        return absolute(named, config_file.parent, "a folder")
    except JsonError as error:
        raise ConfigurationError(str(error)) from None
    except ValueError as error:
        raise ConfigurationError(f"{config_file}: StorageFolder: allowed: {error}") from None


def _read(path: Path, file: str, problems: list[str], *, option: str) -> _Source:
    label = str(path)
    try:
        values, repeated = read_object(path, label)
    except JsonError as error:
        absent = isinstance(error.__cause__, FileNotFoundError)
        problems.append(f"{error}; another {file} is named with {option} FILE" if absent else str(error))
        return _Source(label=label, folder=path.parent, file=file, readable=False)
    problems += repeated
    return _Source(label=label, folder=path.parent, file=file, values=values)


def _system_file(options: _Source, config: _Source, config_path: Path) -> Path:
    for source in (options, config):
        named = source.values.get("NifflerSystem")
        if isinstance(named, str) and named.strip():
            try:
                return absolute(named, source.folder, "")
            except ValueError:
                continue  # reported with the other values
    return config_path.parent / "system.json"


def _check_name(
    name: str, source: _Source, *, problems: list[str], suspected: set[str], notes: list[str]
) -> None:
    """Report a key that has no meaning in its file; `suspected` collects the keys that it may stand for."""
    key = _BY_NAME.get(name)
    if key is not None:
        if "either" not in (key.file, source.file) and key.file != source.file:
            problems.append(f"{source.label}: {name}: found in {source.file}; allowed: in {key.file}")
        return
    if name == _WITHOUT_MEANING:
        notes.append(f"{source.label}: {name}: accepted without effect: logs are kept apart by StorageFolder")
        return
    nearby = [key.name for key in KEYS if "either" in (key.file, source.file) or key.file == source.file]
    likely = FORMER.get(name) or likely_key(name, nearby) or likely_key(name, _BY_NAME)
    if likely:
        suspected.add(likely)
    problems.append(unknown_key(source.label, name, likely, "docs/configuration.md"))


def _value_problems(
    error: ValidationError,
    values: Mapping[str, tuple[Any, _Source]],
    sources: Iterable[_Source],
    suspected: set[str],
) -> list[str]:
    by_file = {source.file: source for source in sources}
    problems = []
    for key, allowed in sorted(wrong_keys(error, _BY_LOCATION), key=lambda wrong: KEYS.index(wrong[0])):
        home = by_file["config.json" if key.file == "either" else key.file]
        if key.name in values:
            value, source = values[key.name]
            problems.append(wrong_value(source.label, key, value, allowed))
        elif home.readable and key.name not in suspected:
            problems.append(missing(home.label, key, allowed))
    return problems
