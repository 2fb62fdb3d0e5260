"""What a pattern needs is what an instance's reader gives."""

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.headers import read_instance
from niffler_ops.patterns import FilePattern
from tests.support.dicomfiles import encode, image


def test_an_instance_is_filed_by_all_that_its_header_says(tmp_path: Path) -> None:
    request = Dataset()
    request.ScheduledProcedureStepID = "step/1"
    dataset = image(
        RequestAttributesSequence=Sequence([Dataset(), request]),
        StudyDate="20111012",
        ImageType=["ORIGINAL", "PRIMARY"],
        SpecificCharacterSet="ISO_IR 192",
        PatientName="müller",
    )
    file = tmp_path / "instance.dcm"
    file.write_bytes(encode(dataset))
    pattern = FilePattern.parse(
        "{StudyDate,date,yyyy/MM}/{ImageType[1]}_{PatientName,upper}_{Rows,number,0000}/"
        "{00400275[1].00400009}{00400275.00400009,hash}/{00080018}"
    )
    attributes = read_instance(str(file), pattern.keywords).attributes
    assert str(pattern.path(attributes)) == "2011/10/PRIMARY_M%C3%9CLLER_0004/step%2F100000000/1.2.3.4"
