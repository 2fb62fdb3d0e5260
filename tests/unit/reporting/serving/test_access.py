"""Who may read the live page."""

import pytest
from starlette.requests import Request

from niffler_ops.reporting.serving.access import Access, cookie_name, is_loopback, new_token

OPEN = Access(token=None, hosts=frozenset({"localhost", "127.0.0.1", "::1"}))
CLOSED = Access(token="a token")


def request(query: str = "", **headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": query.encode(),
            "headers": raw,
            "server": ("127.0.0.1", 8450),
            "scheme": "http",
        }
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "pacs"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["localhost:8450", "127.0.0.1", "[::1]:8450", "LOCALHOST"])
def test_on_loopback_our_own_names_are_answered(host: str) -> None:
    assert OPEN.allows(request(host=host))


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example:8450", "[::2]"])
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    assert not OPEN.allows(request(host=host))


def test_the_token_is_taken_from_address_header_or_as_a_cookie() -> None:
    name = cookie_name(request(host="h:8450"))
    assert CLOSED.allows(request("token=a+token"))
    assert CLOSED.allows(request(authorization="Bearer a token"))
    assert CLOSED.allows(request(host="h:8450", cookie=f"{name}={CLOSED.cookie}"))
    assert not CLOSED.allows(request(host="127.0.0.1"))
    assert not CLOSED.allows(request("token=a+tokenx"))
    assert not CLOSED.allows(request(authorization="Basic a token"))
    assert not CLOSED.allows(request(host="h:8450", cookie=f"{name}=a token"))


def test_no_two_tokens_are_alike() -> None:
    assert len({new_token() for _ in range(20)}) == 20
    assert len(new_token()) == 32
