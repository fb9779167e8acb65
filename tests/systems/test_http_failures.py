"""Failures of calls: what to check."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from pipelines.systems.http.failures import RequestNotSent, ServerBusy, failure_of
from pipelines.systems.http.session import Repeat, Request, Session
from pipelines.systems.http.settings import SystemConfig


@pytest.mark.parametrize(("here", "fix"), [(True, "Start the stand-ins first"), (False, "the system is down")])
def test_a_refused_connection_to_this_machine_is_a_sandbox_that_does_not_run(here: bool, fix: str) -> None:
    assert fix in failure_of("Centra (127.0.0.1:8620)", ConnectionRefusedError(), on_this_machine=here).fix


def test_a_reason_has_neither_the_address_nor_the_answer() -> None:
    assert failure_of("Centra (127.0.0.1:8620)", ConnectionRefusedError()).reason == "connection refused"
    assert failure_of("Centra (shop.test)", TimeoutError()).reason == "no answer in time"
    assert ServerBusy("Centra (shop.test): HTTP 503 Mr. Smith", 503).reason == "HTTP 503"


def test_a_retry_is_logged_in_words(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = SystemConfig(base_url=f"http://127.0.0.1:{port}", attempts=2, backoff_s=0.01)
    with closing(Session("myOGO", config)) as session, pytest.raises(RequestNotSent):
        session.call(Request("GET", "/products", Repeat.SAFE))
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("pipelines.")]
    assert warnings == ["myOGO does not answer (connection refused), try 2 of 2"]
