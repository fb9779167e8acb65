"""A PostgreSQL for the tests of this folder, and a new database for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.fleet import PostgresServer, server_programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg", reason="needs the packages of centra-myogo[fleet]")
    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    server = PostgresServer(programs)
    yield server
    server.remove()


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The address of an empty database."""
    return postgres.new_database()
