"""Does one job, whichever post-processor it is for."""

from collections.abc import Callable

from niffler_ops.errors import CannotWriteError, ConfigurationError, NifflerError
from niffler_ops.files import make_private_folder
from niffler_ops.metadata import StoreUnavailableError
from niffler_ops.postprocess.context import Context, context_of
from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.job import Job, Outcome, Processor, Verdict
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.reading import why
from niffler_ops.postprocess.tables import write_tables

Work = Callable[[Job, Context, Fragments, Marker], None]


def run(job: Job) -> Outcome:
    """Do the job; doing it again gives the same.

    Raises CannotWriteError and OSError where nothing can be written, ConfigurationError for wrong settings.
    """
    if job.processor is Processor.COMMAND:
        return _run_command(job)
    if job.processor is Processor.TABLES:
        return _write_tables(job)
    try:
        context = context_of(job.settings)
        fragments = Fragments(job, context.pseudonyms)
        make_private_folder(context.places.output)
        with Marker(context.places.marker(job.processor, job.name, copy=job.copy)) as marker:
            _work_of(job.processor)(job, context, fragments, marker)
        fragments.write()
    except StoreUnavailableError as error:
        return Outcome(verdict=Verdict.LATER, reason=str(error))
    except (CannotWriteError, ConfigurationError):
        raise
    except NifflerError as error:
        return Outcome(verdict=Verdict.FAILED, reason=why(error))
    if fragments.unread:
        reason = (
            f"{fragments.unread} files could not be read (failures.csv says why); they are to be tried again"
        )
        return Outcome(verdict=Verdict.FAILED, reason=reason)
    return Outcome(verdict=Verdict.DONE, files=len(job.files), held=fragments.held)


def _write_tables(job: Job) -> Outcome:
    try:
        write_tables(job.settings)
    except (CannotWriteError, ConfigurationError):
        raise
    except NifflerError as error:
        return Outcome(verdict=Verdict.FAILED, reason=str(error))
    return Outcome(verdict=Verdict.DONE)


def _run_command(job: Job) -> Outcome:
    from niffler_ops.postprocess.command import run_command  # noqa: PLC0415 - a worker imports what it needs

    return run_command(job)


def _work_of(processor: Processor) -> Work:
    """Imported when it is needed: not every worker decodes pixels."""
    if processor is Processor.METADATA:
        from niffler_ops.postprocess.records import store_records  # noqa: PLC0415

        return store_records
    if processor is Processor.PNG:
        from niffler_ops.postprocess.images import draw_images  # noqa: PLC0415

        return draw_images
    from niffler_ops.postprocess.instances import write_instances  # noqa: PLC0415

    return write_instances
