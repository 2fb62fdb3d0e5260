"""The form has all that a PACS administrator must enter, for each archive."""

from niffler_ops.doctor.form import UNKNOWN_ADDRESS, form
from tests.unit.doctor.conftest import Configure


def test_our_own_entity_and_what_to_allow(configure: Configure) -> None:
    page = form(configure(MoveLanes=3))
    assert page.startswith("For the administrator of PACS@127.0.0.1:104\n")
    for line in ("AE title         QB", "host             127.0.0.1 (", "port             4243"):
        assert line in page
    for service in ("C-ECHO", "C-FIND", "C-MOVE", "C-STORE"):
        assert service in page
    assert "with QB as move destination" in page
    assert "from the archive to QB at 127.0.0.1" in page
    assert "up to 3 associations" in page
    assert "o'clock" not in page


def test_each_archive_has_a_page_with_the_title_it_is_called_by(configure: Configure) -> None:
    other = {"Archive": "OLD@127.0.0.2:104", "CallingAet": "QB2", "MoveLanes": 1}
    first, second = form(configure(SrcAet=["PACS@127.0.0.1:104", other])).split(
        "\n\nFor the administrator of "
    )
    assert "called by QB;" in first
    assert second.startswith("OLD@127.0.0.2:104")
    assert "called by QB2, with QB as move destination" in second
    assert "up to 1 associations" in second


def test_images_that_go_elsewhere(configure: Configure) -> None:
    page = form(configure(DestAet="ELSEWHERE"))
    assert "with ELSEWHERE as move destination" in page
    assert "ELSEWHERE, which is another system" in page
    assert "port  " not in page


def test_hours_are_told_and_an_address_that_cannot_be_found_is_left_to_fill_in(configure: Configure) -> None:
    page = form(
        configure(SrcAet="PACS@no-such-host.invalid:104", NightlyOnly="True", StartHour=19, EndHour=7)
    )
    assert UNKNOWN_ADDRESS in page
    assert "from 19 to 7 o'clock" in page
