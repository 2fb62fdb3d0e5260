"""Command lines as commons-cli reads them."""

import pytest

from niffler_ops.embedded import findscu, movescu, options, query
from niffler_ops.embedded.options import OptionError

MOVE = ("-c", "A@h:1", "--dest", "D")
BOTH = (
    "The option 'retrieve-timeout-total' was specified but an option from this group has already "
    "been selected: 'retrieve-timeout'"
)
FIND = ("-c", "A@h:1")


def test_return_keys_swallow_every_word_up_to_the_next_option() -> None:
    arguments = options.parse(findscu.OPTIONS, ["-r", "PatientID", "StudyDate", "-L", "STUDY", "f.dcm"])
    assert arguments.values["r"] == ["PatientID", "StudyDate"]
    assert arguments.words == ["f.dcm"]


def test_two_hyphens_save_the_files_from_an_option_that_takes_many_words() -> None:
    arguments = options.parse(findscu.OPTIONS, ["-r", "PatientID", "--", "f.dcm", "-x"])
    assert arguments.words == ["f.dcm", "-x"]


def test_a_swallowed_file_ends_the_run_with_the_part_of_its_name_that_is_no_key() -> None:
    arguments = options.parse(findscu.OPTIONS, [*FIND, "-r", "StudyInstanceUID", "b1.dcm"])
    with pytest.raises(query.QueryError, match=r"^dcm$"):
        findscu.prepare(arguments)


def test_a_file_after_match_keys_vanishes_without_a_word() -> None:
    arguments = options.parse(movescu.OPTIONS, [*MOVE, "-m", "PatientID=P1", "f.dcm"])
    assert (arguments.words, options.pairs(arguments, "m")) == ([], [("PatientID", "P1")])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--no-such-option"], "Unrecognized option: --no-such-option"),
        ([*MOVE, "--response-timeout", "5"], "Unrecognized option: --response-timeout"),
        ([*MOVE, "-X"], "Unrecognized option: -X"),
        (["-c"], "Missing argument for option: c"),
        (["-c", "--dest", "D"], "Missing argument for option: c"),
        (
            ["--retrieve-timeout", "1", "--retrieve-timeout-total", "2"],
            BOTH,
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_the_words_of_commons_cli(argv: list[str], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        options.parse(movescu.OPTIONS, argv)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-c", "A@h:1"], "you must specify a move destination by option --dest"),
        (["--dest", "D"], "Missing required option: c"),
        (["--dest", "D", "-c", "A@h"], "Invalid remote AE title: A@h"),
        (["--dest", "D", "-c", "A@h:70000"], "Invalid port: 70000"),
        ([*MOVE, "-L", "PART"], "unsupported Query/Retrieve Level: PART"),
        ([*MOVE, "-M", "Part"], "unsupported Query/Retrieve Information Model: Part"),
        ([*MOVE, "--retrieve-timeout", "soon"], 'For input string: "soon"'),
    ],
)
def test_a_job_that_cannot_be_done_is_told(argv: list[str], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        movescu.prepare(options.parse(movescu.OPTIONS, argv))
    assert str(raised.value) == message


def test_values_may_be_attached_to_short_and_long_options() -> None:
    arguments = options.parse(movescu.OPTIONS, ["-cA@h:1", "--dest=D", "-mPatientID=P1"])
    assert (arguments.text("c"), arguments.text("dest")) == ("A@h:1", "D")
    assert options.pairs(arguments, "m") == [("PatientID", "P1")]


def test_numbers_are_decimal_or_hexadecimal_with_a_final_h() -> None:
    arguments = options.Arguments(values={"status": ["A700H"], "delay": ["20"]})
    assert (arguments.number("status"), arguments.number("delay"), arguments.number("absent")) == (
        0xA700,
        20,
        0,
    )


def test_the_local_ae_title_may_come_with_host_and_port() -> None:
    given = options.Arguments(values={"b": ["ME@10.0.0.1:104"]})
    local = options.local(given, "")
    assert (local.aet, local.host, local.port) == ("ME", "10.0.0.1", 104)


@pytest.mark.parametrize(
    ("pattern", "first", "thousandth"),
    [
        ("000'.dcm'", "001.dcm", "1000.dcm"),
        ("00000", "00001", "01000"),
        ("'r'0'.x'", "r1.x", "r1000.x"),
    ],
)
def test_result_names_are_numbered_and_grow_beyond_their_digits(
    pattern: str, first: str, thousandth: str
) -> None:
    name = findscu.numbered_name(pattern)
    assert (name.format(1), name.format(1000)) == (first, thousandth)


def test_a_result_name_without_number_is_refused() -> None:
    with pytest.raises(OptionError):
        findscu.numbered_name("'result'")
