"""The files in deploy/: every command in them exists, and each is valid as far as a tool here can tell."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.core.errors import ChannelBusy, RecordError

yaml: Any = import_module("yaml")  # comes with dlt, without types
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
UNITS = sorted((DEPLOY / "systemd").iterdir())


def commands_in(text: str) -> list[list[str]]:
    """The command lines of centra-myogo in a file; comments do not count."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = []
    for line in lines:
        for match in re.finditer(r"centra-myogo (?=[a-z-])((?:(?!\|\||>>?|&&|\d>).)+)", line):
            words = shlex.split(match[1])
            if words and re.fullmatch(r"[a-z]+", words[0]):
                found.append(words)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_command_has_a_verb_and_options_that_exist(file: Path) -> None:
    verbs: dict[str, Any] = vars(get_command(app))["commands"]
    for verb, *words in commands_in(file.read_text("utf-8")):
        if verb == "usr":
            continue
        assert verb in verbs, f"{file.name}: {verb}"
        options = {option for parameter in verbs[verb].params for option in parameter.opts}
        assert [word for word in words if word.startswith("--") and word not in options] == []


def test_the_commands_are_found() -> None:
    found = [words[0] for file in FILES for words in commands_in(file.read_text("utf-8"))]
    assert {"push", "plan", "check", "report", "listen", "status"} <= set(found)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    """With a program and a user that exist here."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    for one in UNITS:
        text = one.read_text("utf-8").replace("/usr/local/bin/centra-myogo", "/bin/true")
        text = text.replace("User=centra-myogo", "User=root").replace("Group=centra-myogo", "Group=root")
        (tmp_path / one.name.replace("@", "@se-web")).write_text(text, "utf-8")
    checked = subprocess.run(
        [tool, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / unit.name.replace("@", "@se-web"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Failed to" in checked.stderr and "bus" in checked.stderr:
        pytest.skip(f"systemd-analyze needs a running systemd here: {checked.stderr.splitlines()[0]}")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_exit_codes_that_are_no_failure_for_systemd() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "systemd" / "centra-myogo@.service")
    codes = {int(code) for code in unit["Service"]["SuccessExitStatus"].split()}
    assert codes == {RecordError.exit_code, ChannelBusy.exit_code}


def test_cron_lines_have_a_schedule_a_user_and_a_program() -> None:
    lines = [line for line in (DEPLOY / "cron.d" / "centra-myogo").read_text("utf-8").splitlines()
             if line and not line.startswith("#") and not re.match(r"[A-Z_]+=", line)]  # fmt: skip
    field = r"(?:\*|\d+)(?:/\d+)?"
    pattern = rf"{field} {field} {field} {field} {field} centra-myogo /usr/local/bin/centra-myogo \w+ .*"
    assert lines
    assert [line for line in lines if not re.fullmatch(pattern, line) or "%" in line] == []


def test_the_workflow_applies_the_plan_that_was_shown() -> None:
    workflow = yaml.safe_load((DEPLOY / "github" / "centra-myogo.yml").read_text("utf-8"))
    jobs = workflow["jobs"]
    assert jobs["push"]["needs"] == "plan"
    assert jobs["push"]["environment"] == "production"
    assert jobs["push"]["if"] == "github.event_name != 'pull_request'"
    runs = "\n".join(step.get("run", "") for step in jobs["push"]["steps"])
    assert '--expect "${{ needs.plan.outputs.fingerprint }}"' in runs
    assert jobs["plan"]["outputs"]["fingerprint"] == "${{ steps.plan.outputs.fingerprint }}"
    secrets = {name for name in workflow["env"] if name != "CHANNEL"}
    assert all(workflow["env"][name] == f"${{{{ secrets.{name} }}}}" for name in secrets)


def test_the_image_has_only_what_exists_and_no_root() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert "requirements-runtime.lock" in text
    assert (DEPLOY.parent / "requirements-runtime.lock").is_file()
    last_stage = text[text.rindex("FROM ") :]
    assert re.search(r"^USER 10001$", last_stage, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["/opt/centra-myogo/bin/centra-myogo"\]$', last_stage, re.MULTILINE)
