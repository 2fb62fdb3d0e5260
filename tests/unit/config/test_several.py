"""Keys that hold several values, those of post-processing among them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.config import Config
from niffler_ops.config.kinds import Kind
from niffler_ops.config.postprocessing import DEFAULT_OPTIONS, PROCESSORS
from niffler_ops.config.several import Several, Words

Problems = Callable[..., tuple[str, ...]]
Attributes = Callable[..., Config]

QUERY = {"ExtractionType": "accession", "AccessionIndex": 0}
COLOURS = Several("Red", "DarkBlue", empty=("Red",))


@pytest.fixture
def processing(configured: Attributes) -> Attributes:
    """A whole configuration with these keys."""
    return lambda **keys: configured(QUERY | keys)


@pytest.fixture
def refused(problems: Problems) -> Problems:
    """What is wrong with a configuration that has these keys."""
    return lambda **keys: problems(QUERY | keys)


def not_allowed(kind: Kind, value: Any) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is looked at
        kind.read(value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["Red"], ("Red",)),
        (["DarkBlue", "Red"], ("DarkBlue", "Red")),
        ([" darkblue "], ("DarkBlue",)),
        (["red", "RED", "Red"], ("Red",)),
        ("Red", ("Red",)),
        ("darkblue, red", ("DarkBlue", "Red")),
        ("red,,", ("Red",)),
        ([], ()),
        ("", ("Red",)),
        ({}, ("Red",)),
    ],
)
def test_words_come_in_our_spelling_each_once_and_in_their_order(value: Any, words: tuple[str, ...]) -> None:
    assert COLOURS.read(value) == words


def test_blanks_are_as_good_as_nothing() -> None:
    assert COLOURS.read("  ") == COLOURS.read("")


@pytest.mark.parametrize("value", [1, True, None, ["Red", 1], [["Red"]], {"Red": 1}, ["green"], [""], "pink"])
def test_what_is_none_of_the_words_is_refused_with_all_that_are(value: Any) -> None:
    assert not_allowed(COLOURS, value).startswith("a list out of `Red`, `DarkBlue`")


@pytest.mark.parametrize("value", [["DarkBleu"], "red,darkbleu"])
def test_a_misspelt_word_has_the_likely_one_beside(value: Any) -> None:
    assert not_allowed(COLOURS, value).endswith("; `DarkBlue` is probably meant")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["/opt/convert"], ("/opt/convert",)),
        (["/opt/convert", "--fast", "", "a b", "$HOME"], ("/opt/convert", "--fast", "", "a b", "$HOME")),
        ('["/opt/convert", "--fast"]', ("/opt/convert", "--fast")),
        ([], ()),
        ("", ()),
    ],
)
def test_a_command_is_a_list_of_words(value: Any, words: tuple[str, ...]) -> None:
    assert Words().read(value) == words


@pytest.mark.parametrize(
    "value",
    [
        "/opt/convert --fast",
        '"/opt/convert"',
        "[",
        ["convert"],
        ["./convert"],
        [""],
        [1],
        ["/opt/convert", 1],
        ["/opt/convert\0"],
        {"/opt/convert": 1},
        5,
        None,
    ],
)
def test_what_is_no_command_is_refused(value: Any) -> None:
    assert not_allowed(Words(), value).startswith("a list of words such as ")


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("sqlite:////data/records.sqlite", "sqlite:////data/records.sqlite"),
        (" mongodb://localhost:27017/research ", "mongodb://localhost:27017/research"),
        ("mongodb+srv://user:secret@host/research?tls=true", None),
        ("file:///etc/niffler/store", "file:///etc/niffler/store"),
    ],
)
def test_a_store_is_named_by_a_url(processing: Attributes, value: str, url: str | None) -> None:
    assert processing(MetadataStore=value).metadata_store == (url or value)


@pytest.mark.parametrize(
    "value",
    [
        "sqlite:///",
        "mongodb://",
        "file:///",
        "mysql://host/x",
        "/data/records.sqlite",
        5,
        "mongodb://host\nx/y",
        "SQLITE:///x",
    ],
)
def test_what_is_no_store_is_refused_and_never_shown(refused: Problems, value: Any) -> None:
    (problem,) = refused(MetadataStore=value)
    assert problem.startswith("MetadataStore: a value found; allowed: `sqlite:///PATH`, `mongodb://")
    assert str(value) not in problem.partition("allowed")[0]


def test_relative_places_are_relative_to_the_file_that_names_them(
    processing: Attributes, tmp_path: Path
) -> None:
    config = processing(
        MetadataStore="sqlite:///records.sqlite",
        Featureset=["ct.txt", "../sets", "/mr.txt"],
        PseudonymKey="keys/one",
        OutputFolder="out",
    )
    assert config.metadata_store == f"sqlite:///{tmp_path}/records.sqlite"
    assert config.featuresets == (tmp_path / "ct.txt", tmp_path.parent / "sets", Path("/mr.txt"))
    assert config.pseudonym_key == tmp_path / "keys/one"
    assert config.output_folder == tmp_path / "out"


@pytest.mark.parametrize(("value", "number"), [("ct.txt", 1), (["a", "b"], 2), ("", 0), ([], 0), (None, 0)])
def test_featuresets_are_one_place_or_several(processing: Attributes, value: Any, number: int) -> None:
    assert len(processing(Featureset=value).featuresets) == number


@pytest.mark.parametrize("value", [5, [5], {"a": 1}, [["a"]], True, ["a\0"]])
def test_a_featureset_is_a_place(refused: Problems, value: Any) -> None:
    (problem,) = refused(Featureset=value)
    assert problem.startswith("Featureset: ")
    assert problem.endswith("allowed: a file, a folder of files, or a list of them")


def test_post_processing_is_off_and_careful_by_default(processing: Attributes, tmp_path: Path) -> None:
    config = processing()
    assert config.post_processors == ()
    assert config.output_folder == tmp_path / "study-deidentified"
    assert config.deidentify_options == DEFAULT_OPTIONS
    assert (config.png_bits, config.png_values, config.post_workers) == (8, "display", 2)
    assert (config.metadata_store, config.pseudonym_key, config.featuresets, config.command) == (
        None,
        None,
        (),
        (),
    )


@pytest.mark.parametrize("value", [list(PROCESSORS), ",".join(PROCESSORS)])
def test_all_post_processors_at_once(processing: Attributes, value: Any) -> None:
    assert processing(PostProcessors=value, Command=["/opt/convert"]).post_processors == PROCESSORS


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"PostProcessors": ["command"]}, "Command: missing; allowed: the site's command"),
        ({"PostProcessors": ["command"], "Command": []}, "Command: [] found; allowed: the site's command"),
        ({"PostProcessors": ["pngs"]}, 'PostProcessors: ["pngs"] found; allowed: a list out of `metadata`'),
        ({"PngBits": 12}, "PngBits: 12 found; allowed: 8 or 16"),
        ({"PngBits": 4}, "PngBits: 4 found; allowed: a whole number from 8 to 16"),
        ({"OutputFolder": "study"}, 'OutputFolder: "study" found; allowed: a folder outside StorageFolder'),
        ({"OutputFolder": "study/out"}, 'OutputFolder: "study/out" found; allowed: a folder outside'),
        ({"OutputFolder": "."}, 'OutputFolder: "." found; allowed: a folder that StorageFolder is not in'),
        (
            {"PostProcessors": ["png"], "FilePath": "CFIND-ONLY"},
            'PostProcessors: ["png"] found; allowed: an empty list where FilePath is CFIND-ONLY',
        ),
    ],
)
def test_what_does_not_fit_together_is_found_before_the_start(
    refused: Problems, keys: Mapping[str, Any], problem: str
) -> None:
    (found,) = refused(**keys)
    assert found.startswith(problem)


def test_images_that_go_elsewhere_are_not_post_processed(problems: Problems) -> None:
    (found,) = problems(QUERY | {"PostProcessors": ["png"]}, {"DestAet": "ELSEWHERE"})
    assert found.startswith("PostProcessors: ")
    assert "(DestAet)" in found


@pytest.mark.parametrize(
    "keys",
    [
        {"DeidentifyOptions": ["RetainFullDates", "RetainModifiedDates"]},
        {"OutputFolder": "out", "PseudonymKey": "out/pseudonym.key"},
    ],
    ids=["options that exclude each other", "a key in what leaves"],
)
def test_what_no_worker_could_work_with_is_found_before_the_start(
    refused: Problems, keys: Mapping[str, Any]
) -> None:
    assert refused(PostProcessors=["png", "metadata"], **keys)


def test_what_a_command_line_gives_is_read_the_same(configured: Attributes) -> None:
    text = json.dumps(["/opt/convert", "--fast"])
    keys = {"PostProcessors": "png, COMMAND", "Command": text, "DeidentifyOptions": ""}
    config = configured(QUERY | keys)
    assert config.post_processors == ("png", "command")
    assert config.command == ("/opt/convert", "--fast")
    assert config.deidentify_options == DEFAULT_OPTIONS
    assert configured(QUERY | keys | {"DeidentifyOptions": []}).deidentify_options == ()


@pytest.mark.parametrize(
    ("links", "keys", "problem"),
    [
        ({"link": "study"}, {"OutputFolder": "link/out"}, "OutputFolder: "),
        ({"study-deidentified": "study"}, {}, "OutputFolder: "),
        ({"study": "out/study"}, {"OutputFolder": "out"}, "OutputFolder: "),
        ({"keys": "out"}, {"OutputFolder": "out", "PseudonymKey": "keys/one"}, "PseudonymKey: "),
        ({}, {"PseudonymKey": "study-deidentified/one"}, "PseudonymKey: "),
        ({"ledgers": "out"}, {"OutputFolder": "out", "LedgerFolder": "ledgers"}, "LedgerFolder: "),
    ],
)
def test_links_lead_nothing_private_into_what_leaves(
    refused: Problems, tmp_path: Path, links: Mapping[str, str], keys: Mapping[str, Any], problem: str
) -> None:
    for name, target in links.items():
        (tmp_path / target).mkdir(parents=True)
        (tmp_path / name).symlink_to(tmp_path / target)
    (found,) = refused(**keys)
    assert found.startswith(problem)
