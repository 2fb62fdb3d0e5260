"""What an extraction's configuration tells its post-processors."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from niffler_ops.config import Config
from niffler_ops.deidentify import Options, load_secret
from niffler_ops.errors import ConfigurationError
from niffler_ops.layout import Layout
from niffler_ops.metadata import load_featuresets, open_store, store_url
from niffler_ops.postprocess.claim import check_claim, recorded
from niffler_ops.postprocess.filling import filled_before
from niffler_ops.postprocess.job import Processor, Settings

MONGO_VARIABLE = "MONGO_URI"


def settings_of(config: Config, layout: Layout) -> Settings:
    """The settings of every job of an extraction."""
    settings = Settings(
        root=str(layout.storage_folder),
        output=str(config.output_folder),
        private=str(layout.private),
        secret=str(config.pseudonym_key or layout.private / "pseudonym.key"),
        options=config.deidentify_options,
        store=config.metadata_store or _default_store(layout),
        featuresets=tuple(map(str, config.featuresets)),
        bits=config.png_bits,
        values=config.png_values,
        scaling=config.png_scaling,
        aspect=config.png_aspect,
        command=config.command,
    )
    return filled_before(recorded(settings))


def check(settings: Settings) -> None:
    """Raise ConfigurationError for everything that is wrong with the settings, before anything is started."""
    problems: dict[str, None] = {}  # each once: two may look at the same secret
    for look in (_check_options, _check_featuresets, _check_store, _check_secret, check_claim):
        try:
            look(settings)
        except ConfigurationError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise ConfigurationError(*problems)


def _check_options(settings: Settings) -> None:
    Options.parse(settings.options)


def _check_featuresets(settings: Settings) -> None:
    load_featuresets(*map(Path, settings.featuresets))


def _check_store(settings: Settings) -> None:
    open_store(store_url(settings.store)).close()


def _check_secret(settings: Settings) -> None:
    """One that is there; else it is made at first use."""
    if Path(settings.secret).exists():
        load_secret(Path(settings.secret))


def digests(processors: Iterable[str], settings: Settings) -> dict[str, dict[str, object]]:
    """By post-processor what its results depend on: where that changes, every study is worked on again."""
    return {name: _digest(Processor(name), settings) for name in processors}


def _default_store(layout: Layout) -> str:
    if os.environ.get(MONGO_VARIABLE):
        return ""  # which is to say that one
    return f"sqlite:///{layout.private / 'metadata.sqlite'}"


def _digest(processor: Processor, settings: Settings) -> dict[str, object]:
    if processor is Processor.COMMAND:
        return {"command": settings.command}
    shared: dict[str, object] = {
        "output": settings.output,
        "edition": settings.edition,
        "secret": settings.fingerprint or settings.secret,
        "options": settings.options,
        "recipes": _sha256(_contents([settings.device_recipes] if settings.device_recipes else [])),
    }
    if processor is Processor.PNG:
        shared |= {"bits": settings.bits, "values": settings.values}
        shared |= {"scaling": settings.scaling, "aspect": settings.aspect, "draw": settings.draw}
        shared |= {"flatten": settings.flatten, "most": settings.files_per_folder}
    if processor is Processor.METADATA:
        store = settings.store or os.environ.get(MONGO_VARIABLE, "")
        shared |= {"store": _sha256([store.encode(), settings.filling.encode()])}  # it may hold a password
    if processor is not Processor.DEIDENTIFY:
        shared |= {"featuresets": _sha256(_contents(settings.featuresets))}
        shared |= {"everything": settings.everything}
    return shared


def _contents(paths: Iterable[str]) -> Iterator[bytes]:
    for path in map(Path, paths):
        for file in sorted(path.glob("*.txt")) if path.is_dir() else [path]:
            yield f"{file.name}\0".encode("utf-8", "surrogateescape")
            with suppress(FileNotFoundError):  # which is an error to whoever needs it
                yield file.read_bytes()


def _sha256(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def summary(tallies: Mapping[tuple[str, str], int], processor: str) -> str:
    """One line about a post-processor's work, for the log."""
    counts = {name: number for (subject, name), number in tallies.items() if subject == f"post {processor}"}
    text = f"{processor}: {counts.get('done', 0)} studies done, {counts.get('failed', 0)} failed"
    held = counts.get("held", 0)
    return f"{text}; {held} files came to nothing (failures.csv says why)" if held else text
