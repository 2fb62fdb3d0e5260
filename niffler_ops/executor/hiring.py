"""From the URL of an executor to those who do the jobs."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from niffler_ops.config.executor import parse_executor
from niffler_ops.errors import ConfigurationError
from niffler_ops.executor.task import FOLDER
from niffler_ops.files import remove_folder
from niffler_ops.postprocess.crew import Hire, Site, Workforce, here

PACKAGES = ("distributed", "dask_jobqueue", "cryptography")


@contextmanager
def hiring(url: str, *, workers: int | None, one_machine: bool) -> Iterator[Hire]:
    """Who does the jobs while this lasts: `workers` of this machine where there is no URL.

    `one_machine`: the jobs may not be done on several. Raises ConfigurationError for a wrong URL or without
    Dask; the Hire raises UnavailableError where nobody is there, ConfigurationError where they cannot work.
    """
    number = workers or os.cpu_count() or 1
    if not url:
        yield lambda site: _here_alone(number, site)
        return
    try:
        executor = parse_executor(url)
    except ValueError as error:
        raise ConfigurationError(f"Executor {url!r}: allowed: {error}") from None
    for package in PACKAGES:
        if find_spec(package) is None:
            raise ConfigurationError(
                f"Executor {executor.url}: this needs the package {package}, which is not installed:"
                " pip install 'niffler-ops[dask]', here and where the workers run"
            )
    # Dask is optional, and its import takes half a second.
    from niffler_ops.executor.connecting import connect  # noqa: PLC0415
    from niffler_ops.executor.remote import RemoteCrew  # noqa: PLC0415

    with ExitStack() as stack:

        def hire(site: Site) -> Workforce:
            pool = stack.enter_context(connect(executor, workers=number, shared=site.shared))
            return RemoteCrew(pool, site, one_machine=one_machine)

        yield hire


def _here_alone(workers: int, site: Site) -> Workforce:
    """This machine's workers; those of others that a killed run has left see that they may stop."""
    remove_folder(site.shared / FOLDER)
    return here(workers)(site)
