"""Pixels to pictures: a PNG for each frame, named by pseudonyms, with its lines of mapping and metadata."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Literal

from pydicom import Dataset, dcmread

from niffler_ops.errors import ORDERLY_ENDS, CannotWriteError
from niffler_ops.files import refuse_links, sync_file_system
from niffler_ops.metadata import read_facts
from niffler_ops.metadata.values import Facts
from niffler_ops.png import (
    Aspect,
    Frame,
    Limits,
    Rendering,
    Scaling,
    Spread,
    Values,
    frames_of,
    spread_of,
)
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.duplicates import Instances
from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.job import Job, Settings
from niffler_ops.postprocess.marker import Marker
from niffler_ops.postprocess.merging import Row
from niffler_ops.postprocess.outputs import Folders, write_output
from niffler_ops.postprocess.people import learn_people
from niffler_ops.postprocess.reading import DEADLY, DIED, quietly, why

SCALINGS = {
    "full": Scaling.FULL,
    "image": Scaling.IMAGE_PERCENTILES,
    "series": Scaling.SERIES_PERCENTILES,
}


def draw_images(job: Job, context: Context, fragments: Fragments, marker: Marker) -> None:
    """Draw every frame of every file; a file that cannot be drawn is held."""
    settings = job.settings
    _ = context.deidentifier, context.columns  # what is wrong with the settings is no file's fault
    learn_people(job, context, marker)
    rendering = _rendering(settings)
    by_series = rendering.scaling is Scaling.SERIES_PERCENTILES
    limits = _limits_of_series(job, rendering, marker) if by_series else {}
    folders = Folders(context.places.images, level=settings.flatten, most=settings.files_per_folder)
    drawing = _Drawing(context, fragments, folders, rendering, limits)
    for path, deadly in marker.each(job.files):
        if deadly:
            fragments.hold(path, rule=DEADLY, reason=DIED)
            continue
        with quietly():
            drawing.draw(path)
    if drawing.drawn:
        sync_file_system(context.places.images)


def _limits_of_series(job: Job, rendering: Rendering, marker: Marker) -> dict[str, Limits]:
    """Black and white of each series, by its UID; what cannot be read has no part in it."""
    spreads: dict[str, Spread] = {}
    for path, deadly in marker.each(job.files):
        if deadly:
            continue
        try:
            with quietly(), Path(path).open("rb") as stream:
                header = dcmread(stream, stop_before_pixels=True)
                series = str(header.SeriesInstanceUID)
                spreads[series] = spreads.get(series, Spread()) + spread_of(header, stream)
        except ORDERLY_ENDS:
            raise
        except BaseException:  # noqa: BLE001, S112 - it is told of when it is drawn
            continue
    return {series: spread.limits(*rendering.percentiles) for series, spread in spreads.items()}


def _rendering(settings: Settings) -> Rendering:
    bits: Literal[8, 16] = 16 if settings.bits == 16 else 8  # noqa: PLR2004 - bits
    return Rendering(
        bits=bits,
        values=Values(settings.values),
        scaling=SCALINGS[settings.scaling],
        aspect=Aspect(settings.aspect),
    )


class _Drawing:
    """The pictures of one job."""

    def __init__(
        self,
        context: Context,
        fragments: Fragments,
        folders: Folders,
        rendering: Rendering,
        limits: Mapping[str, Limits],
    ) -> None:
        self._context = context
        self._fragments = fragments
        self._folders = folders
        self._rendering = rendering
        self._limits = limits
        self._instances = Instances(fragments)
        self._lines: set[str] = set()
        self._pictures: set[Path] = set()

    @property
    def drawn(self) -> bool:
        """Whether there are any."""
        return bool(self._pictures)

    def draw(self, path: str) -> None:
        """All frames of a file, or a line in failures.csv."""
        facts: Facts = {}
        try:
            with Path(path).open("rb") as stream:
                header = dcmread(stream, stop_before_pixels=True)
                clean = self._context.deidentifier.dataset(header)
                self._fragments.link(clean.links)
                facts = read_facts(clean.dataset, self._context.columns)
                if not self._instances.take(str(facts["SOPInstanceUID"]), path):
                    return
                if self._context.settings.draw:
                    self._frames(path, facts, header, stream)
        except (*ORDERLY_ENDS, CannotWriteError):
            raise
        except BaseException as error:  # noqa: BLE001 - one file is never the end of its study
            uid = str(facts.get("SOPInstanceUID", ""))
            self._instances.give_back(uid)
            self._fragments.hold_bad(path, why(error), sop_instance_uid=uid)
        self._add_line(facts)

    def _add_line(self, facts: Facts) -> None:
        uid = str(facts.get("SOPInstanceUID", ""))
        if uid and uid not in self._lines:
            self._lines.add(uid)
            self._fragments.add("metadata", self._context.columns.select(facts))

    def _frames(self, path: str, facts: Facts, header: Dataset, stream: BinaryIO) -> None:
        blank = self._context.deidentifier.held_or_regions(header)
        if isinstance(blank, str):
            rule, _, reason = blank.partition(": ")
            uid = str(facts["SOPInstanceUID"])
            self._fragments.hold(path, rule=rule, reason=reason, sop_instance_uid=uid)
            return
        limits = self._limits.get(str(header.get("SeriesInstanceUID", "")))
        self._write(facts, frames_of(header, stream, self._rendering, blank=blank, limits=limits))

    def _write(self, facts: Facts, frames: Iterator[Frame]) -> None:
        uid, study = str(facts["SOPInstanceUID"]), str(facts["StudyInstanceUID"])
        patient, series = str(facts.get("PatientID", "unknown")), str(facts["SeriesInstanceUID"])
        for frame in frames:
            name = f"{uid}-{frame.number:05d}.png"
            path = self._folders.take(patient, study, series) / name
            refuse_links(path.parent, below=self._context.places.output)
            write_output(path, frame.parts)
            if path not in self._pictures:  # it is, where an earlier file of the instance was cut short
                self._pictures.add(path)
                self._fragments.made(path)
                self._fragments.add("mapping", self._row(path, uid, frame))

    def _row(self, path: Path, uid: str, frame: Frame) -> Row:
        place = path.relative_to(self._context.places.output)
        return {"png": str(place), "SOPInstanceUID": uid, "frame": frame.number, **asdict(frame.facts)}
