"""The rig of every acceptance test, the toolkits and archives it is run with, and what the archives hold."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus, write_corpus
from tests.support.archives import NO_ORTHANC, ORTHANC
from tests.support.rig import Rig

DCM4CHE = os.environ.get("NIFFLER_TEST_DCM4CHE", "")
NO_DCM4CHE = (
    "dcm4che is not named: unpack dcm4che-5.x.y-bin.zip (sourceforge.net/projects/dcm4che, dcm4che3), install"
    " Java 17 (apt-get install openjdk-17-jre-headless), and set NIFFLER_TEST_DCM4CHE to the unpacked folder"
)


@pytest.fixture(
    params=[
        "embedded",
        pytest.param(
            "dcm4che", marks=[pytest.mark.dcm4che, pytest.mark.skipif(not DCM4CHE, reason=NO_DCM4CHE)]
        ),
    ]
)
def toolkit(request: pytest.FixtureRequest) -> str:
    """DCM4CHEBin."""
    return "embedded" if request.param == "embedded" else DCM4CHE


@pytest.fixture(
    params=[
        "niffler-archive",
        pytest.param(
            "orthanc", marks=[pytest.mark.orthanc, pytest.mark.skipif(ORTHANC is None, reason=NO_ORTHANC)]
        ),
    ]
)
def archive_kind(request: pytest.FixtureRequest) -> str:
    """Which archive is asked."""
    return str(request.param)


@pytest.fixture
def foreign_archive() -> str:
    """Somebody else's archive where it is installed, for what our own need not show as well."""
    return "niffler-archive" if ORTHANC is None else "orthanc"


@pytest.fixture
def rig(tmp_path: Path, toolkit: str) -> Iterator[Rig]:
    """A rig for each toolkit."""
    with Rig(tmp_path, toolkit) as made:
        yield made


@pytest.fixture
def plain_rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig with the embedded toolkit, where the toolkit makes no difference."""
    with Rig(tmp_path, "embedded") as made:
        yield made


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Four studies of ten small images each."""
    return write_corpus(tmp_path_factory.mktemp("corpus"), studies=4, instances=10, rows=16)


@pytest.fixture(scope="session")
def some(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Ten studies of three small images each."""
    return write_corpus(tmp_path_factory.mktemp("some"), studies=10, instances=3, rows=16)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Two hundred studies of three small images each."""
    return write_corpus(tmp_path_factory.mktemp("many"), studies=200, instances=3, rows=16)


@pytest.fixture(scope="session")
def special(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Everything that makes archives difficult, and ids that try to get out."""
    return write_corpus(tmp_path_factory.mktemp("special"), studies=0, special=True)
