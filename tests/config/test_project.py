"""The project folder: where channels, secrets and working files are looked for, wherever a command is started."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.config.project import DATA_VARIABLE, PROJECT_VARIABLE, Project
from pipelines.config.toml_file import read_toml
from pipelines.core.errors import ConfigError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "srv" / "shop"
    (folder / "channels").mkdir(parents=True)
    (folder / "channels" / "se.toml").write_text("")
    (folder / "deep" / "down").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("start", [".", "deep", "deep/down", "channels"])
def test_the_nearest_folder_upward_that_holds_channels(
    project: Path, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / start)
    here = Project.current()
    assert here.folder == project
    assert here.find("se") == project / "channels" / "se.toml"
    assert here.data().resolve() == project / "data"


def test_a_named_project_is_used_from_anywhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROJECT_VARIABLE, str(project))
    here = Project.current()
    assert (here.folder, here.find("se"), here.data()) == (project, project / "channels" / "se.toml", project / "data")
    monkeypatch.setenv(DATA_VARIABLE, "/elsewhere")
    assert here.data() == Path("/elsewhere")


def test_without_channels_it_is_the_current_folder(tmp_path: Path) -> None:
    assert Project.current().folder == tmp_path
    assert Project.current().channel_files() == []


def test_a_named_project_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PROJECT_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="There is no project folder"):
        Project.current()


def test_a_path_that_is_the_name_of_a_channel_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(ConfigError) as caught:
        Project.current().find("se.toml")
    assert f"no channel file se.toml in {project}" in caught.value.message
    assert "give the name of the channel: se" in caught.value.fix


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True), (0o400, False)])
def test_the_secrets_file_is_loaded_and_open_rights_are_a_warning(
    project: Path, mode: int, warned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    file = project / ".env"
    file.write_text("SHOP_TOKEN=of-the-project\n")
    file.chmod(mode)
    with caplog.at_level(logging.WARNING):
        Project(project).load_environment()
    assert os.environ.pop("SHOP_TOKEN") == "of-the-project"
    assert (f"chmod 600 {file}" in caplog.text) == warned


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """`forbidden(folder)`: nobody may read or search it, root neither."""

    def make(folder: Path) -> None:
        def denying(name: str) -> None:
            original = getattr(Path, name)

            def call(path: Path, *more: Any, **options: Any) -> Any:
                if path == folder or folder in path.parents:
                    raise PermissionError(errno.EACCES, "Permission denied", str(path))
                return original(path, *more, **options)

            monkeypatch.setattr(Path, name, call)

        for name in ("iterdir", "stat", "is_file", "open", "read_text"):
            denying(name)

    return make


def test_a_folder_that_cannot_be_read_is_named(project: Path, forbidden: Callable[[Path], None]) -> None:
    """Path.glob would show it as empty."""
    here = Project(project)
    forbidden(project / "channels")
    for call in (here.channel_files, lambda: here.find("se"), lambda: here.find(str(project / "channels" / "se.toml"))):
        with pytest.raises(ConfigError) as caught:
            call()
        assert f"{project / 'channels'}" in caught.value.message
        assert "cannot be read: Permission denied" in caught.value.message
        assert "rights" in caught.value.fix


@pytest.mark.parametrize("verb", [("plan", "se"), ("status",), ("runs", "se"), ("check", "se")])
def test_a_command_without_the_right_to_read_ends_with_2(
    project: Path, verb: tuple[str, ...], forbidden: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    forbidden(project / "channels")
    monkeypatch.setenv(PROJECT_VARIABLE, str(project))
    result = CliRunner().invoke(app, [*verb], catch_exceptions=False)
    assert (result.exit_code, "(CONFIG-001)" in result.stderr) == (2, True), result.stderr


def test_secrets_that_cannot_be_read(project: Path) -> None:
    (project / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(ConfigError, match=r"\.env is not UTF-8 text"):
        Project(project).load_environment()


def test_an_unknown_channel_names_the_folder_of_the_project(tmp_path: Path) -> None:
    """Not that of the built-in channels, where nobody should write."""
    for name in ("nope", "example"):  # the example is a file to copy
        with pytest.raises(ConfigError) as caught:
            Project(tmp_path).find(name)
        assert caught.value.message.endswith(
            f"looked for {name}.toml in {tmp_path / 'channels'} (which does not exist); known: demo"
        )
        assert "centra-myogo init NAME" in caught.value.fix


def test_a_channel_file_that_is_not_utf_8_names_the_line(project: Path) -> None:
    file = project / "channels" / "se.toml"
    file.write_bytes(b'name = "a"\n# k\xf6per\n')
    with pytest.raises(ConfigError, match=r"se\.toml is not UTF-8 text \(line 2\)"):
        read_toml(file)
