"""The project folder: where channels, secrets and working files are looked for, wherever a command is started."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from pipelines.config.project import DATA_VARIABLE, PROJECT_VARIABLE, Project
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
