"""Speaking to archives: tries, time limits, one message; against a server on this machine that is busy or broken."""

import pytest
import requests
from archive_stand_in import Reply, StandIn

from photometry.archive.service import asked, conf, mast_server, patient
from photometry.core.errors import ArchiveError


def ask(server: StandIn) -> str:
    with patient(requests.Session()) as session:
        answer = session.get(f"{server.url}/page")
    answer.raise_for_status()
    if "stars" not in answer.text:
        raise ValueError("no stars")
    return answer.text


@pytest.fixture
def page(server) -> StandIn:
    server.routes["/page"] = lambda _request: Reply(b"stars", "text/plain")
    return server


@pytest.mark.parametrize("fault", ["busy", "gone", "html", "cut", "empty", "silent"])
def test_the_next_try_helps(page, fault):
    page.faults = [("/page", fault)]
    assert asked(lambda: ask(page), "the page", "try later") == "stars"
    assert len(page.asked("/page")) == 2


def test_all_tries_fail_in_one_message(page):
    page.faults = [("/page", "busy")] * 20
    with pytest.raises(ArchiveError, match=r"^MAST was asked for a page: 503 .*; try later$"):
        asked(lambda: ask(page), "MAST was asked for a page", "try later")
    assert len(page.asked("/page")) == conf.n_retry + 1


def test_a_wrong_question_is_asked_once(page):
    with pytest.raises(ArchiveError, match="404"):
        asked(lambda: ask(StandInAt(page.url + "/no")), "a page", "try later")
    assert len(page.requests) == 1


class StandInAt:
    """The same server at another address."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.usefixtures("server")
def test_no_server_at_all():
    gone = StandInAt("http://127.0.0.1:9")
    tried = []
    with pytest.raises(ArchiveError, match=r"a page: .*; try later"):
        asked(lambda: tried.append(1) or ask(gone), "a page", "try later")
    assert len(tried) == 1


def test_addresses_come_from_settings_of_astropy(server):
    assert mast_server() == server.url
    assert conf.archive_url == server.url
