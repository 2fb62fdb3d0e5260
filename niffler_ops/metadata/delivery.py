"""Gives records to a store; where it refuses some, the others are not held up."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from niffler_ops.errors import ConfigurationError, NifflerError
from niffler_ops.metadata.featureset import Featureset
from niffler_ops.metadata.folding import Fold
from niffler_ops.metadata.stores import Store

log = logging.getLogger(__name__)


def deliver(store: Store, featuresets: Sequence[Featureset], series: Mapping[int, Fold]) -> dict[int, str]:
    """Store a record of each series for each featureset; tells of which it was refused, and why.

    Raises what the store raises where it is not the record that is to blame.
    """
    try:
        _upsert(store, featuresets, series.values())
    except Exception as error:  # noqa: BLE001 - one by one it shows whose fault it is
        _raise_unless_refused(error)
        refusals = {key: _refusal(store, featuresets, fold) for key, fold in series.items()}
        return {key: reason for key, reason in refusals.items() if reason}
    return {}


def _refusal(store: Store, featuresets: Sequence[Featureset], fold: Fold) -> str:
    try:
        _upsert(store, featuresets, [fold])
    except Exception as error:  # noqa: BLE001 - whatever a record causes, the others are stored
        _raise_unless_refused(error)
        reason = str(error) if isinstance(error, NifflerError) else type(error).__name__
        log.warning("The record of a series is not stored, its images stay: %s", reason)
        return reason
    return ""


def _upsert(store: Store, featuresets: Sequence[Featureset], folds: Iterable[Fold]) -> None:
    for featureset in featuresets:
        store.upsert(featureset.name, [fold.record(featureset) for fold in folds])


def _raise_unless_refused(error: Exception) -> None:
    if isinstance(error, NifflerError) and (error.retriable or isinstance(error, ConfigurationError)):
        raise error
