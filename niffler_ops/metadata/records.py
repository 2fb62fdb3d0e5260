"""One record for a series, from the facts of all its instances."""

from collections.abc import Iterable

from niffler_ops.metadata.featureset import Featureset
from niffler_ops.metadata.folding import Fold, Record
from niffler_ops.metadata.values import Facts


def series_record(instances: Iterable[Facts], featureset: Featureset) -> Record:
    """The record of one series; an instance that comes twice is counted once, as it came last.

    Raises ValueError where there is no instance, or they are of several series.
    """
    distinct = {str(facts["SOPInstanceUID"]): facts for facts in instances}
    if len({facts["SeriesInstanceUID"] for facts in distinct.values()}) != 1:
        raise ValueError("a series record is made from the instances of one series")
    fold = Fold()
    for facts in distinct.values():
        fold.add(facts)
    return fold.record(featureset)


def series_records(instances: Iterable[Facts], featureset: Featureset) -> list[Record]:
    """A record for each series that these instances belong to."""
    by_series: dict[str, list[Facts]] = {}
    for facts in instances:
        by_series.setdefault(str(facts["SeriesInstanceUID"]), []).append(facts)
    return [series_record(members, featureset) for members in by_series.values()]
