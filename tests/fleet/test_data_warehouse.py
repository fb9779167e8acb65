"""`export --to`: the tables and views of several channels in one PostgreSQL database, and `status --all` from it."""

from __future__ import annotations

import contextlib
import json
import multiprocessing.util
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.fleet import data_warehouse
from schemas.fields.centra_orders import PERSONAL
from tests.end_to_end.test_orders import PERSON, order, shop_with_orders
from tests.support import child_process
from tests.support.declared import VIEWS
from tests.support.fleet import PostgresServer, execute
from tests.support.shop import Shop, euro, size

pytest.importorskip("psycopg2", reason="needs the packages of centra-myogo[fleet]")

FAR_ZONE = "%20-ctimezone%3DAmerica/New_York"  # of the sessions: no time may depend on it


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files. Nothing of an export stays there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    multiprocessing.util.get_temp_dir()  # where fork servers listen, from now on; below `folder` the path is too long
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert [path for path in folder.iterdir() if path.name.startswith("centra-myogo")] == []


def export(shop: Shop, address: str, *words: str) -> Any:
    return shop.command("export", str(shop.file), "--data", str(shop.data), "--to", address, *words)


def exported(shop: Shop, address: str) -> None:
    done = export(shop, address)
    assert done.exit_code == 0, done.output


def refusal(shop: Shop, address: str) -> dict[str, Any]:
    done = export(shop, address, "--json")
    document = json.loads(done.stdout)
    assert (document["exit_code"], document["written"]) == (done.exit_code, [])
    return {"exit": done.exit_code} | document["error"]


def published(shop: Shop, channel: str = "demo") -> contextlib.closing[duckdb.DuckDBPyConnection]:
    return contextlib.closing(duckdb.connect(str(shop.data / channel / "analytics.duckdb")))


def tables_of(address: str) -> dict[str, list[str]]:
    """The columns of each table and view of the schema."""
    found = execute(
        address,
        "select c.relname, array_agg(a.attname::text order by a.attnum) from pg_class c "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped "
        "where c.relnamespace = 'centra_myogo'::regnamespace and c.relkind in ('r', 'v') group by 1",
    )
    return {name: columns for name, columns in found if not name.startswith("_dlt")}


def counts(address: str, channel: str) -> dict[str, int]:
    return {
        name: execute(address, f"select count(*) from centra_myogo.{name} where channel = %s", channel)[0][0]
        for name in tables_of(address)
    }


def second_channel(shop: Shop) -> None:
    """From now on the file is that of the channel `other`."""
    shop.edit('name = "demo"', 'name = "other"')


def test_every_table_and_view_has_the_rows_of_the_file(shop_of: Callable[..., Shop], database: str) -> None:
    """Two channels stand next to each other, and a repeated export doubles nothing."""
    shop = shop_of(size(1), size(2, prices=[]), size(3))
    assert shop.run("push").exit_code == 3
    shop.box.change_centra_row(1, name="Anorak")
    assert shop.run("push").exit_code == 3
    with published(shop) as db:  # earlier days
        db.execute("insert into sync.stock_daily select on_day - 9, system, code, 7, 7 from sync.stock_daily")
        names = db.execute(
            "select schema_name, table_name from duckdb_columns() where not internal "
            "and table_name not like '\\_dlt%' escape '\\' group by all"
        ).fetchall()
        expected = {
            (name if schema == "main" else f"{schema}_{name}"): db.execute(f"from {schema}.{name}").fetchall()
            for schema, name in names
        }
    exported(shop, database)
    assert {view.name for view in VIEWS} <= set(expected)
    assert set(tables_of(database)) == {*expected, "exports"}
    first = counts(database, "demo")
    assert {name: first[name] for name in expected} == {name: len(rows) for name, rows in expected.items()}
    assert all(columns[0] == "channel" for columns in tables_of(database).values())
    for name in ("v_products", "v_stock_by_day", "v_stock_side_by_side", "out_myogo_products", "sync_journal"):
        stored = execute(database, f"select * from centra_myogo.{name}")
        assert sorted(map(repr, (row[1:] for row in stored))) == sorted(map(repr, expected[name])), name
    assert len(expected["v_stock_by_day"]) > 9
    second_channel(shop)
    shop.run("plan")
    exported(shop, database)
    exported(shop, database)
    assert counts(database, "demo") == first
    other = counts(database, "other")
    assert (other["raw_centra_products"], other["sync_runs"], other["exports"]) == (3, 1, 1)
    assert execute(database, "select nspname from pg_namespace where nspname like 'centra%%'") == [("centra_myogo",)]


def test_tables_and_columns_have_the_comments_of_the_file(shop_of: Callable[..., Shop], database: str) -> None:
    """Those of views too, which are tables there; a comment that changes is replaced."""
    shop = shop_of(size(1))
    shop.run("plan")
    described = {}
    with published(shop) as db:
        db.execute("comment on column sync.runs.verb is 'It''s a \\ \"verb\" with 100 %s'")
        for schema, table, column, comment in db.execute(
            "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal union all "
            "select schema_name, table_name, '', comment from duckdb_tables() union all "
            "select schema_name, view_name, '', comment from duckdb_views() where not internal"
        ).fetchall():
            if comment and not table.startswith("_dlt") and table != "v_stock_by_day":
                described[table if schema == "main" else f"{schema}_{table}", column] = comment
    assert {("sync_runs", "verb"), ("sync_runs", ""), ("v_products", "code"), ("v_products", "")} <= set(described)
    exported(shop, database)

    def stored() -> dict[tuple[str, str], str]:
        return {
            (table, column or ""): comment
            for table, column, comment in execute(
                database,
                "select c.relname, a.attname, d.description from pg_description d join pg_class c on c.oid = d.objoid "
                "and d.classoid = 'pg_class'::regclass left join pg_attribute a on a.attrelid = c.oid "
                "and a.attnum = d.objsubid and a.attnum > 0 where c.relnamespace = 'centra_myogo'::regnamespace",
            )
            if column != "channel" and table not in ("exports", "v_stock_by_day")
        }

    expected = {key: text for key, text in described.items() if key[1] != "channel"}
    assert {key: text for key, text in stored().items() if key[1] != "own_channel"} == expected
    execute(database, "comment on column centra_myogo.sync_runs.verb is 'of an older version'")
    exported(shop, database)
    assert stored()["sync_runs", "verb"] == described["sync_runs", "verb"]


def test_texts_amounts_and_times_are_exact(shop_of: Callable[..., Shop], database: str) -> None:
    """In a session of another time zone, too."""
    shop = shop_of(size(1, sku="00123", prices=[euro("149.95")]))
    shop.run("push")
    with published(shop) as db:
        db.execute(
            "create table out_myogo.odd as select '007' as code, '' as empty, null::varchar as missing, "
            "'a' || chr(0) || '\\b''c%s{}' as odd, ['x', 'y'] as listed, '{\"a\": 1.10}'::json as doc, "
            "'nan'::double as no_number, 0.1::double as share, timestamp '2026-07-01 12:00:00.123456' as moment, "
            "date '2026-07-01' as on_day, 12345678901234.5678::decimal(18, 4) as price, 7::hugeint as units"
        )
        (run,) = db.execute("select started_at, ended_at from sync.runs").fetchall()
    exported(shop, database + FAR_ZONE)
    far = f"{database}{FAR_ZONE}"
    assert execute(far, "select * from centra_myogo.out_myogo_odd") == [
        ("demo", "007", "", None, "a\N{REPLACEMENT CHARACTER}\\b'c%s{}", '["x","y"]', '{"a": 1.10}', None, 0.1,
         datetime.fromisoformat("2026-07-01 12:00:00.123456"), date(2026, 7, 1), Decimal("12345678901234.5678"), 7)
    ]  # fmt: skip
    assert execute(far, "select code, eur_price from centra_myogo.v_products") == [("00123", Decimal("149.9500"))]
    assert execute(far, "select started_at, ended_at from centra_myogo.sync_runs") == [run]


def test_a_table_that_has_a_column_channel_keeps_its_values(shop_of: Callable[..., Shop], database: str) -> None:
    """Under another name. Two names that PostgreSQL would read as one stay two."""
    shop = shop_of(size(1))
    shop.run("plan")
    with published(shop) as db:
        db.execute(
            """create table out_myogo.odd as select 'a' as "Channel", 'b' as own_channel, 'c' as "own channel" """
        )
    exported(shop, database)
    columns = tables_of(database)
    assert columns["sync_runs"][:3] == ["channel", "run_id", "own_channel"]
    assert execute(database, "select channel, own_channel from centra_myogo.sync_runs") == [("demo", "demo")]
    assert execute(database, "select * from centra_myogo.out_myogo_odd") == [("demo", "a", "b", "c")]
    assert len(set(columns["out_myogo_odd"])) == 4


def test_rows_that_are_gone_go_there_too(shop_of: Callable[..., Shop], database: str) -> None:
    """Also the last row of a table, and a table that the channel no longer has; not another channel's, and not a table
    that somebody has made."""
    shop = shop_of(size(1), size(2, prices=[]))
    shop.run("plan")
    with published(shop) as db:
        db.execute("create table out_myogo.former as select 1 as one")
        db.execute("create view of_a_flow as from out_myogo.former")
    exported(shop, database)
    assert counts(database, "demo")["v_missing_euro_price"] == 1
    execute(database, "create table centra_myogo.mine as select 'demo' as channel")
    execute(database, "insert into centra_myogo.v_missing_euro_price (channel, code) values ('other', 'SKU2')")
    shop.box.change_centra_row(2, prices=[euro("7.00")])
    shop.run("plan")
    with published(shop) as db:
        db.execute("create or replace view of_a_flow as select 1 as one where false")
    exported(shop, database)
    left = counts(database, "demo")
    assert (left["v_missing_euro_price"], left["out_myogo_former"], left["of_a_flow"], left["mine"]) == (0, 0, 0, 1)
    assert counts(database, "other")["v_missing_euro_price"] == 1


def test_no_person_is_in_the_database(shop_of: Callable[..., Shop], database: str) -> None:
    shop = shop_with_orders(shop_of)
    order(shop)
    assert shop.run("plan").exit_code == 0
    assert shop.sql("select count(*) from raw_centra.shipments where name is not null") == [(1,)]
    exported(shop, database)
    columns = tables_of(database)
    assert execute(database, "select count(*) from centra_myogo.raw_centra_shipments") == [(1,)]
    assert set(columns["raw_centra_shipments"]).isdisjoint(PERSONAL)
    for name in columns:
        text = repr(execute(database, f"select * from centra_myogo.{name}"))
        assert not any(person in text for person in PERSON), name


def test_exports_at_once_take_turns(shop_of: Callable[..., Shop], database: str, tmp_path: Path) -> None:
    shop = shop_of(size(1), size(2))
    shop.run("push")
    texts = {"demo": shop.text, "other": shop.text.replace('name = "demo"', 'name = "other"')}
    shop.text = texts["other"]
    shop.file.write_text(shop.text, "utf-8")
    shop.run("plan")

    def one(channel: str) -> str:
        folder = tmp_path / f"at-once-{channel}"
        folder.mkdir()
        file = folder / f"{channel}.toml"
        file.write_text(texts[channel], "utf-8")
        return child_process.run("export", str(file), "--data", str(shop.data), "--to", database, folder=folder).stderr

    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(one, texts)] == ["", ""]
    for channel in texts:
        assert counts(database, channel)["raw_centra_products"] == 2


def test_an_export_that_waits_too_long_says_for_what(
    shop_of: Callable[..., Shop], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    shop = shop_of(size(1))
    shop.run("plan")
    monkeypatch.setattr(data_warehouse, "TURN_S", 0.3)
    with psycopg.connect(database) as other:
        other.execute("select pg_advisory_xact_lock(hashtext('centra_myogo.exports'))")
        found = refusal(shop, database)
    assert (found["exit"], found["id"]) == (5, "EXPORT-001")
    assert "another export is under way there: no answer in 0.3 s" in found["message"]
    exported(shop, database)


def test_an_older_state_does_not_replace_a_newer_one(shop_of: Callable[..., Shop], database: str) -> None:
    """As on a machine that has not run the channel last, or of another shop with the same name."""
    shop = shop_of(size(1))
    shop.run("plan")
    exported(shop, database)
    execute(database, "update centra_myogo.exports set newest_run = '29990101T000000-000000'")
    found = refusal(shop, database)
    assert (found["exit"], found["id"]) == (2, "CONFIG-001")
    assert "has a newer state of channel 'demo', of run 29990101T000000-000000" in found["message"]
    assert "rename one of them" in found["fix"]


def test_an_export_that_was_killed_is_repeated(shop_of: Callable[..., Shop], database: str) -> None:
    """The note that all is written is missing until then."""
    shop = shop_of(size(1))
    shop.run("plan")
    killed = child_process.SignalAt("data warehouse: loaded", 1, signal.SIGKILL)
    done = child_process.run(
        "export", str(shop.file), "--data", str(shop.data), "--to", database, folder=shop.folder, signal_at=killed
    )
    assert done.code == -signal.SIGKILL
    assert "exports" not in tables_of(database)
    exported(shop, database)
    assert counts(database, "demo")["raw_centra_products"] == 1
    assert counts(database, "demo")["exports"] == 1


def test_a_database_that_is_not_there_is_exit_5(shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its password is shown nowhere, also if it stands in a variable."""
    shop = shop_of(size(1))
    shop.run("plan")
    address = "postgresql://fleet:a-long-password@127.0.0.1:1/tables"
    monkeypatch.setenv("WAREHOUSE", address)
    for words in (address, "env:WAREHOUSE"):
        found = refusal(shop, words)
        assert (found["exit"], found["id"]) == (5, "EXPORT-001")
        assert found["message"].startswith("The data warehouse (127.0.0.1, database tables): ")
        assert "a-long-password" not in str(found)
    done = shop.command("status", "--all", "--from", "env:WAREHOUSE", "--json")
    assert (done.exit_code, json.loads(done.stdout)["error"]["id"]) == (5, "EXPORT-001")
    assert "a-long-password" not in done.output


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://fleet:a-long-password@db.test/tables?a=b", "--to: this is not the address of a PostgreSQL database."),
        ("", "--to: this is not the address of a PostgreSQL database."),
        ("env:", "--to: env: needs the name of a variable."),
        ("env:postgresql://fleet:a-long-password@db.test/tables", "--to: env: needs the name of a variable."),
        ("env:NOT_SET", "The secret NOT_SET is not set"),
    ],
)  # fmt: skip
def test_a_wrong_address_is_exit_2(shop_of: Callable[..., Shop], address: str, message: str) -> None:
    pytest.importorskip("psycopg", reason="needs the packages of centra-myogo[fleet]")
    found = refusal(shop_of(size(1)), address)
    assert (found["exit"], found["id"]) == (2, "CONFIG-001")
    assert found["message"].startswith(message)
    assert "a-long-password" not in str(found)


def test_a_server_that_does_not_answer_is_exit_5(
    shop_of: Callable[..., Shop], database: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing; then it takes the query and says nothing."""
    shop = shop_of(size(1))
    shop.run("plan")
    exported(shop, database)
    monkeypatch.setattr(data_warehouse, "CONNECT_S", 2)
    with postgres.frozen():
        found = refusal(shop, database)
    assert (found["exit"], found["id"]) == (5, "EXPORT-001")
    import psycopg

    monkeypatch.setattr("pipelines.reports.exported_channels.ANSWER_S", 0.3)
    with psycopg.connect(database) as other:
        other.execute("lock table centra_myogo.exports in access exclusive mode")
        done = shop.command("status", "--from", database)
    assert done.exit_code == 5
    assert "no answer in 0.3 s" in done.stderr


def test_a_server_that_ends_in_mid_export_is_exit_5(
    shop_of: Callable[..., Shop], database: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(size(1))
    shop.run("plan")
    with monkeypatch.context() as patched:
        patched.setattr(data_warehouse, "_refuse_older", lambda *_: postgres.stop())
        try:
            found = refusal(shop, database)
        finally:
            postgres.start()
    assert (found["exit"], found["id"]) == (5, "EXPORT-001"), found
    exported(shop, database)


def test_tables_of_another_form_are_exit_2(shop_of: Callable[..., Shop], database: str) -> None:
    """As those of a version whose columns had other types."""
    shop = shop_of(size(1))
    shop.run("plan")
    exported(shop, database)
    execute(database, "alter table centra_myogo.sync_runs alter column verb type bigint using 1")
    found = refusal(shop, database)
    assert (found["exit"], found["id"]) == (2, "CONFIG-001"), found
    assert "refused the tables" in found["message"]
    assert "drop schema centra_myogo cascade" in found["fix"]
    execute(database, "drop schema centra_myogo cascade")
    exported(shop, database)


def test_a_user_without_rights_is_exit_2(shop_of: Callable[..., Shop], database: str) -> None:
    shop = shop_of(size(1))
    shop.run("plan")
    execute(database, "create user reader")
    found = refusal(shop, database.replace("//fleet@", "//reader@"))
    assert (found["exit"], found["id"]) == (2, "CONFIG-001")
    assert "permission denied" in found["message"]
    assert "create schemas" in found["fix"]


@pytest.mark.parametrize("package", ["psycopg", "psycopg2"])
def test_without_the_packages_one_message_says_what_to_install(
    shop_of: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    shop = shop_of(size(1))
    shop.run("plan")
    monkeypatch.setitem(sys.modules, package, None)
    found = refusal(shop, "postgresql://fleet@127.0.0.1:1/tables")
    assert found["exit"] == 2
    assert f"--to needs the package {package}" in found["message"]
    assert "centra-myogo[fleet]" in found["fix"]


def test_status_of_all_channels_is_that_of_their_files(
    shop_of: Callable[..., Shop], database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = shop_of(size(1), size(2, prices=[]))
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "demo.toml").write_text(shop.text, "utf-8")
    shop.run("push")
    assert shop.command("push", "demo", "--sku", "XYZ*").exit_code == 2, "says nothing about the channel"
    exported(shop, database)
    (local,) = json.loads(shop.command("status", "--json").stdout)["channels"]
    second_channel(shop)
    shop.run("plan")
    exported(shop, database)
    monkeypatch.setenv("CENTRA_MYOGO_WAREHOUSE", database)
    document = json.loads(shop.command("status", "--all", "--json").stdout)
    demo, other = document["channels"]
    exported_at = demo.pop("exported_at")
    assert abs(datetime.fromisoformat(exported_at).timestamp() - Path(shop.file).stat().st_mtime) < 3600
    assert {**demo, "age_s": 0} == {**local, "age_s": 0}
    assert (other["channel"], other["state"], other["last_push"], other["to_fix"]) == ("other", "attention", None, 1)
    lines = shop.command("status", "--from", "env:CENTRA_MYOGO_WAREHOUSE").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["Channel", "demo", "other"]
    assert "Exported" in lines[0]
    old = shop.command("status", "--all", "--max-age", "1h", "--json")
    assert (old.exit_code, [one["stale"] for one in json.loads(old.stdout)["channels"]]) == (3, [False, True])


def test_status_of_a_database_without_exports_says_what_to_do(
    shop_of: Callable[..., Shop], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(size(1))
    monkeypatch.delenv("CENTRA_MYOGO_WAREHOUSE", raising=False)
    for words, message in ((("--from", database), "No channel has been exported"), ((), "does not know where")):
        done = shop.command("status", "--all", *words, "--json")
        document = json.loads(done.stdout)
        assert (done.exit_code, document["channels"], document["error"]["id"]) == (2, [], "CONFIG-001")
        assert message in document["error"]["message"]
    assert not os.environ.get("CENTRA_MYOGO_WAREHOUSE")
