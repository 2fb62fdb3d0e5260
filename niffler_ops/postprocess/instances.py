"""De-identified DICOM: a file for each instance that may be passed on."""

from pathlib import Path

from niffler_ops.deidentify.writing import Held, Unreadable, Written, deidentify_file
from niffler_ops.files import sync_file_system
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.duplicates import Instances
from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.people import learn_people
from niffler_ops.postprocess.reading import DEADLY, DIED, quietly, why, why_not_read


def write_instances(job: Job, context: Context, fragments: Fragments, marker: Marker) -> None:
    """De-identify every file; one that may not be passed on, or cannot be read, is held."""
    written = 0
    instances = Instances(fragments)
    _ = context.deidentifier  # what is wrong with the settings is no file's fault
    learn_people(job, context, marker)
    for path, deadly in marker.each(job.files):
        if deadly:
            fragments.hold(path, rule=DEADLY, reason=DIED)
            continue
        with quietly():
            result = _deidentified(path, context, instances)
        if isinstance(result, Unreadable):
            fragments.hold_bad(path, result.reason)
            continue
        fragments.link(result.links)
        if isinstance(result, Held):
            rule, _, reason = result.rule.partition(": ")
            fragments.hold(path, rule=rule, reason=reason, sop_instance_uid=result.sop_instance_uid)
        elif instances.take(result.sop_instance_uid, path):
            fragments.made(result.path)
            written += 1
    if written:
        sync_file_system(context.places.dicom)


def _deidentified(path: str, context: Context, instances: Instances) -> Written | Held | Unreadable:
    """Raises OSError where nothing can be written."""
    try:
        return deidentify_file(
            Path(path), context.places.dicom, context.deidentifier, is_taken=instances.is_taken
        )
    except OSError as error:
        if why_not_read(path):
            return Unreadable(reason=why(error))
        raise
