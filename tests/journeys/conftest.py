"""One application and one browser for all journeys; each journey has its own page, and servers of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from teams.actions import LOCAL_OWNER_EMAIL
from tests.application import Application, chromium
from tests.receiver import MailServer

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    """Takes every mail that the application sends."""
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def application(open_folder: Path, mails: MailServer) -> Iterator[Application]:
    running = Application(open_folder / "journeys", EMAIL_URL=f"smtp+plain://127.0.0.1:{mails.port}")
    yield running
    assert running.stop() == 0, "".join(running.output)


@pytest.fixture
def named(application: Application) -> str:
    """Where browsers make passkeys: they want a name, and an address of numbers is none."""
    return application.url.replace("127.0.0.1", "localhost")


class Chromium:
    """The same one for all journeys in a row. What it keeps of one is in contexts, which are that journey's own."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._browser: Browser | None = None

    def browser(self) -> Browser:
        if self._browser is None:
            playwright = self._ends.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            self._ends.callback(self._browser.close)
        return self._browser

    def end(self) -> None:
        self._browser = None
        self._ends.close()


_chromium = Chromium()


@pytest.fixture(scope="module")
def browser() -> Browser:
    return _chromium.browser()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """After the last journey in a row: Playwright's loop would make later tests look as if they were asynchronous."""
    try:
        yield
    finally:
        if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
            _chromium.end()


@pytest.fixture(scope="session")
def session() -> dict[str, Any]:
    """What the browser keeps of the first sign-in."""
    return {}


@pytest.fixture
def page(application: Application, browser: Browser, session: dict[str, Any]) -> Iterator[Page]:
    """A signed-in page that fails its test if the browser's console reports an error, such as a broken policy."""
    kept = {"storage_state": session} if session else {}
    context = browser.new_context(base_url=application.url, viewport={"width": 1400, "height": 900}, **kept)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    if not session:
        opened.goto(application.link)
        session |= context.storage_state()
    yield opened
    context.close()
    assert errors == []


@pytest.fixture(scope="session")
def books(application: Application) -> str:
    """A team with real months: the last one is open, and so is the one before until its journey closes it; the oldest
    is closed, and this month has a counter-line of it."""
    done = f"from tests.runs.closing import in_application as here; here.make_months({LOCAL_OWNER_EMAIL!r}, 'books')"
    application.manage("shell", "-c", done)
    return "books"


@pytest.fixture
def empty_team(application: Application) -> str:
    """The address of the crews of a team of the signed-in person that has none, whatever journeys came before."""
    application.manage("bootstrap", "--email", LOCAL_OWNER_EMAIL, "--team", "Empty")
    return "/t/empty/crews/"
