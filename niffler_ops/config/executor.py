"""The URL of an executor: where post-processing runs if not in processes of this machine."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from niffler_ops.config.kinds import Kind

LOCAL = "local"
ALLOWED = (
    "`dask://HOST:PORT`, `dask://local` or `slurm://PARTITION`, each with `?workers=N` if wanted, the last"
    " also with `memory`, `walltime` and `account`"
)
MOST_WORKERS = 10_000
_FORMS = {
    "workers": re.compile(r"[1-9][0-9]{0,4}", re.ASCII),
    "memory": re.compile(r"[1-9][0-9]*(?:MB|GB|TB|MiB|GiB|TiB)", re.ASCII),
    "walltime": re.compile(r"(?:[0-9]+-)?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]", re.ASCII),
    "account": re.compile(r"[\w.@-]+", re.ASCII),
}
_OPTIONS = {"dask": ("workers",), "slurm": tuple(_FORMS)}
_PARTITION = re.compile(r"[A-Za-z0-9_][\w.,-]*", re.ASCII)
_HOST = re.compile(r"[\w.:-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Executor:
    """`place` is HOST:PORT of a Dask scheduler, `local`, or a partition of Slurm; `workers` 0: all there are.

    `memory` and `walltime` of a worker, and `account`, are Slurm's own words; "" leaves them to Dask's
    configuration.
    """

    system: Literal["dask", "slurm"]
    place: str
    workers: int = 0
    memory: str = ""
    walltime: str = ""
    account: str = ""

    @property
    def url(self) -> str:
        """What it is called in messages."""
        return f"{self.system}://{self.place}"


def parse_executor(text: str) -> Executor:
    """The executor that a URL names; ValueError says what is allowed."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise ValueError(ALLOWED) from error
    if url.scheme not in _OPTIONS or url.path not in {"", "/"} or url.fragment or "@" in url.netloc:
        raise ValueError(ALLOWED)
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    for name, value in options.items():
        if name not in _OPTIONS[url.scheme] or not _FORMS[name].fullmatch(value):
            raise ValueError(f"{ALLOWED}; `{name}` cannot be {value!r}")
    workers = int(options.pop("workers", 0))
    if workers > MOST_WORKERS:
        raise ValueError(f"{ALLOWED}; at most {MOST_WORKERS} workers")
    if url.scheme == "slurm":
        if not _PARTITION.fullmatch(url.netloc):
            raise ValueError(ALLOWED)
        return Executor(system="slurm", place=url.netloc, workers=workers or 1, **options)
    if url.netloc != LOCAL and not (port and _HOST.fullmatch(url.hostname or "")):
        raise ValueError(ALLOWED)
    return Executor(system="dask", place=url.netloc, workers=workers)


class ExecutorUrl(Kind):
    """Where post-processing runs."""

    allowed = ALLOWED

    def read(self, value: object) -> str:
        """The URL, or "" for processes of this machine."""
        text = value.strip() if isinstance(value, str) else ""
        if text or not isinstance(value, str):
            parse_executor(text)
        return text
