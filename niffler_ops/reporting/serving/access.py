"""Who may read: on loopback whoever is on this machine, elsewhere those who know the token."""

import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass

from starlette.requests import Request

PARAMETER = "token"
BEARER = "Bearer "


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name other than localhost may be anybody's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def new_token() -> str:
    """A token that nobody guesses: 192 random bits."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """The token, None where none is needed; `hosts` are the names by which it is then asked for."""

    token: str | None
    hosts: frozenset[str] = frozenset()

    @property
    def cookie(self) -> str:
        """What a browser that gave the token keeps instead of it."""
        assert self.token is not None  # noqa: S101 - asked for only where there is one
        return hmac.new(self.token.encode(), b"niffler-status cookie", hashlib.sha256).hexdigest()

    def gives_token(self, request: Request) -> bool:
        """Whether the address holds the token."""
        return self.token is not None and _same(request.query_params.get(PARAMETER), self.token)

    def allows(self, request: Request) -> bool:
        """Whether the request may be answered.

        Without a token the name that was asked for must be ours: a page elsewhere whose name was made to
        lead to this machine (DNS rebinding) would read it through the browser of a person who is here.
        """
        if self.token is None:
            return _host(request.headers.get("host", "")) in self.hosts
        authorization = request.headers.get("authorization", "")
        return (
            self.gives_token(request)
            or _same(request.cookies.get(cookie_name(request)), self.cookie)
            or (authorization.startswith(BEARER) and _same(authorization.removeprefix(BEARER), self.token))
        )


def cookie_name(request: Request) -> str:
    """One for each port, since browsers do not tell ports of a host apart."""
    return f"niffler_status_{request.url.port or 0}"


def _host(value: str) -> str:
    """The name in a Host header, without its port."""
    if value.startswith("["):
        return value[1:].partition("]")[0].lower()
    return value.partition(":")[0].lower()


def _same(given: str | None, wanted: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest((given or "").encode("utf-8", "surrogateescape"), wanted.encode())
