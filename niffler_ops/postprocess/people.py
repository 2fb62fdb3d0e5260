"""Whom the files of a job name, known before the first of them is worked on."""

from collections.abc import Iterator
from pathlib import Path

from pydicom.dataset import Dataset

from niffler_ops.deidentify.writing import learn_file
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.reading import quietly


def learn_people(job: Job, context: Context, marker: Marker) -> None:
    """Text of each file is cleaned of everybody whom any of them names."""
    for _ in learned_headers(job, context, marker):
        pass


def learned_headers(job: Job, context: Context, marker: Marker) -> Iterator[tuple[str, Dataset]]:
    """The same; gives the path and the header of each file that can be read."""
    for path, deadly in marker.each(job.files):
        if deadly:
            continue
        with quietly():
            header = learn_file(Path(path), context.deidentifier)
        if header is not None:
            yield path, header
