"""A folder of invented studies, for demonstrations, tests and trying a configuration out.

`python -m niffler_ops.demo.corpus FOLDER` writes one; the same seed gives the same bytes.
"""

import argparse
import csv
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.demo.corpus_plan import EncodedInstance, StudyPlan
from niffler_ops.demo.corpus_series import image_series
from niffler_ops.demo.corpus_special import special_plans
from niffler_ops.errors import CannotWriteError, NifflerError

_PLAIN = (("CT", 4), ("MR", 3), ("CR", 5))  # and the side of their images, in quarters of a CT's
_MOST_SERIES = 3
_COLUMNS = {
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
    "StudyDate": "study_date",
    "StudyInstanceUID": "study_instance_uid",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusInstance:
    """One file; `sha256` is that of its bytes."""

    sop_instance_uid: str
    series_instance_uid: str
    path: Path
    sha256: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusStudy:
    """One study; `kind` is "plain", or what the special study is for."""

    kind: str
    patient_id: str
    accession_number: str
    study_date: str
    study_instance_uid: str
    instances: tuple[CorpusInstance, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """What was written."""

    studies: tuple[CorpusStudy, ...]


def write_corpus(
    folder: Path,
    *,
    studies: int = 20,
    seed: int = 1,
    special: bool = False,
    instances: int = 10,
    rows: int = 256,
) -> Corpus:
    """Write `studies` plain studies of `instances` images each, and the `special` ones, below `folder`.

    Images are square: CT has `rows` rows, MR and CR three and five quarters of them.
    """
    plans = list(_plain_plans(studies, seed, instances, rows))
    if special:
        plans += special_plans(seed)
    return Corpus(studies=tuple(_write_study(plan, folder) for plan in plans))


def write_csv(
    corpus: Corpus,
    path: Path,
    columns: Sequence[str] = ("PatientID", "AccessionNumber"),
    *,
    kinds: Sequence[str] | None = None,
) -> None:
    """A CSV that asks for every study, or those of `kinds`, by `columns` (DICOM keywords)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for study in corpus.studies:
            if kinds is None or study.kind in kinds:
                writer.writerow([getattr(study, _COLUMNS[column]) for column in columns])


def _plain_plans(studies: int, seed: int, instances: int, rows: int) -> Iterator[StudyPlan]:
    """CT, MR and CR studies in turn, then the same with one series more."""

    def files(plan: StudyPlan) -> Iterator[EncodedInstance]:
        turn, place = divmod(plan.number - 1, len(_PLAIN))
        modality, quarters = _PLAIN[place]
        side = max(1, rows * quarters // 4)
        series = min(instances, turn % _MOST_SERIES + 1)
        for number in range(1, series + 1):
            count = instances // series + (number <= instances % series)
            yield from image_series(plan, modality, number, count=count, rows=side, columns=side)

    for number in range(1, studies + 1):
        yield StudyPlan(
            kind="plain",
            seed=seed,
            number=number,
            patient_id=f"NIFFLER-{number:04d}",
            accession_number=f"ACC{number:04d}",
            patient_name=f"INVENTED^PATIENT {number}",
            files=files,
        )


def _write_study(plan: StudyPlan, folder: Path) -> CorpusStudy:
    """Write the files of a study into a folder of its own, named by nothing that is in them."""
    place = folder / f"{plan.number:04d}-{plan.kind}"
    place.mkdir(parents=True, exist_ok=True)
    instances = []
    for number, instance in enumerate(plan.files(plan), start=1):
        path = place / f"{number:04d}.dcm"
        path.write_bytes(instance.content)
        instances.append(
            CorpusInstance(
                sop_instance_uid=instance.sop_instance_uid,
                series_instance_uid=instance.series_instance_uid,
                path=path,
                sha256=hashlib.sha256(instance.content).digest(),
            )
        )
    return CorpusStudy(
        kind=plan.kind,
        patient_id=plan.patient_id,
        accession_number=plan.accession_number,
        study_date=plan.study_date,
        study_instance_uid=plan.uid(),
        instances=tuple(instances),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m niffler_ops.demo.corpus", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that is new or empty")
    parser.add_argument("--studies", type=int, default=20, help="plain studies (default 20)")
    parser.add_argument("--instances", type=int, default=10, help="images in each of them (default 10)")
    parser.add_argument("--special", action="store_true", help="also what makes archives difficult")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other studies (default 1)")
    parser.add_argument("--csv", type=Path, help="write a CSV that asks for all of them")
    options = parser.parse_args(arguments)
    try:
        corpus = _write_new(options)
    except NifflerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    count = sum(len(study.instances) for study in corpus.studies)
    sys.stdout.write(f"{len(corpus.studies)} studies, {count} instances in {options.folder}\n")
    return 0


def _write_new(options: argparse.Namespace) -> Corpus:
    """Write what the command line asks for, never among files of somebody else."""
    try:
        if options.folder.exists() and any(options.folder.iterdir()):
            raise CannotWriteError(f"{options.folder} is not empty: name a folder that is new or empty")
        corpus = write_corpus(
            options.folder,
            studies=options.studies,
            seed=options.seed,
            special=options.special,
            instances=options.instances,
        )
        if options.csv:
            write_csv(corpus, options.csv)
    except OSError as error:
        raise CannotWriteError(f"cannot write {error.filename}: {error.strerror}") from error
    return corpus


if __name__ == "__main__":
    sys.exit(main())
