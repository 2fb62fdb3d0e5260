"""HOST:PORT of --serve, and what is told where its packages are missing."""

import sys
from argparse import ArgumentTypeError

import pytest

from niffler_ops.cli.status_page import Endpoint, endpoint, serve_pages
from niffler_ops.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:9000", Endpoint(host="127.0.0.1", port=9000)),
        ("[::1]:9000", Endpoint(host="::1", port=9000)),
        ("9000", Endpoint(host="127.0.0.1", port=9000)),
        (":0", Endpoint(host="127.0.0.1", port=0)),
        ("pacs", Endpoint(host="pacs", port=8450)),
    ],
)
def test_host_and_port_may_each_be_left_out(text: str, place: Endpoint) -> None:
    assert endpoint(text) == place


@pytest.mark.parametrize("text", ["/data/study", "h:70000", "h:x", "a b:1", "user@h:1", "", "h:1?x"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="folders stand before --serve"):
        endpoint(text)


def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("niffler_ops.reporting.serving")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'niffler-ops\[serve\]'"):
        serve_pages([], Endpoint(), identifiers=False)
