"""Headers to records: a line of metadata.csv for each file, and a record in the store for each series."""

from niffler_ops.errors import ORDERLY_ENDS
from niffler_ops.metadata import Featureset, read_facts, series_records, union, wanted_tags
from niffler_ops.metadata.values import Facts
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.duplicates import Instances
from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.keeping import Headers
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.people import learned_headers
from niffler_ops.postprocess.reading import DEADLY, DIED, quietly, why


def store_records(job: Job, context: Context, fragments: Fragments, marker: Marker) -> None:
    """Raises StoreUnavailableError where the store cannot be reached."""
    _ = context.deidentifier  # what is wrong with the settings is no file's fault
    read = union((context.columns, *context.featuresets))
    headers = Headers(wanted_tags(read))
    for path, header in learned_headers(job, context, marker):
        headers.keep(path, header)
    known: list[Facts] = []
    instances = Instances(fragments)
    for path, deadly in marker.each(job.files):
        if deadly:
            fragments.hold(path, rule=DEADLY, reason=DIED)
            continue
        try:
            facts = _facts(path, context, fragments, read, headers)
        except ORDERLY_ENDS:
            raise
        except BaseException as error:  # noqa: BLE001 - one file is never the end of its study
            fragments.hold_bad(path, why(error))
        else:
            if instances.take(str(facts["SOPInstanceUID"]), path):
                known.append(facts)
                fragments.add("metadata", context.columns.select(facts))
    for featureset in context.featuresets:
        context.store.upsert(featureset.name, series_records(known, featureset))


def _facts(path: str, context: Context, fragments: Fragments, read: Featureset, headers: Headers) -> Facts:
    with quietly():
        clean = context.deidentifier.dataset(headers.take(path))
        facts = read_facts(clean.dataset, read)
    fragments.link(clean.links)
    return facts
