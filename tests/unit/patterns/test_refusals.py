"""What is not understood is refused, with its place; the first character is 1."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.patterns import FilePattern


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "character 1"),
        ("/{00080018}", "character 1: a path below StorageFolder"),
        ("{0020000D}//{00080018}", "character 12"),
        ("{0020000D}/{00080018}/", "character 23"),
        ("{0020000D}/../{00080018}", "character 12: a name must not begin with a dot"),
        ("./{00080018}", "character 1: a name must not begin with a dot"),
        (".niffler/{00080018}", "character 1: a name must not begin with a dot"),
        ("'.'x/{00080018}", "character 2: a name must not begin with a dot"),
        ("{00080018", "character 1: `{` without its counterpart"),
        ("{00080018}}", "character 11: `}` without its counterpart"),
        ("{{00080018}}", "character 1: `{`"),
        ("it's/{00080018}", "character 3: `'` without its counterpart: a quote itself is written `''`"),
        ("x'{00080018}'", "character 3: a brace between quotes"),
        ("a\\b/{00080018}", "character 2"),
        ("a\nb/{00080018}", "character 2"),
        ("'a\\b'/{00080018}", "character 3"),
        ("x" * 200 + "{00080018}", "may exceed 255 bytes"),
        ("{now,date,'" + "x" * 300 + "'}{00080018}", "may exceed 255 bytes"),
        ("/".join("abcdefghijkl") + "/{00080018}", "13 levels are more than 12"),
        ("{00080020,date," + "/".join("yMdHmsyMdHms") + "}/{00080018}", "13 levels are more than 12"),
    ],
)
def test_text_that_is_no_path(pattern: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        FilePattern.parse(pattern)


@pytest.mark.parametrize(
    ("placeholder", "complaint"),
    [
        ("{}", "character 2: `` is not understood"),
        ("{0010 0020}", "character 2: `0010 0020` is not understood"),
        ("{ImageType[x]}", "character 2: `ImageType[x]` is not understood"),
        ("{ImageType[-1]}", "character 2: `ImageType[-1]` is not understood"),
        ("{00400275..00400009}", "character 11: `` is not understood"),
        ("{PatientNam}", "character 2: the DICOM dictionary does not know `PatientNam`; is PatientName"),
        ("{00091001}", "character 2: the DICOM dictionary does not know `00091001`"),
        ("{00400275.PatientI}", "character 11: the DICOM dictionary does not know `PatientI`"),
        ("{00020010}", "character 2: `00020010` is no attribute that every data set has once"),
        ("{7FE00010}", "character 2: the value of `PixelData` is not text"),
        ("{00081115}", "as in ReferencedSeriesSequence.CodeValue"),
        ("{00400275.00400008}", "character 11: the value of `ScheduledProtocolCodeSequence` is not text"),
        ("{PatientID.00400009}", "character 2: `PatientID` is no sequence"),
        ("{ImageComments[0]}", "character 2: `ImageComments` never has more than one value"),
        ("{00080020 ,date,yyyy}", "character 2"),
    ],
)
def test_attributes_that_are_none(placeholder: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        FilePattern.parse(placeholder + "/{00080018}")


@pytest.mark.parametrize(
    ("placeholder", "complaint"),
    [
        ("{PatientID,}", "character 12: `,` is not understood: `,md5`"),
        ("{PatientID,md6}", "character 12: `,md6` is not understood; is md5 meant?"),
        ("{PatientID, md5}", "character 12"),
        ("{PatientID,md5,x}", "character 12: `,md5,x` is not understood: `,md5`"),
        ("{PatientID,Upper}", "is upper meant?"),
        ("{PatientID,uuid}", "character 12: `uuid` is another value each time"),
        ("{PatientID,uid}", "character 12: `uid` is another value each time"),
        ("{rnd}", "character 2: `rnd` is another value each time"),
        ("{rnd,uuid}", "character 2: `rnd` is another value each time"),
        ("{InstanceNumber,choice,0#a|1#b}", "character 17: `choice` is not supported"),
        ("{PatientID,slice}", "character 18: a slice is"),
        ("{PatientID,slice,a}", "character 18: a slice is"),
        ("{PatientID,slice, 3}", "character 18: a slice is"),
        ("{PatientID,slice,1,2,3}", "character 18: a slice is"),
        ("{PatientID,slice,3,0}", "END is not 0"),
        ("{InstanceNumber,offset}", "character 24: an offset is a whole number"),
        ("{InstanceNumber,offset,1.5}", "character 24: an offset is a whole number"),
        ("{PatientID,offset,1}", "character 19: the value of `PatientID` is no whole number"),
        ("{SliceThickness,offset,1}", "the value of `SliceThickness` is no whole number"),
        ("{PatientID,number,0}", "the value of `PatientID` is no number"),
        ("{InstanceNumber,number}", "character 24: a number's format"),
        ("{InstanceNumber,number,integer}", "character 24: a number's format"),
        ("{InstanceNumber,number,0#}", "character 24: a number's format"),
    ],
)
def test_changes_that_are_none(placeholder: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        FilePattern.parse(placeholder + "/{00080018}")


@pytest.mark.parametrize(
    ("placeholder", "complaint"),
    [
        ("{PatientID,date,yyyy}", "character 12: the value of `PatientID` is no date or time"),
        ("{StudyDate,date}", "character 17: a format is needed"),
        ("{StudyDate,date,}", "character 17: a format is needed"),
        ("{StudyDate,date,short}", "character 17: a format is needed"),
        ("{StudyDate,date,YYYYMMdd}", "character 17: `Y` depends on the machine's language; `y` is the year"),
        ("{StudyDate,date,yyyy-ww}", "character 22: `w` depends on the machine's language"),
        ("{StudyTime,time,HHmmZ}", "character 21: `Z` a time zone"),
        ("{StudyDate,date,yyyyQ}", "character 21: `Q` is no letter of date formats; text is quoted: 'Q'"),
        ("{StudyDate,date,yyyy'T}", "character 21: `'` without its counterpart"),
        ("{StudyDate,date-1M,yyyy}", "is not understood; is date meant?"),
        ("{StudyDate,date-P1X,yyyy}", "character 16: `-P1X` is no shift"),
        ("{StudyDate,date+PT1H,yyyy}", "character 16: `+PT1H` is no shift"),
        ("{StudyDate,time+P1M,yyyy}", "character 16: `+P1M` is no shift"),
        ("{StudyDate,time+P,yyyy}", "character 16: `+P` is no shift"),
        ("{StudyDate,time+P9999999999D,yyyy}", "is no shift"),
        ("{StudyDate,date+P999999999W,yyyy}", "is no shift"),
        ("{StudyDate,date,yyyy//MM}", "character 12: a name is missing"),
        ("{now}", "character 6: `now` needs a format, as in `{now,date,yyyyMMdd}`"),
        ("{now,yyyy}", "character 6: `now` needs a format"),
        ("{now,date}", "character 11: a format is needed"),
        ("{now,date,yyyyX}", "character 15: `X`"),
        ("{nowhere,date,yyyy}", "the DICOM dictionary does not know `nowhere`"),
    ],
)
def test_dates_that_are_none(placeholder: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        FilePattern.parse(placeholder + "/{00080018}")


@pytest.mark.parametrize(
    "pattern",
    [
        "{00100020}/{0020000D}/image.dcm",
        "{0020000D}/{00080018,hash}",
        "{0020000D}/{00080018,slice,2}",
        "{0020000D}/{00080018,upper}",
        "{0020000D}/{00080018[0]}",
        "{0020000D}/{00081115.00080018}",
    ],
)
def test_patterns_that_cannot_tell_instances_apart(pattern: str) -> None:
    with pytest.raises(ValueError, match="cannot tell instances apart"):
        FilePattern.parse(pattern)


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ("{00100020}{00080018}", 2),
        ("{00100020}x{00080018}", 2),
        ("{00100020}{0020000D,md5}_{00080018}", 2),
        ("a-{00100020,upper}{00080018}", 4),
        ("{00100020,slice,3}{00080018}", 2),
        ("{00200013,offset,3}{00080018}", 2),
        ("{00080020,date,d}{00080018}", 2),
        ("{00080020,date,MMMM}{00080018}", 2),
        ("{00080020,date,yyy}{00080018}", 2),
        ("{00100020}{now,date,-yyyy-}{00080018}", 2),
    ],
)
def test_values_that_could_not_be_told_apart(pattern: str, position: int) -> None:
    with pytest.raises(ValueError, match=rf"character {position}: .* cannot be told apart"):
        FilePattern.parse(pattern)


@given(st.text("{}[],./'0020D18ySMdhash md5now,date slice-1%", max_size=40) | st.text(max_size=20))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for pattern in (text, f"{{{text}}}/{{00080018}}", f"{{00080020,date,{text}}}/{{00080018}}"):
        try:
            FilePattern.parse(pattern)
        except ValueError as error:
            assert re.search(r"character [1-9]|levels|instances", str(error))  # noqa: PT017
