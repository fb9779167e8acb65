"""The questions of `init`: each system's answers are checked before the next system is asked about."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from pipelines.config.channel import CHANNEL_NAME
from pipelines.config.channel_writer import (
    add_secrets,
    channel_text,
    require_writable,
    variable_of,
    write_channel,
)
from pipelines.config.project import Project
from pipelines.config.registry import BUILTIN_FLOWS, BUILTIN_SYSTEMS
from pipelines.core.errors import CentraMyogoError, ConfigError
from pipelines.core.reference import import_string
from pipelines.core.secret import Secret
from pipelines.engine.preflight import check_system
from pipelines.reports.console import StandardOutput, print_check
from pipelines.systems.centra.pricelists import pricelists
from pipelines.systems.http.settings import SystemConfig
from pipelines.systems.question import Question
from pipelines.systems.system import System

Answers = dict[str, str]  # by the key of a system's table
OPTIONS = {
    ("centra", "base_url"): "--centra-url", ("centra", "token"): "--centra-token (or CENTRA_TOKEN)",
    ("centra", "timezone"): "--timezone", ("myogo", "client_id"): "--client-id (or MYOGO_CLIENT_ID)",
    ("myogo", "client_secret"): "--client-secret (or MYOGO_CLIENT_SECRET)",
    ("myogo", "merchant_id"): "--merchant-id (or MYOGO_MERCHANT_ID)",
    ("myogo", "secret_token"): "--secret-token (or MYOGO_SECRET_TOKEN)",
    ("myogo", "base_url"): "--myogo-url", ("myogo", "token_url"): "--token-url",
}  # fmt: skip


class ChannelSetup:
    """`given` has the answers that came as options, by system and key. Without a terminal, nothing is asked."""

    def __init__(
        self, channel: str, given: Mapping[str, Mapping[str, str | None]], currency: str, pricelist_id: str | None
    ) -> None:
        self.channel, self.given, self.currency, self.pricelist_id = channel, given, currency, pricelist_id
        self.systems: dict[str, System] = {name: import_string(where) for name, where in BUILTIN_SYSTEMS.items()}
        self.interactive = sys.stdin.isatty()
        self.out = StandardOutput()

    def run(self) -> None:
        """Asks, checks and writes. Raises ConfigError, and then no channel file has been written."""
        project = Project.current()
        file, secrets = project.channels / f"{self.channel}.toml", project.folder / ".env"
        if not re.fullmatch(CHANNEL_NAME, self.channel) or self.channel == "example":
            raise ConfigError(
                f"{self.channel!r} cannot be the name of a channel.",
                "Use small letters, digits, - and _, for example se-web.",
            )
        if file.exists():
            raise ConfigError(f"{file} exists already.", "Edit it, or choose another name for the channel.")
        require_writable(file, secrets)  # before somebody has typed everything
        answers = {name: self._answers(system) for name, system in self.systems.items()}
        text = channel_text(
            self.channel, {name: self._lines(name, values) for name, values in answers.items()}, self._params(answers)
        )
        add_secrets(
            secrets, {key: value for name in answers for key, value in self._secrets(name, answers[name]).items()}
        )
        write_channel(file, text)
        typer.echo(f"\nWritten: {_short(file)}, and the secrets to {_short(secrets)}\n")
        _print_indented(text)
        self._print_next_steps([name for name in answers if not self._has_identity(name, answers[name])], secrets)

    def _answers(self, system: System) -> Answers:
        """The answers about a system. Asks again for as long as the system does not accept them."""
        typer.echo(f"\n{system.title}")
        given = dict(self.given.get(system.name, {}))
        answers: Answers = {}
        while True:
            answers = self._ask_all(system, given, answers)
            if not self._has_identity(system.name, answers):
                return answers
            config = self._config(system, answers)
            if config is not None and (self._works(system, config) or self._keeps_them()):
                return answers
            if not self.interactive:
                raise ConfigError(
                    f"{system.title} cannot be used with these values; nothing was written.",
                    "Correct what the line above names, and run init again.",
                )
            given = {}

    def _keeps_them(self) -> bool:
        return self.interactive and typer.confirm("Use these values anyway?", default=False)

    def _has_identity(self, system: str, answers: Answers) -> bool:
        """Whether the system knows us: if its first question is about an identifier that we lack, the rest can wait."""
        first = self.systems[system].questions[0]
        return bool(answers[first.key]) or not first.identifier

    def _ask_all(self, system: System, given: Mapping[str, str | None], before: Answers) -> Answers:
        """The answers; those of the attempt `before` are proposed again, but for secrets."""
        answers: Answers = {}
        for question in system.questions:
            value = given.get(question.key)
            default = question.default if question.secret else before.get(question.key) or question.default
            if value is None and answers and not self._has_identity(system.name, answers):
                answers[question.key] = default  # it can wait
                continue
            while value is None or (self.interactive and self._shows_problem(system, question, value)):
                value = self._answer(system, question, default).strip()
            answers[question.key] = value.strip()
        return answers

    def _answer(self, system: System, question: Question, default: str) -> str:
        """The default, or what somebody types."""
        if question.default and not (question.ask_always and self.interactive):
            return default
        if not self.interactive:
            if question is system.questions[0] and question.identifier:
                return ""
            raise ConfigError(
                f"{OPTIONS[system.name, question.key]} is missing: {system.title}'s {question.text}.",
                "Give it as an option, or run init in a terminal.",
            )
        if question.hint:
            typer.secho(f"  {question.hint}", dim=True)
        return str(
            typer.prompt(
                f"  {question.text}",
                default=default or ("" if question.identifier else None),
                hide_input=question.secret and not question.identifier,
                show_default=bool(default),
            )
        )

    def _shows_problem(self, system: System, question: Question, value: str) -> bool:
        """Whether the text cannot be this answer; prints why. No system is asked yet."""
        problem = self._problem(system, question, value.strip())
        if problem:
            typer.secho(f"  {question.text}: {problem}", fg="red")
        return bool(problem)

    def _problem(self, system: System, question: Question, value: str) -> str:
        if question.secret:
            variable = self._variables(system.name)[question.key]
            os.environ[variable] = value
            try:
                if value or not question.identifier:
                    Secret(env=variable).reveal(identifier=question.identifier)
            except ConfigError as error:
                return f"{error.message} {error.fix}"
            return ""
        if question.default and not question.ask_always:  # not asked; its mistake is one of the options
            return ""
        try:
            system.Config.model_validate({question.key: value})
        except ValidationError as error:  # the other keys are missing
            of_key = [item["msg"] for item in error.errors() if item["loc"][:1] == (question.key,)]
            return of_key[0].removeprefix("Value error, ") if of_key else ""
        return ""

    def _config(self, system: System, answers: Answers) -> SystemConfig | None:
        """The system's configuration; None, with a line for each mistake, if a value cannot be one."""
        os.environ.update(self._secrets(system.name, answers))
        try:
            return system.Config.model_validate(
                {key: {"env": name} for key, name in self._variables(system.name).items()}
                | {key: value for key, value in answers.items() if key not in self._variables(system.name)}
            )
        except ValidationError as error:
            for item in error.errors():
                message = item["msg"].removeprefix("Value error, ")
                typer.secho(f"  {'.'.join(map(str, item['loc'][:1]))}: {message}", fg="red")
            return None

    def _works(self, system: System, config: SystemConfig) -> bool:
        """Whether the system accepts the values; prints a line for each check."""
        permissions = import_string(BUILTIN_FLOWS["products"]).permissions.get(system.name, ())
        return check_system(system, config, permissions, lambda check: print_check(self.out, check))

    def _variables(self, system: str) -> dict[str, str]:
        """The environment variable of each secret, by key."""
        questions = self.systems[system].questions
        return {one.key: variable_of(self.channel, system, one.key) for one in questions if one.secret}

    def _secrets(self, system: str, answers: Answers) -> dict[str, str]:
        """The secrets by environment variable."""
        return {variable: answers[key] for key, variable in self._variables(system).items()}

    def _lines(self, system: str, answers: Answers) -> dict[str, str]:
        """The values as they stand in the channel file, addresses first."""
        variables = self._variables(system)
        texts = {
            key: f'{{ env = "{variables[key]}" }}' if key in variables else value for key, value in answers.items()
        }
        return dict(sorted(texts.items(), key=lambda item: not item[0].endswith("url")))

    def _params(self, answers: Mapping[str, Answers]) -> dict[str, str]:
        """The parameters of the products flow; several price lists with the currency need a choice."""
        chosen = self._pricelist(answers["centra"]) if self.pricelist_id is None else self.pricelist_id
        return {"currency": self.currency} | ({"pricelist_id": chosen} if chosen else {})

    def _pricelist(self, answers: Answers) -> str:
        config: Any = self._config(self.systems["centra"], answers)
        try:
            found = pricelists(config, self.currency)
        except CentraMyogoError as error:
            typer.secho(f"The price lists could not be read: {error.message}", fg="yellow")
            return ""
        if not found:
            typer.secho(f"No {self.currency} price was found on the first page of products.", fg="yellow")
            return ""
        typer.echo(f"\nPrice lists in {self.currency}: " + ", ".join(f"{key} ({name})" for key, name in found.items()))
        if len(found) > 1 and not self.interactive:
            raise ConfigError(
                f"Several price lists are in {self.currency}: "
                + ", ".join(f"{key} ({name})" for key, name in found.items())
                + ".",
                "Choose the one with the prices for myOGO: --pricelist-id ID. Nothing was written.",
            )
        answer = first = next(iter(found))
        if len(found) > 1 and self.interactive:
            answer = ""
        while answer not in found:
            answer = str(typer.prompt("  Which one has the prices for myOGO?", default=first))
        return answer

    def _print_next_steps(self, missing: list[str], secrets: Path) -> None:
        """`missing` are the systems without credentials."""
        for name in missing:
            typer.echo(
                f"\nStill missing: the credentials of {self.systems[name].title}. A letter that asks for them:\n"
            )
            _print_indented(self.systems[name].request_for_credentials(self.channel))
        if missing:
            typer.echo(f"\nWhen they have come, write them into {_short(secrets)}, then:")
            typer.echo(f"centra-myogo check {self.channel}")
        else:
            typer.echo(f"\nNext:  centra-myogo plan {self.channel}")


def _print_indented(text: str) -> None:
    typer.echo("\n".join(f"    {line}".rstrip() for line in text.splitlines()))


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
