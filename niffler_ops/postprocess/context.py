"""What the jobs of one worker share: made once, because it is costly or remembers what it has derived."""

from functools import cached_property, lru_cache
from pathlib import Path

from niffler_ops.deidentify import Options, fingerprint, load_secret
from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.errors import ConfigurationError
from niffler_ops.metadata import (
    EVERYTHING,
    Featureset,
    Store,
    default_featureset_file,
    load_featuresets,
    open_store,
    store_url,
    union,
)
from niffler_ops.postprocess.job import Settings
from niffler_ops.postprocess.places import Places


class Context:
    """What follows from the settings. Raises ConfigurationError where they are wrong."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.places = Places.of(settings)
        secret = secret_of(settings)
        self.fingerprint = fingerprint(secret)
        self.pseudonyms = Pseudonyms(secret)

    @cached_property
    def deidentifier(self) -> Deidentifier:
        """The policy that OutputFolder is made by."""
        recipe = Path(self.settings.device_recipes) if self.settings.device_recipes else None
        return Deidentifier(Options.parse(self.settings.options), self.pseudonyms, recipe=recipe)

    @cached_property
    def featuresets(self) -> tuple[Featureset, ...]:
        """Which attributes records have, one collection each."""
        return featuresets_of(self.settings)

    @cached_property
    def columns(self) -> Featureset:
        """Which attributes metadata.csv has."""
        return EVERYTHING if self.settings.everything else union(self.featuresets)

    @cached_property
    def store(self) -> Store:
        """Where records are stored."""
        return open_store(store_url(self.settings.store))


def featuresets_of(settings: Settings) -> tuple[Featureset, ...]:
    """Those that are named, else the default. Raises ConfigurationError where one is wrong."""
    given = [Path(path) for path in settings.featuresets]
    return load_featuresets(*(given or [default_featureset_file()]))


def secret_of(settings: Settings) -> bytes:
    """The secret with the settings' fingerprint; made at first use where they have none."""
    secret = load_secret(Path(settings.secret), create=not settings.fingerprint)
    if settings.fingerprint and fingerprint(secret) != settings.fingerprint:
        raise ConfigurationError(
            f"{settings.secret}: this is not the pseudonym key that was used before: restore that one"
        )
    return secret


@lru_cache(maxsize=1)
def context_of(settings: Settings) -> Context:
    """The context of the jobs with these settings."""
    return Context(settings)
