"""Who runs the channels that several machines run, for the first page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.core.errors import CentraMyogoError
from pipelines.core.secret import Secret
from pipelines.web.project_channels import ProjectChannel

if TYPE_CHECKING:
    from pipelines.fleet.leases import ChannelLease


@dataclass(frozen=True)
class LeaseFacts:
    """`of` has the lease of each channel of the project whose database has answered, None before its first run;
    `others` those of channels without a file here, `problems` what is wrong with a database."""

    of: dict[str, ChannelLease | None] = field(default_factory=dict)
    others: list[ChannelLease] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def lease_facts(channels: Iterable[ProjectChannel]) -> LeaseFacts:
    """Asks each database of `[state]` once. Empty without a channel that has `[state]`."""
    facts = LeaseFacts()
    by_database: dict[Secret, list[str]] = {}
    for one in channels:
        if one.channel and one.channel.state:
            by_database.setdefault(one.channel.state.database, []).append(one.name)
    for database, names in by_database.items():
        from pipelines.fleet.leases import leases

        try:
            found = {lease.channel: lease for lease in leases(database.reveal())}
        except CentraMyogoError as error:
            facts.problems.append(error.message)
            continue
        facts.of.update((name, found.pop(name, None)) for name in names)
        facts.others.extend(found.values())
    return facts
