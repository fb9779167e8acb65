"""Failures of calls: what to check."""

from __future__ import annotations

import pytest

from pipelines.systems.http.failures import failure_of


@pytest.mark.parametrize(("here", "fix"), [(True, "Start the stand-ins first"), (False, "the system is down")])
def test_a_refused_connection_to_this_machine_is_a_sandbox_that_does_not_run(here: bool, fix: str) -> None:
    assert fix in failure_of("Centra (127.0.0.1:8620)", ConnectionRefusedError(), on_this_machine=here).fix
