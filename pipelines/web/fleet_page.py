"""The page of all channels of all machines: what the data warehouse has of each, and who runs it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipelines.config.project import WAREHOUSE_VARIABLE
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.state.store import utc_now
from pipelines.web.lease_facts import lease_facts
from pipelines.web.project_channels import ProjectChannel, ProjectChannels
from pipelines.web.rendering import render

if TYPE_CHECKING:
    from pipelines.fleet.leases import ChannelLease
    from pipelines.reports.exported_channels import ExportedState

_WORST_FIRST = ("failed", "never run", "attention", "not exported", "good")


@dataclass(frozen=True)
class FleetChannel:
    """A channel of any machine. `exported` is its state in the data warehouse; None if it was never exported. `is_here`
    states whether these pages have one of it."""

    name: str
    exported: ExportedState | None
    lease: ChannelLease | None
    is_here: bool

    @property
    def state(self) -> str:
        return "not exported" if self.exported is None else self.exported.state


def has_data_warehouse() -> bool:
    """Whether the environment names a data warehouse."""
    return bool(os.environ.get(WAREHOUSE_VARIABLE))


class FleetPage:
    def __init__(self, channels: ProjectChannels) -> None:
        self._channels = channels

    async def show(self, request: Request) -> Response:
        self._channels.refresh()
        if not has_data_warehouse():
            raise HTTPException(404, f"No data warehouse is known: the variable {WAREHOUSE_VARIABLE} is not set.")
        found, problems = await run_in_threadpool(_all_channels, [*self._channels])
        return render(request, "fleet.html.j2", channels=found, problems=problems)


def _all_channels(here: Iterable[ProjectChannel]) -> tuple[list[FleetChannel], list[str]]:
    """The channels of the data warehouse and of the databases of `[state]`, the worst first; and what is wrong with
    one of these."""
    from pipelines.reports.exported_channels import exported_states

    facts, with_page = lease_facts(here), {one.name for one in here if one.channel}
    problems = facts.problems[:]
    states: list[ExportedState] = []
    try:
        states = exported_states(f"env:{WAREHOUSE_VARIABLE}", utc_now())
    except ConfigError as error:
        problems.append(f"{error.message} {error.fix}")
    except CentraMyogoError as error:
        problems.append(error.message)
    exported = {state.channel: state for state in states}
    held = facts.of | {lease.channel: lease for lease in facts.others}
    found = [
        FleetChannel(name, exported.get(name), held.get(name), name in with_page)
        for name in sorted(exported.keys() | held.keys())
    ]
    return sorted(found, key=lambda one: _WORST_FIRST.index(one.state)), problems
