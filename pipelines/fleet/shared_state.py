"""A run of a channel that any of several machines may run: takes the lease, restores the newest state, records in the
database what the run does, and gives the lease back with a snapshot."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from pipelines.core.errors import CentraMyogoError, LeaseLost
from pipelines.core.failpoints import hit
from pipelines.core.secret import Secret
from pipelines.core.shared_rates import sharing_rates
from pipelines.core.write_guard import guarded_by
from pipelines.fleet.blanked_copy import write_blanked_copy
from pipelines.fleet.budgets import Budgets
from pipelines.fleet.database import LINE, Database, Record
from pipelines.fleet.folder import bring_up_to_date, prepend_lines
from pipelines.fleet.lease import BEATS, Lease, Renewals, monotonic
from pipelines.fleet.snapshots import Snapshots
from pipelines.state.store import Folder

log = logging.getLogger(__name__)


class Settings(Protocol):
    """`[state]` of a channel file."""

    @property
    def database(self) -> Secret: ...
    @property
    def snapshots(self) -> str: ...
    @property
    def lease_s(self) -> float: ...
    @property
    def keep(self) -> int: ...
    @property
    def personal_data(self) -> str: ...
    @property
    def share_rates(self) -> bool: ...


@contextlib.contextmanager
def shared_state(
    settings: Settings,
    folder: Folder,
    channel: str,
    verb: str,
    longest_call_s: float,
    personal: Mapping[str, Collection[str]],
    clock: Callable[[], float] = monotonic,
) -> Iterator[SharedState]:
    """Holds the channel's lease while the block runs, which must hold the lock of the folder. No write begins in it
    that may not end before the lease does; a write takes at most `longest_call_s`. `personal` has the columns with
    personal data by table.

    Raises ChannelBusy, StateUnavailable, StorageError and ConfigError.
    """
    database = Database(settings.database.reveal(), settings.keep)
    with contextlib.closing(database):
        snapshots = Snapshots(settings.snapshots, channel, settings.keep)
        holder = f"{verb}, process {os.getpid()} on {socket.gethostname()}"
        lease = Lease(database, channel, holder, settings.lease_s, longest_call_s, clock)
        lease.take()
        hit("fleet: lease taken")
        blanked = personal if settings.personal_data == "blank" else None
        state = SharedState(database, snapshots, lease, folder, channel, blanked)
        renewals = Renewals(lease, settings.lease_s / BEATS)
        renewals.start()
        try:
            state.restore()
            with guarded_by(lease.check), sharing_rates(Budgets(database) if settings.share_rates else None):
                yield state
        finally:
            renewals.stop()
            state.give_back_unfinished()


class SharedState:
    """The state of a channel during one run. It is the run's SharedJournal (`state/shared_journal.py`)."""

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots,
        lease: Lease,
        folder: Folder,
        channel: str,
        blanked: Mapping[str, Collection[str]] | None,
    ) -> None:
        self._database, self._snapshots, self._lease = database, snapshots, lease
        self._folder, self._channel, self._blanked = folder, channel, blanked
        self._newest, self._earlier = 0, list[Record]()
        self._is_given_back = False
        self.restored = ""  # what was restored, as a sentence

    @property
    def _generation(self) -> int:
        return self._lease.grant.generation

    def restore(self) -> None:
        """Brings the folder up to date, with what killed runs have recorded since the snapshot."""
        self.restored = bring_up_to_date(self._folder, self._lease.grant, datetime.now(UTC), self._snapshots.get)
        self._newest, self._earlier = self._database.earlier(self._channel, self._generation)
        prepend_lines(self._folder, [one.content for one in self._earlier if one.record_of == LINE])

    def add_intents(self, run_id: str, lines: Sequence[bytes]) -> None:
        self._database.add(self._channel, self._generation, run_id, lines)

    def add_outcome(self, run_id: str, line: bytes) -> None:
        self._database.add_late(self._channel, self._generation, run_id, line)

    def add_rows(self, run_id: str, table: str, rows: bytes) -> None:
        self._database.add(self._channel, self._generation, run_id, [rows], table)

    def earlier_rows(self) -> Iterable[tuple[str, str, bytes]]:
        return [(one.run_id, one.record_of, one.content) for one in self._earlier if one.record_of != LINE]

    def give_back(self) -> None:
        """Ends the lease with a snapshot of the published file. Raises LeaseLost if another machine has taken the
        channel over: the snapshot is then deleted again."""
        try:
            name = self._put_snapshot()
        except CentraMyogoError:
            self.give_back_unfinished()
            raise
        hit("fleet: snapshot stored")
        self._is_given_back = True
        if not self._lease.give_back(name, self._newest):
            self._snapshots.delete(name)
            raise LeaseLost(
                f"Another machine has taken channel {self._channel!r} over: the files of this run are not its state.",
                "What this run has written is in the history of the other machine. Run again: the next run begins "
                "with the newest state.",
            )
        hit("fleet: lease given back")
        self._snapshots.delete_old(self._generation)

    def _put_snapshot(self) -> str:
        if self._blanked is None:
            return self._snapshots.put(self._folder.published, self._generation)
        copy = self._folder.root / "analytics.snapshot"
        try:
            write_blanked_copy(self._folder.published, copy, self._blanked)
            return self._snapshots.put(copy, self._generation)
        finally:
            copy.unlink(missing_ok=True)

    def give_back_unfinished(self) -> None:
        """Ends the lease without a snapshot, if it has not been given back: the next run, on any machine, takes what
        this one did from the database."""
        if self._is_given_back:
            return
        self._is_given_back = True
        try:
            self._lease.give_back(None)
        except CentraMyogoError as error:
            log.warning("the lease could not be given back, so it lasts until its time ends: %s", error.message)


def check_settings(settings: Settings, channel: str) -> str:
    """Tries the database and the object store; writes nothing into the store. Returns where they are.

    Raises StateUnavailable and ConfigError.
    """
    with contextlib.closing(Database(settings.database.reveal(), settings.keep)) as database:
        place = database.try_out()
    return f"{place}; snapshots in {Snapshots(settings.snapshots, channel, settings.keep).try_out()}"
