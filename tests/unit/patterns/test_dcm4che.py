"""Results that dcm4che 5.35.0's AttributesFormat gave for the same pattern and values (language en-US, UTC).

5.22.5 gave the same, except that it does not know `upper`, `slice` and shifts.
"""

import pytest

from niffler_ops.patterns import FilePattern

VALUES = {
    "StudyDate": "20111012",
    "StudyTime": "093005.123",
    "AcquisitionDateTime": "20240102030405.678",
    "PatientID": "123456789",
    "PatientName": "Simson^Homer",
    "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
    "SeriesNumber": "1",
    "InstanceNumber": "2",
    "SliceThickness": "2.50",
    "SliceLocation": "-12.345",
    "Rows": "512",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "SOPInstanceUID": "1.2.3.4.5",
    "StudyDescription": "AB-12 xé+ß~",
    "00400275[0]/00400009": "SPS1\\SPS2",
}


def path(pattern: str, **values: str) -> str:
    return str(FilePattern.parse(pattern).path(VALUES | values))


def changed(placeholder: str, **values: str) -> str:
    """What becomes of one placeholder."""
    return path(placeholder + "/{00080018}", **values).removesuffix("/1.2.3.4.5")


@pytest.mark.parametrize(
    ("pattern", "result"),
    [
        (
            "{00080020,date,yyyy/MM/dd}/{00080030,time,HH}/{0020000D,hash}/{0020000E,hash}/{00080008[1]}/{00080018}.dcm",
            "2011/10/12/09/02C82A3A/71668980/PRIMARY/1.2.3.4.5.dcm",
        ),
        (
            "{00080020,date,yyyy/MM/dd}/{00080030,time,HH}/{0020000D,hash}/{0020000E,hash}/{00080018,md5}.dcm",
            "2011/10/12/09/02C82A3A/71668980/08vpsu2l2shpb0kc3orpgfnhv0.dcm",
        ),
        (
            "{00080020,date-P1M,yyyy/MM/dd}/{00080030,time+PT30M,HH/mm}/{00080018}",
            "2011/09/12/10/00/1.2.3.4.5",
        ),
        ("it''s/{00080018}", "it's/1.2.3.4.5"),
        ("'a''b'{00080018}", "a'b1.2.3.4.5"),
        ("''''{00080018}", "''1.2.3.4.5"),
        ("'''a'{00080018}", "'a1.2.3.4.5"),
        ("''a''{00080018}", "'a'1.2.3.4.5"),
        ("'a/b'{00080018}", "a/b1.2.3.4.5"),
    ],
)
def test_a_whole_pattern(pattern: str, result: str) -> None:
    assert path(pattern) == result


@pytest.mark.parametrize(
    ("placeholder", "result"),
    [
        ("{00400275.00400009[0]}", "SPS1"),
        ("{RequestAttributesSequence.ScheduledProcedureStepID[1]}", "SPS2"),
        ("{00080008[0]}", "ORIGINAL"),
        ("{00080008[2],upper}", "AXIAL"),
        ("{00080008[1],hash}", "180899E2"),
        ("{00080008[0],md5}", "00vn1f7s60kq704u09bd8glol6"),
        ("{00100020,slice,3}", "456789"),
        ("{00100020,slice,+3}", "456789"),
        ("{00100020,slice,0}", "123456789"),
        ("{00100020,slice,3,6}", "456"),
        ("{00100020,slice,-3}", "789"),
        ("{00100020,slice,-6,-3}", "456"),
        ("{00100020,slice,-20,-8}", "1"),
        ("{00100010,upper}", "SIMSON^HOMER"),
        ("{00200011,offset,100}", "101"),
        ("{00200013,offset,-1}", "1"),
        ("{00200013,offset,+5}", "7"),
        ("{00280010,offset,1}", "513"),
        ("{00201041,number,0}", "-12"),
        ("{00201041,number,000}", "-012"),
        ("{00201041,number,0.00}", "-12.35"),
        ("{00201041,number,0.0#}", "-12.35"),
        ("{00180050,number,0}", "2"),
        ("{00180050,number,#}", "2"),
        ("{00180050,number,0.0000}", "2.5000"),
        ("{SliceLocation,hash}", "A2EC2714"),
        ("{00080020,date,yy-M-d}", "11-10-12"),
        ("{00080020,date,y}", "2011"),
        ("{00080020,date,yyy}", "2011"),
        ("{00080020,date,yyyyy}", "02011"),
        ("{00080020,date,MMM}", "Oct"),
        ("{00080020,date,MMMM}", "October"),
        ("{00080020,date,LLL}", "Oct"),
        ("{00080020,date,EEE}", "Wed"),
        ("{00080020,date,EEEE}", "Wednesday"),
        ("{00080020,date,E_u_F_D_DDD_G_GGGG}", "Wed_3_2_285_285_AD_AD"),
        ("{00080020,date,'T'yyyy''MM}", "T2011%2710"),
        ("{00080020,date,yyyy'year'}", "2011year"),
        ("{00080020,date,yyyy,MM}", "2011,10"),
        ("{00080020,date,HHmmss}", "000000"),
        ("{00080020,time,yyyy}", "2011"),
        ("{00080030,time,HHmmssSSS}", "093005123"),
        ("{00080030,time,H_h_K_k_m_s_S_SS_a}", "9_9_9_9_30_5_123_123_AM"),
        ("{00080030,date,yyyyMMdd}", "19700101"),
        ("{0008002A,date,yyyyMMddHHmmss}", "20240102030405"),
        ("{00080020,date-P1Y2M3D,yyyy/MM/dd}", "2010/08/09"),
        ("{00080020,date+P2W,yyyyMMdd}", "20111026"),
        ("{00080020,dateP1D,yyyyMMdd}", "20111013"),
        ("{00080020,date-P-1D,yyyyMMdd}", "20111013"),
        ("{00080030,time-PT10H,HHmm}", "2330"),
        ("{00080030,time+P1DT1S,dd-HHmmss}", "02-093006"),
    ],
)
def test_a_placeholder(placeholder: str, result: str) -> None:
    assert changed(placeholder) == result


@pytest.mark.parametrize(
    ("placeholder", "value", "result"),
    [
        ("{00081030,hash}", "😀", "001B0D63"),
        ("{00081030,hash}", "日本", "000CBDE7"),
        ("{00081030,hash}", "AB/12 x*é+ß~", "47E84F84"),
        ("{00081030,md5}", "日本", "001hn2ta6nktb0cmp8g2l9v6h3"),
        ("{00081030,upper}", "straße", "STRASSE"),
        ("{00081030,urlencoded}", "日 本", "%E6%97%A5+%E6%9C%AC"),
        ("{00081030,urlencoded}", "A+B C/D~", "A%2BB+C%2FD%7E"),
    ],
)
def test_text_of_all_kinds(placeholder: str, value: str, result: str) -> None:
    assert changed(placeholder, StudyDescription=value) == result


@pytest.mark.parametrize(
    ("pattern", "value", "result"),
    [
        ("#", "0.4", "0"),
        ("#", "0", "0"),
        ("0", "0.5", "0"),
        ("0", "1.5", "2"),
        ("0", "-0.4", "-0"),
        ("0.00", "1.005", "1.00"),
        ("0.00", "1746", "1746.00"),
        ("0.0#", "-662", "-662.0"),
        ("000.0#", "1e1", "010.0"),
    ],
)
def test_numbers(pattern: str, value: str, result: str) -> None:
    assert changed(f"{{00180050,number,{pattern}}}", SliceThickness=value) == result


@pytest.mark.parametrize(
    ("placeholder", "value", "result"),
    [
        ("{00080020,date,yyyyMMdd}", "2011.10.12", "20111012"),
        ("{00080020,date,yyyyMMdd}", "2011-10-12", "20111012"),
        ("{00080020,date,yyyyMMdd}", "00010101", "00010101"),
        ("{00080020,date-P1M,yyyyMMdd}", "20240331", "20240229"),
        ("{00080020,date+P1Y,yyyyMMdd}", "20240229", "20250228"),
        ("{00080020,date+P1Y1M1D,yyyyMMdd}", "20240229", "20250329"),
        ("{00080030,time,HHmmssSSS}", "09", "090000000"),
        ("{00080030,time,HHmmssSSS}", "0930", "093000000"),
        ("{00080030,time,HHmmssSSS}", "09:30", "093000000"),
        ("{00080030,time,HHmmssSSS}", "093000.1", "093000100"),
        ("{00080030,time,HHmmssSSS}", "093060", "093100000"),
        ("{00080030,time,H_h_K_k_a}", "0005", "0_12_0_24_AM"),
        ("{00080030,time,H_h_K_k_a}", "1205", "12_12_0_12_PM"),
        ("{0008002A,date,yyyyMMddHHmmssSSS}", "2024", "20240101000000000"),
        ("{0008002A,date,yyyyMMddHHmmssSSS}", "202402", "20240201000000000"),
        ("{0008002A,date,yyyyMMddHHmmssSSS}", "2024010203", "20240102030000000"),
    ],
)
def test_dates_and_times(placeholder: str, value: str, result: str) -> None:
    assert changed(placeholder, StudyDate=value, StudyTime=value, AcquisitionDateTime=value) == result
