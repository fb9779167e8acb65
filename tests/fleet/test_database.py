"""What PostgreSQL keeps of the runs, and what happens when it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.core.errors import ConfigError, LeaseLost, StateUnavailable
from pipelines.core.logs import redact
from pipelines.fleet.database import Database
from pipelines.fleet.lease import Grant, Held
from tests.support.fleet import PostgresServer, execute, set_clock

KEEP = 2


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    opened = Database(database, KEEP)
    yield opened
    opened.close()


def take(db: Database) -> int:
    grant = db.take("shop", "this test", 300)
    assert isinstance(grant, Grant)
    return grant.generation


def contents(db: Database, generation: int) -> list[bytes]:
    return [one.content for one in db.earlier("shop", generation)[1]]


def run_with_snapshot(db: Database, *records: bytes) -> int:
    generation = take(db)
    newest, _ = db.earlier("shop", generation)
    if records:
        db.add("shop", generation, f"run {generation}", records)
    assert db.give_back("shop", generation, f"snapshot {generation}", newest)
    return generation


def test_a_lease_that_another_has_names_holder_and_time(db: Database, database: str) -> None:
    take(db)
    held = db.take("shop", "another", 300)
    assert isinstance(held, Held)
    ((until,),) = execute(database, "select until at time zone 'UTC' from centra_myogo_lease")
    assert (held.holder, held.until) == ("this test", until)
    assert db.give_back("shop", 1, None)
    assert take(db) == 2


def test_records_come_in_order_until_a_snapshot_holds_them(db: Database) -> None:
    first = take(db)
    db.add("shop", first, "run 1", [b"a", b"b"])
    db.add("shop", first, "run 1", [b"rows"], "runs")
    assert db.give_back("shop", first, None)
    second = take(db)
    newest, records = db.earlier("shop", second)
    assert [(one.content, one.record_of) for one in records] == [(b"a", ""), (b"b", ""), (b"rows", "runs")]
    assert db.give_back("shop", second, "snapshot", newest)
    assert contents(db, take(db)) == []


def outcome_after_the_successor_has_begun(db: Database, database: str) -> None:
    """The successor has read the intent, and its snapshot does not hold the outcome."""
    first = take(db)
    db.add("shop", first, "run 1", [b"intent"])
    set_clock(database, 301)
    second = take(db)
    newest, _ = db.earlier("shop", second)
    db.add_late("shop", first, "run 1", b"outcome")
    assert db.give_back("shop", second, "snapshot", newest)


def test_the_outcome_that_comes_after_the_successor_has_begun_is_not_lost(db: Database, database: str) -> None:
    """The next run gets it with all that its run has recorded before, because a line alone means nothing."""
    outcome_after_the_successor_has_begun(db, database)
    assert contents(db, run_with_snapshot(db) + 1) == []
    # Found by the run between; what all snapshots hold is forgotten after a while.
    for _ in range(KEEP + 1):
        run_with_snapshot(db)
    assert execute(database, "select count(*) from centra_myogo_journal") == [(0,)]


def test_the_run_in_between_gets_the_late_outcome_with_its_intent(db: Database, database: str) -> None:
    outcome_after_the_successor_has_begun(db, database)
    assert contents(db, take(db)) == [b"intent", b"outcome"]


def test_what_no_snapshot_holds_is_never_forgotten(db: Database) -> None:
    """Runs whose snapshot cannot be stored, one after the other."""
    first = take(db)
    db.add("shop", first, "run 1", [b"intent"])
    assert db.give_back("shop", first, None)
    for _ in range(KEEP + 3):
        assert db.give_back("shop", take(db), None)
    # This one has not read them, so its snapshot does not hold them.
    generation = take(db)
    assert db.give_back("shop", generation, "snapshot", 0)
    assert contents(db, take(db)) == [b"intent"]


def test_an_intent_of_a_replaced_holder_is_refused_and_its_outcome_is_not(db: Database, database: str) -> None:
    first = take(db)
    set_clock(database, 301)
    take(db)
    with pytest.raises(LeaseLost, match="has taken channel 'shop' over"):
        db.add("shop", first, "run 1", [b"intent"])
    db.add_late("shop", first, "run 1", b"outcome")
    assert not db.renew("shop", first, 300)
    assert not db.give_back("shop", first, "stale")
    assert execute(database, "select snapshot from centra_myogo_lease") == [(None,)]


def test_a_connection_that_breaks_is_made_again(db: Database, database: str) -> None:
    generation = take(db)
    execute(database, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'centra-myogo'")
    db.add("shop", generation, "run 1", [b"intent"])
    assert contents(db, generation + 1) == [b"intent"]


def test_many_first_runs_at_once_make_the_tables_once(database: str) -> None:
    def first(number: int) -> Grant | Held:
        opened = Database(database, KEEP)
        try:
            return opened.take(f"shop {number}", "this test", 300)
        finally:
            opened.close()

    with ThreadPoolExecutor(6) as pool:
        assert [*pool.map(first, range(6))] == [Grant(1)] * 6


def test_a_server_that_does_not_answer(postgres: PostgresServer, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is there and says nothing, as behind a network that drops everything."""
    take(db)
    monkeypatch.setattr("pipelines.fleet.database.ANSWER_S", 0.3)
    with pytest.raises(StateUnavailable, match=r"no answer in 0\.3 s"):
        db._do(lambda connection: connection.execute("select pg_sleep(2)"))
    monkeypatch.undo()
    assert db.try_out()


def test_nobody_listens_and_no_password_is_shown() -> None:
    db = Database("postgresql://fleet:a-long-password@127.0.0.1:1/fleet", KEEP)
    with pytest.raises(StateUnavailable) as caught:
        db.try_out()
    assert "127.0.0.1, database fleet" in caught.value.message
    assert "a-long-password" not in caught.value.message
    assert redact("a-long-password") == "***"


def test_an_address_that_is_none() -> None:
    with pytest.raises(ConfigError, match="this is not the address of a PostgreSQL database") as caught:
        Database("https://somewhere/secret", KEEP)
    assert "secret" not in caught.value.message
