"""Edits a channel file: sets and removes keys; comments, order and all other keys stay as they are."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import re
import stat
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Table

from pipelines.config.atomic_file import write_atomically
from pipelines.config.load import load_text
from pipelines.config.toml_file import parse_toml
from pipelines.core.errors import ConfigError

Key = tuple[str, ...]
REMOVE = object()  # the value of a key that is to be removed
_saving = threading.Lock()


class FileChanged(ConfigError):
    """The file on disk is another one than the one that was edited."""


class ChannelEditor:
    """The text of a channel file, with changes that `save` writes.

    `digest` identifies the content that was read; it is "" for a file that does not exist yet.
    """

    def __init__(self, path: Path, text: str, digest: str) -> None:
        self.path, self.digest, self._before, self._text = path, digest, text, text
        self._data = parse_toml(path, text)

    @classmethod
    def read(cls, path: Path) -> ChannelEditor:
        """Raises ConfigError."""
        content = _content(path)
        try:
            return cls(path, content.decode("utf-8"), _digest(content))
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} cannot be read: {error}.", "Save it as UTF-8.") from error

    @classmethod
    def new(cls, path: Path, name: str) -> ChannelEditor:
        """A file that only has the channel's name. Nothing is written before `save`."""
        return cls(path, f"name = {tomlkit.item(name).as_string()}\n", "")

    @property
    def data(self) -> Mapping[str, Any]:
        """The tables, with the changes."""
        return self._data

    @property
    def text(self) -> str:
        return self._text

    def value(self, key: Key) -> Any:
        """The value of the key; None without one."""
        return _value(self._data, key)

    def edit(self, changes: Sequence[tuple[Key, Any]]) -> None:
        """Sets each key to its value, or removes it. A key that has the value already keeps the way it is written.

        Raises ConfigError if the file is written in a way that cannot be edited; nothing has changed then.
        """
        wanted, text = copy.deepcopy(self._data), self._text
        try:
            for key, value in changes:
                if not _is_same(_value(wanted, key), value):
                    _change(wanted, key, value)
                    text = _changed(text, key, value)
            text = _with_line_ends_of(self._text, text)
            is_right = tomllib.loads(text) == wanted
        except (TOMLKitError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise self._not_editable() from error
        if not is_right:
            raise self._not_editable()
        self._text, self._data = text, wanted

    def check(self) -> None:
        """Raises ConfigError if the new text is not a valid channel file, FileChanged if the file has changed."""
        load_text(self.path, self._text)
        self._refuse_if_changed()

    def save(self) -> None:
        """Replaces the file, at once and completely. Raises ConfigError as `check` does, or if it cannot be written."""
        with _saving:
            self.check()
            if self._text != self._before or not self.digest:
                self._replace()
        content = self._text.encode("utf-8")
        self._before, self.digest = self._text, _digest(content)

    def _refuse_if_changed(self) -> None:
        if not self.digest:
            if self.path.exists():
                raise FileChanged(f"{self.path} exists already.", "Choose another name for the channel.")
        elif _digest(_content(self.path)) != self.digest:
            raise FileChanged(
                f"{self.path} was changed while you were looking at its settings.",
                "Look at the new values and make your change again.",
            )

    def _replace(self) -> None:
        path = self.path.resolve()  # not the link that may lead to it
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = stat.S_IMODE(path.stat().st_mode) if self.digest else None
            write_atomically(path, self._text, mode)
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be written: {error.strerror}.", "Check the folder's owner and rights."
            ) from error

    def _not_editable(self) -> ConfigError:
        return ConfigError(
            f"{self.path} is written in a way that this page cannot edit without changing more than you asked for.",
            "Edit the file by hand; nothing was changed.",
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Check the file and its permissions.") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _value(tables: Any, key: Key) -> Any:
    for part in key:
        if not isinstance(tables, Mapping) or part not in tables:
            return None
        tables = tables[part]
    return tables


def _is_same(old: Any, new: Any) -> bool:
    """Whether nothing changes; 1, 1.0 and true are different."""
    return old is None if new is REMOVE else type(old) is type(new) and old == new


def _change(tables: dict[str, Any], key: Key, value: Any) -> None:
    """Raises TypeError if one of the tables on the way is something else."""
    for part in key[:-1]:
        tables = tables.setdefault(part, {})
        if not isinstance(tables, dict):
            raise TypeError(f"{part} is not a table")
    if value is REMOVE:
        del tables[key[-1]]
    else:
        tables[key[-1]] = value


def _changed(text: str, key: Key, value: Any) -> str:
    """The text with this key set or removed, by tomlkit, which keeps all else. Raises TOMLKitError and others."""
    if value == {} and (longer := _with_heading(text, key)) != text:
        return longer
    if value is REMOVE and _value(tomllib.loads(text), key) == {} and (shorter := _without_heading(text, key)) != text:
        return shorter
    head = _before_first_heading(text) if len(key) == 1 else text
    if len(key) > 1 and value is not REMOVE and _value(tomllib.loads(text), key[:-1]) is None:
        head = _with_heading(text, key[:-1])
    rest = text[len(head) :]
    document = tomlkit.parse(head)
    tables: Any = document
    for part in key[:-1]:
        if part not in tables:  # in an inline table, or below a dotted key
            tables[part] = {}
        tables = tables[part]
    if value is REMOVE:
        del tables[key[-1]]
    elif isinstance(value, list) and isinstance(tables.get(key[-1]), Array):
        _edit_array(tables[key[-1]], value)
    elif key[-1] in tables:
        tables[key[-1]] = _item(value)
    else:
        _add(tables, key[-1], _item(value))
    return tomlkit.dumps(document) + rest


def _before_first_heading(text: str) -> str:
    """The top level of the file. A line with a bracket may also be part of a value that has several lines."""
    for heading in re.finditer(r"^[ \t]*\[", text, re.MULTILINE):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            tomllib.loads(text[: heading.start()])
            return text[: heading.start()]
    return text


def _with_heading(text: str, table: Key) -> str:
    """With a new table at the end, where no comment stands that belongs to the next one."""
    name = ".".join(tomlkit.key(part).as_string() for part in table)
    longer = f"{text.rstrip()}\n\n[{name}]\n"
    try:
        tomllib.loads(longer)
    except tomllib.TOMLDecodeError:  # one of its parents is an inline table or has dotted keys
        return text
    return longer


def _without_heading(text: str, table: Key) -> str:
    """Without the heading of an empty table. The comments below it stay."""
    name = r"[ \t]*\.[ \t]*".join(re.escape(tomlkit.key(part).as_string()) for part in table)
    return re.sub(rf"^[ \t]*\[[ \t]*{name}[ \t]*\][ \t]*(#.*)?(\r?\n|\Z)", "", text, count=1, flags=re.MULTILINE)


def _add(tables: Any, name: str, item: Any) -> None:
    """Adds the key below the last one of its table: what follows there may be a comment on the next table."""
    if isinstance(tables, Table) and tables.is_super_table():
        tables.trivia.comment = tables.trivia.comment_ws = ""  # tomlkit took it from a table inside
    container = tables.value if isinstance(tables, Table) else tables
    if not isinstance(container, Container) or any(isinstance(one, Table | AoT) for _, one in container.body):
        tables[name] = item
        return
    last = max((at for at, (key, _) in enumerate(container.body) if key is not None), default=-1)
    after = container.body[last + 1 :]
    del container.body[last + 1 :]
    tables[name] = item
    container.body.extend(after)


def _edit_array(array: Array, wanted: list[Any]) -> None:
    """Removes and appends values; the others keep their lines and comments."""
    left = [*wanted]
    for at, value in reversed([*enumerate(array.unwrap())]):
        if value in left:
            left.remove(value)
        else:
            del array[at]
    for value in left:
        array.append(_item(value))
    if array.unwrap() != wanted:  # in another order
        array.clear()
        array.extend(map(_item, wanted))


def _item(value: Any) -> Any:
    return tomlkit.value(_written(value)) if isinstance(value, dict | list) else tomlkit.item(value)


def _written(value: Any) -> str:
    """In one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{tomlkit.key(name).as_string()} = {_written(one)}' for name, one in value.items())} }}"
    return str(tomlkit.item(value).as_string())


def _with_line_ends_of(before: str, text: str) -> str:
    """With CRLF if all lines of `before` end with it."""
    if before.count("\n") and before.count("\r\n") == before.count("\n"):
        return text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text
