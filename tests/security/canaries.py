"""Planted secrets, the encodings in which a system may repeat them, and a search for them in output and files.

The search is independent of the project's masking code.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb

PART_LENGTH = 9  # characters of a secret in a row that count as a leak
STEP = 3  # a part starts at every third character, so any 11 in a row are found


@dataclass(frozen=True)
class Canaries:
    """The five secrets of a channel. They have no part in common."""

    centra_token: str
    client_id: str
    client_secret: str
    merchant_id: str
    secret_token: str

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(vars(self).values())


PLAIN = Canaries(
    centra_token="k7Qv2mZp9Rw4Xt6Bn1Lc8Hd3",
    client_id="wq5Yb0Ns7Jg2Fe9Ua4Ti6Ko1",
    client_secret="Zx8Vr3Mh6Pd1Gy5Cw0Ej7Sl2",
    merchant_id="d4f7b2a9-61c8-4e3f-95d0-7a1b8c6e2f53",
    secret_token="Bq6Ot1Xk9Wf4Nu7Iz2Da5Rm8",
)
# Every printable character that some encoding treats specially.
WITH_SPECIAL_CHARACTERS = Canaries(
    centra_token="""v7/Q+z=9&k'<m>"w\\x%2Fp~r;Lt`g#5?""",
    client_id="id:J/8+u=2&n'Y<c>~s,Kd%41@e!4$h^6",
    client_secret="""Ps+/7==&e"T\\u0041<b>'q z*9(w)[W]{f}|""",
    merchant_id="mm/3+H=5&y'<o>%25G-e_7.x~1 Nq2:c",
    secret_token="""tk\\/C+6=&a"X'8<i>#j?0;Rr,V%7Ev~4=""",
)


def forms(secret: str) -> dict[str, str]:
    """The secret in each encoding in which a system may repeat it, by the name of the encoding."""
    escaped = json.dumps(secret)[1:-1]
    dotnet = "".join(f"\\u{ord(c):04X}" if c in "+<>&'\"`" else "\\\\" if c == "\\" else c for c in secret)
    percent_encoded = "".join(f"%{ord(c):02X}" for c in secret)
    return {
        "as it is": secret,
        "address": quote(secret, safe=""),
        "address, lower": _lower(quote(secret, safe="")),
        "address, slashes kept": quote(secret),
        "address, every letter": percent_encoded,
        "address, every letter, lower": percent_encoded.lower(),
        "address in an address": quote(quote(secret, safe=""), safe=""),
        "form": quote_plus(secret),
        "form, lower": _lower(quote_plus(secret)),
        "JSON": escaped,
        "PHP's JSON": escaped.replace("/", "\\/"),
        ".NET's JSON": dotnet,
        ".NET's JSON, lower": "".join(f"\\u{ord(c):04x}" if c in "+<>&'" else c for c in escaped),
        "JSON, every letter": "".join(f"\\u{ord(c):04x}" for c in secret),
        "JSON in JSON": json.dumps(escaped)[1:-1],
        "HTML": html.escape(secret),
        "HTML, text only": html.escape(secret, quote=False),
        "HTML, decimal": "".join(c if c.isalnum() else f"&#{ord(c)};" for c in secret),
        "HTML, hex": "".join(c if c.isalnum() else f"&#x{ord(c):X};" for c in secret),
        "HTML in HTML": html.escape(html.escape(secret)),
        "Python": repr(secret)[1:-1],
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
        "base64 with a name": base64.b64encode(f"somebody:{secret}".encode()).decode(),
        "base64 as a name": base64.b64encode(f"{secret}:something".encode()).decode(),
        "base64 in an address": quote(base64.b64encode(f"x:{secret}".encode()).decode(), safe=""),
    }


def _lower(text: str) -> str:
    """The text with lower-case hex digits after percent signs."""
    first, *rest = text.split("%")
    return "%".join([first, *(piece[:2].lower() + piece[2:] for piece in rest)])


def traces(secret: str) -> set[str]:
    """Texts that must not appear: each complete encoding, each part of the secret, the core of its base64 encodings."""
    complete = {form for name, form in forms(secret).items() if not name.startswith("base64")}
    parts = {secret[at : at + PART_LENGTH] for at in range(0, len(secret) - PART_LENGTH + 1, STEP)} | {
        secret[-PART_LENGTH:]
    }
    base64_cores = set()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            base64_cores.add(encode(b"x" * before + secret.encode() + b"x" * 3).decode()[4:-8])
    return complete | parts | base64_cores


class SecretScanner:
    """Searches for traces of secrets. `add` adds a secret that is known only later, such as a token."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles: dict[bytes, str] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        self._needles |= {trace.encode(): secret for trace in traces(secret)}

    def find(self, where: str, content: bytes | str) -> list[str]:
        """Each trace in `content`, with `where`."""
        raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        raw = raw.replace(b"\0" * 64, b"\0")  # the empty parts of a DuckDB file
        return [f"{where}: {secret!r} as {needle!r}" for needle, secret in self._needles.items() if needle in raw]

    def in_files(self, *folders: Path) -> list[str]:
        """Traces in the files below the folders: names, bytes, and the cells of database tables."""
        found = []
        for path in itertools.chain.from_iterable(folder.rglob("*") for folder in folders):
            found += self.find("the name of a file", path.name)
            if path.is_file():
                found += self.find(str(path), path.read_bytes())
                for cells in _tables(path):
                    found += self.find(f"{path}, a table", cells)
        return found


def _tables(path: Path) -> Iterator[str]:
    """The cells of a DuckDB or Parquet file or a workbook, which store them compressed: one text per table."""
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            yield from (book.read(name).decode() for name in book.namelist())
    elif path.suffix == ".parquet":
        with duckdb.connect() as db:
            yield repr(db.execute("from read_parquet(?)", [str(path)]).fetchall())
    elif path.suffix in (".duckdb", ".new"):
        with duckdb.connect(str(path), read_only=True) as db:
            names = db.execute(
                "select schema_name, table_name from duckdb_tables() union all "
                "select schema_name, view_name from duckdb_views() where not internal"
            ).fetchall()
            for schema, name in names:
                cells = db.execute(f'select columns(*)::varchar from "{schema}"."{name}"').fetchall()
                yield "\n".join("\t".join(cell for cell in row if cell is not None) for row in cells)
            yield repr(db.execute("select comment from duckdb_columns() where comment is not null").fetchall())
