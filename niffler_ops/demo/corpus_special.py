"""The special studies: what an archive holds besides plain images, and ids that try to get out."""

from collections.abc import Iterator
from typing import NamedTuple

from niffler_ops.demo.corpus_objects import (
    big_endian,
    compressed,
    deflated,
    encapsulated_pdf,
    implicit,
    multi_frame,
    presentation_state,
    private_class,
    structured_report,
)
from niffler_ops.demo.corpus_plan import EncodedInstance, Files, StudyPlan
from niffler_ops.demo.corpus_series import image_series

_FIRST_NUMBER = 1001  # whatever the number of plain studies
_THOUSANDS_SERIES, _THOUSANDS_IN_A_SERIES = 4, 500


class Special(NamedTuple):
    """One line of the table: None for an id stands for one of its own."""

    kind: str
    files: Files
    patient_id: str | None = None
    accession_number: str | None = None
    patient_name: str = "INVENTED^SPECIAL"
    charset: str | tuple[str, ...] = "ISO_IR 100"


def thousands(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """2 000 tiny images in four series."""
    for series in range(1, _THOUSANDS_SERIES + 1):
        yield from image_series(plan, "CT", series, count=_THOUSANDS_IN_A_SERIES, rows=8, columns=8)


def two_images(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """Two small images: what matters about the study is its ids or names."""
    yield from image_series(plan, "CT", 1, count=2, rows=16, columns=16)


SPECIAL = (
    Special("thousands", thousands),
    Special("multi-frame", multi_frame),
    Special("compressed", compressed),
    Special("deflated", deflated),
    Special("big-endian", big_endian),
    Special("implicit", implicit),
    Special("structured-report", structured_report),
    Special("encapsulated-pdf", encapsulated_pdf),
    Special("presentation-state", presentation_state),
    Special("private-class", private_class),
    # Three patients under one accession number: asked for by accession alone, all three come.
    *(Special("shared-accession", two_images, accession_number="SHARED01") for _ in range(3)),
    # One order that became three studies.
    *(Special("three-studies", two_images, "NIFFLER-TRIPLE", "TRIPLE01") for _ in range(3)),
    # Ids that would leave a folder, hide in it, or meet another patient's there.
    *(
        Special("hostile-id", two_images, patient_id)
        for patient_id in (
            "../evil",
            "AB/12",
            "",
            "N" * 64,
            "A/B",
            "A_B",
            "..",
            ".hidden",
            "A%2FB",
            "A=B",
            "A B",
        )
    ),
    Special("hostile-accession", two_images, accession_number="../../evil"),
    # Names in Latin-1, UTF-8 and Japanese: "Invented" in each language.
    Special("latin-1-name", two_images, patient_name="ERFUNDEN^JÖRG"),
    Special("utf-8-name", two_images, patient_name="Выдуман^Иван=虚构^小东", charset="ISO_IR 192"),
    Special(
        "japanese-name",
        two_images,
        patient_name="KAKUU^TAROU=架空^太郎=かくう^たろう",
        charset=("", "ISO 2022 IR 87"),
    ),
)


def special_plans(seed: int) -> Iterator[StudyPlan]:
    """Every special study, in the order of the table."""
    for number, special in enumerate(SPECIAL, start=_FIRST_NUMBER):
        own_patient, own_accession = f"NIFFLER-S{number}", f"SPC{number}"
        yield StudyPlan(
            kind=special.kind,
            seed=seed,
            number=number,
            patient_id=own_patient if special.patient_id is None else special.patient_id,
            accession_number=own_accession if special.accession_number is None else special.accession_number,
            patient_name=special.patient_name,
            charset=special.charset,
            files=special.files,
        )
