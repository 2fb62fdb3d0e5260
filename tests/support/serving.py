"""The live page in a process of its own, and a browser without a window that looks at it."""

import http.client
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.processes import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_BROWSER = "needs a browser: `apt-get install chromium`, and the Python package playwright"
PROGRAM = """
import sys
from pathlib import Path
from niffler_ops.clock import SystemClock
from niffler_ops.reporting.serving import serve
host, port, token, identifiers, *folders = sys.argv[1:]
serve([Path(folder) for folder in folders], host=host, port=int(port), token=token or None,
      identifiers=identifiers == "yes", clock=SystemClock(), announce=lambda text: print(text, flush=True))
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server that runs; `address` is what it told to open."""

    process: "subprocess.Popen[str]"
    address: str

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    def get(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(
                status=response.status,
                headers={name.lower(): value for name, value in response.getheaders()},
                body=response.read().decode(),
            )
        finally:
            connection.close()

    def events(self, path: str) -> Iterator[dict[str, Any]]:
        """Events as they come; the connection is closed with the iterator."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == 200
            while line := response.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line.removeprefix(b"data: "))
        finally:
            connection.close()


@contextmanager
def served(
    *folders: Path, host: str = "127.0.0.1", port: int = 0, token: str = "", identifiers: bool = False
) -> Iterator[Served]:
    """A server of these StorageFolders; it is ended as an operator ends it, and must end in order."""
    arguments = [host, str(port), token, "yes" if identifiers else "no", *map(str, folders)]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            yield Served(process=process, address=address)
        finally:
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=20)
        assert (process.returncode, told) == (0, "")


class Eyes:
    """A page that is looked at; whatever the browser complains about is kept."""

    def __init__(self, context: "BrowserContext") -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.asked_elsewhere: list[str] = []
        self.page.on("request", lambda request: self._request(request.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1", "file:", "data:")):
            self.asked_elsewhere.append(url)

    def sees(self, selector: str, text: str) -> None:
        """Wait until an element has this text in it."""
        self.page.locator(selector, has_text=text).first.wait_for(timeout=60_000)

    def is_as_wide_as_the_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@contextmanager
def browser() -> Iterator["Browser"]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - absent where there is no browser

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield chromium
        finally:
            chromium.close()
