"""Whom the files of a job name, known before the first of them is worked on."""

from pathlib import Path

from niffler_ops.deidentify.writing import learn_file
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.reading import quietly


def learn_people(job: Job, context: Context, marker: Marker) -> None:
    """Text of each file is cleaned of everybody whom any of them names."""
    for path, deadly in marker.each(job.files):
        if not deadly:
            with quietly():
                learn_file(Path(path), context.deidentifier)
