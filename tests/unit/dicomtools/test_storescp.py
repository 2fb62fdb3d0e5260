"""storescp is told to accept everything, and its digested names can be computed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.storescp import STAGING_PATTERN, staging_name, storescp_arguments
from niffler_ops.model import LocalEntity


def test_storescp_accepts_every_sop_class_and_writes_digested_names() -> None:
    arguments = storescp_arguments(
        local=LocalEntity(aet="QBNIFFLER", port=4243), directory=Path("/data/incoming")
    )
    assert arguments == [
        *("-b", "QBNIFFLER:4243"),
        "--accept-unknown",
        *("--directory", "/data/incoming"),
        *("--filepath", "{0020000D,md5}/{00080018,md5}.dcm"),
    ]
    assert STAGING_PATTERN in arguments


@pytest.mark.parametrize(
    ("uid", "name"),
    [  # study and instance UIDs of the transcripts, and what both releases of storescp made of them
        ("2.25.661254683638640354718136968530857838", "0g1s4ohqeuq130o6rgegmo3tk1"),
        ("2.25.187225396761588902123620996700847295", "00sp9v8jfqcd80g7mjsss13i10"),
        ("2.25.942604517435199253319215966939913255", "00hm4r66gtkj20kt7h8834g753"),
        ("2.25.376514866545244501762564378002329723", "0goubcsld1dqb08gqqrleumhi0"),
        ("2.25.1326939876846094758567142760899846567", "08en8emu1qai00k7284ft22541"),
    ],
)
def test_staging_names_are_those_of_dcm4che(uid: str, name: str) -> None:
    assert staging_name(uid) == name


@given(st.text())
def test_a_staging_name_is_always_26_harmless_characters(uid: str) -> None:
    name = staging_name(uid.encode("utf-8", "replace").decode())
    assert len(name) == 26
    assert set(name) <= set("0123456789abcdefghijklmnopqrstuv")
