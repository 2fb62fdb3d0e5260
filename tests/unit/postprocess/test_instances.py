"""Files become DICOM files without identity, those that may be passed on."""

from pathlib import Path
from typing import Any

from pydicom import dcmread

from niffler_ops.postprocess.job import Outcome, Processor, Verdict
from tests.support.processes import KILLED, run_python
from tests.unit.postprocess.workplace import Workplace

DIES = """
    import sys
    from niffler_ops.postprocess.worker import main
    main(sys.argv[1:])
"""


def deidentify(place: Workplace, *files: str, **settings: Any) -> Outcome:
    outcome = place.run(Processor.DEIDENTIFY, *files, **settings)
    place.run(Processor.TABLES, **settings)
    return outcome


def test_every_instance_has_a_file_under_its_pseudonyms(place: Workplace) -> None:
    files = [place.instance(n) for n in (1, 2)]
    assert deidentify(place, *files) == Outcome(verdict=Verdict.DONE, files=2)
    written = [dcmread(place.output / name) for name in place.made(".dcm")]
    assert place.made(".dcm") == sorted(
        f"dicom/{one.StudyInstanceUID}/{one.SeriesInstanceUID}/{one.SOPInstanceUID}.dcm" for one in written
    )
    assert {one.PixelData for one in written} == {dcmread(files[0]).PixelData}
    assert {one.PatientIdentityRemoved for one in written} == {"YES"}
    assert "P1" not in {one.PatientID for one in written}


def test_the_same_instance_has_one_pseudonym_in_files_pictures_and_records(place: Workplace) -> None:
    file = place.instance(1)
    for processor in (Processor.PNG, Processor.METADATA):
        place.run(processor, file)
    deidentify(place, file)
    (dicom,) = place.made(".dcm")
    (png,) = place.made(".png")
    (line,) = place.table("metadata")
    assert Path(dicom).stem == Path(png).stem.partition("-")[0] == line["SOPInstanceUID"]
    pseudonyms = [row["pseudonym"] for row in place.table("linking") if row["attribute"] == "SOPInstanceUID"]
    assert pseudonyms == [line["SOPInstanceUID"]]


def test_what_may_not_be_passed_on_is_held_with_its_rule(place: Workplace) -> None:
    files = [place.instance(1), place.instance(2, BurnedInAnnotation="YES")]
    assert deidentify(place, *files) == Outcome(verdict=Verdict.DONE, files=2, held=1)
    (failure,) = place.table("failures")
    assert (failure["processor"], failure["rule"]) == ("deidentify", "burned-in-annotation")
    assert failure["SOPInstanceUID"].startswith("2.25.")
    assert ":" not in failure["rule"]
    assert len(place.made(".dcm")) == 1


def test_a_sites_own_devices_are_looked_for(place: Workplace, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe"
    recipe.write_text(
        "FORMAT dicom\n\n%filter graylist\n\nLABEL ours\ncontains Manufacturer ACME\n  coordinates 0,0,6,1\n"
    )
    file = place.instance(1, Manufacturer="ACME")
    assert deidentify(place, file, device_recipes=str(recipe)).held == 0
    (name,) = place.made(".dcm")
    pixels = dcmread(place.output / name).pixel_array
    assert not pixels[0].any()
    assert pixels[1:].any()


def test_half_a_file_of_a_worker_that_was_killed_does_not_stay(place: Workplace) -> None:
    file = place.instance(1)
    deidentify(place, file)
    path = place.private / "1.job"
    path.write_bytes(place.job(Processor.DEIDENTIFY, file).written())
    assert run_python(DIES, path, NIFFLER_FAILPOINT="rename-before").returncode == KILLED
    assert len(list(place.output.rglob(".*.part"))) == 1
    deidentify(place, file)
    assert list(place.output.rglob(".*")) == []


def test_a_file_that_is_held_now_is_not_left_from_before(place: Workplace) -> None:
    deidentify(place, place.instance(1))
    assert len(place.made(".dcm")) == 1
    deidentify(place, place.instance(1, BurnedInAnnotation="YES"))
    assert place.made(".dcm") == []
