"""Addresses of PostgreSQL databases, and connections whose answers have a time limit."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.core.logs import register_secret
from pipelines.core.secret import Secret

if TYPE_CHECKING:
    import psycopg

INSTALL = "Install it: centra-myogo[fleet], for example uv tool install 'FILE.whl[fleet]'."
_VARIABLE = "env:"
Failure = Callable[[str], CentraMyogoError]  # makes the error of a database that does not answer, with this reason


@dataclass(frozen=True)
class Address:
    """The database of a connection string; `place` names it in messages, without user and password."""

    conninfo: str
    place: str
    parts: Mapping[str, str]

    @classmethod
    def of(cls, text: str, named: str, where: str = "") -> Address:
        """The address `postgresql://...`, or the one in the environment variable NAME of `env:NAME`. Its password is
        masked from now on. `named` is the option or key, `where` the place of the address, for messages. Raises
        ConfigError."""
        try:
            import psycopg
        except ImportError as error:
            raise ConfigError(f"{named} needs the package psycopg, which is not installed.", INSTALL) from error
        shape = f"Write postgresql://USER:PASSWORD@HOST/DATABASE{where}"
        if text.startswith(_VARIABLE):
            name = text.removeprefix(_VARIABLE)
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ConfigError(f"{named}: {_VARIABLE} needs the name of a variable.", f"Write {_VARIABLE}NAME.")
            text = Secret(env=name).reveal()
            shape += f" into the variable {name}"
        try:
            if not text.strip():
                raise psycopg.ProgrammingError
            parts = {key: str(value) for key, value in psycopg.conninfo.conninfo_to_dict(text).items()}
        except psycopg.ProgrammingError:  # its text may have a part of the password
            raise ConfigError(f"{named}: this is not the address of a PostgreSQL database.", f"{shape}.") from None
        for secret in ("password", "sslpassword", "oauth_client_secret"):
            register_secret(parts.get(secret, ""))
        place = f"{parts.get('host') or 'this machine'}, database {parts.get('dbname') or 'of the user'}"
        return cls(psycopg.conninfo.make_conninfo("", **parts), place, parts)


def state_address(text: str) -> Address:
    """The address that `state.database` of a channel file holds. Raises ConfigError."""
    return Address.of(text, "state.database", " into the variable or file that the channel file names")


def connect(address: Address, connect_s: int) -> psycopg.Connection[Any]:
    """A connection without prepared statements, which poolers do not keep. Raises psycopg's errors."""
    import psycopg

    return psycopg.connect(
        address.conninfo, autocommit=True, prepare_threshold=None, connect_timeout=connect_s,
        application_name="centra-myogo",
    )  # fmt: skip


@contextlib.contextmanager
def connected(address: Address, connect_s: int, failure: Failure) -> Iterator[psycopg.Connection[Any]]:
    """A connection that is closed at the end. Raises `failure`."""
    import psycopg

    try:
        connection = connect(address, connect_s)
    except psycopg.Error as error:
        raise failure(first_line(error)) from error
    try:
        yield connection
    finally:
        with contextlib.suppress(psycopg.Error):
            connection.close()


@contextlib.contextmanager
def cut_after(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cuts the connection if the block takes longer than `seconds`, because the driver waits for an answer without
    limit. Raises TimeoutError then, else psycopg's errors."""
    import psycopg

    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except psycopg.Error as error:
        if is_late.is_set():
            raise TimeoutError(f"no answer in {seconds:g} s") from error
        raise
    finally:
        timer.cancel()


@contextlib.contextmanager
def answers_in(connection: psycopg.Connection[Any], seconds: float, failure: Failure) -> Iterator[None]:
    """Raises `failure` if the database refuses a statement of the block, or if the block takes longer than `seconds`;
    the connection is then cut."""
    import psycopg

    try:
        with cut_after(connection, seconds):
            yield
    except (psycopg.Error, TimeoutError) as error:
        raise failure(first_line(error)) from error


def rows_of(address: Address, query: str, seconds: float, failure: Failure, needs: str = "") -> list[Mapping[str, Any]]:
    """The rows of one query, by column name; none if there is no table `needs`. Connecting and the query may take
    `seconds` each. Raises `failure`."""
    from psycopg.rows import dict_row

    with (
        connected(address, max(2, int(seconds)), failure) as connection,
        answers_in(connection, seconds, failure),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        if needs and connection.execute("select to_regclass(%s)", [needs]).fetchone() == (None,):
            return []
        return [*cursor.execute(query).fetchall()]


def first_line(error: BaseException) -> str:
    """The first line of an error's text; its class if it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
