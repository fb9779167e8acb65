"""`init`: asks for what a channel needs, checks each answer at once, and writes the channel file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.common import ProjectOption, app, exit_with_error

if TYPE_CHECKING:
    from pipelines.systems.system import System

NAME = r"[a-z0-9][a-z0-9_-]{0,62}"


def _option(name: str, text: str, **more: Any) -> Any:
    return typer.Option(name, help=text, show_default=False, **more)


@app.command()
def init(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A name for the channel, such as se-web.")],
    centra_url: Annotated[str | None, _option("--centra-url", "Base URL of Centra's Order API plugin.")] = None,
    centra_token: Annotated[str | None, _option("--centra-token", "Its secret API key.", envvar="CENTRA_TOKEN")] = None,
    timezone: Annotated[str | None, _option("--timezone", "Time zone that your Centra uses.")] = None,
    client_id: Annotated[str | None, _option("--client-id", "myOGO's client id.", envvar="MYOGO_CLIENT_ID")] = None,
    client_secret: Annotated[
        str | None, _option("--client-secret", "myOGO's client secret.", envvar="MYOGO_CLIENT_SECRET")
    ] = None,
    merchant_id: Annotated[
        str | None, _option("--merchant-id", "myOGO's merchant id.", envvar="MYOGO_MERCHANT_ID")
    ] = None,
    secret_token: Annotated[
        str | None, _option("--secret-token", "myOGO's secret token.", envvar="MYOGO_SECRET_TOKEN")
    ] = None,
    myogo_url: Annotated[str | None, _option("--myogo-url", "Address of myOGO's API.")] = None,
    token_url: Annotated[str | None, _option("--token-url", "Address of myOGO's tokens.")] = None,
    currency: Annotated[str, typer.Option("--currency", help="Currency of the prices for myOGO.")] = "EUR",
    pricelist_id: Annotated[
        str | None, _option("--pricelist-id", "Price list of all products, where several have the currency.")
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Write a channel file. Asks for what it needs, checks each answer, and writes the secrets to .env."""
    from pipelines.core.errors import CentraMyogoError

    given = {
        "centra": {"base_url": centra_url, "token": centra_token, "timezone": timezone},
        "myogo": {
            "client_id": client_id, "client_secret": client_secret, "merchant_id": merchant_id,
            "secret_token": secret_token, "base_url": myogo_url, "token_url": token_url,
        },
    }  # fmt: skip
    try:
        _Setup(channel, given, currency, pricelist_id).run()
    except CentraMyogoError as error:
        exit_with_error(error, False, channel, "init", {})


@dataclass
class _Setup:
    """`given` has the answers that came as options, by system and key."""

    channel: str
    given: Mapping[str, Mapping[str, str | None]]
    currency: str
    pricelist_id: str | None
    secrets: dict[str, str] = field(default_factory=dict)  # by environment variable
    missing: list[str] = field(default_factory=list)  # systems without credentials

    def run(self) -> None:
        from pipelines.config.channel_writer import add_secrets, channel_text, write_channel
        from pipelines.config.project import Project
        from pipelines.config.registry import BUILTIN_SYSTEMS
        from pipelines.core.errors import ConfigError
        from pipelines.core.reference import import_string

        project = Project.current()
        file = project.channels / f"{self.channel}.toml"
        if not re.fullmatch(NAME, self.channel) or self.channel == "example":
            raise ConfigError(
                f"{self.channel!r} cannot be the name of a channel.",
                "Use small letters, digits, - and _, for example se-web.",
            )
        if file.exists():
            raise ConfigError(f"{file} exists already.", "Edit it, or choose another name for the channel.")
        systems = {name: self._system(import_string(reference)) for name, reference in BUILTIN_SYSTEMS.items()}
        params = self._params(systems["centra"])
        text = channel_text(
            self.channel, {name: self._written(name, values) for name, values in systems.items()}, params
        )
        write_channel(file, text)
        add_secrets(project.folder / ".env", self.secrets)
        typer.echo(f"\nWritten: {_short(file)}, and the secrets to {_short(project.folder / '.env')}\n")
        typer.echo("\n".join(f"    {line}".rstrip() for line in text.splitlines()))
        self._next_steps(project.folder / ".env")

    def _system(self, system: System) -> dict[str, str]:
        """The values of a system's keys. Asks again for as long as the system does not accept them."""
        typer.echo(f"\n{system.title}")
        given = dict(self.given.get(system.name, {}))
        while True:
            values = self._values(system, given)
            first = system.questions[0]
            if first.secret and not values[first.key]:
                self.missing.append(system.name)
                return values
            if self._works(system, values) or (
                self._interactive(system) and typer.confirm("Keep these values all the same?", default=False)
            ):
                return values
            if not self._interactive(system):
                from pipelines.core.errors import ConfigError

                raise ConfigError(
                    f"{system.title} cannot be used with these values; nothing was written.",
                    "Correct what the line above names, and run init again.",
                )
            given = {key: None for key in given if key in {question.key for question in system.questions}}

    def _interactive(self, system: System) -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin.isatty()

    def _values(self, system: System, given: Mapping[str, str | None]) -> dict[str, str]:
        values: dict[str, str] = {}
        for question in system.questions:
            value = given.get(question.key)
            if value is None and question.default and not (question.ask_always and self._interactive(system)):
                value = question.default
            if value is None:
                if not self._interactive(system):
                    from pipelines.core.errors import ConfigError

                    if not question.identifier or question is not system.questions[0]:
                        raise ConfigError(
                            f"There is no answer for {system.title}'s {question.text.lower()}.",
                            "Give it as an option (see init --help), or run init in a terminal.",
                        )
                    value = ""
                else:
                    value = self._ask(question)
            values[question.key] = value.strip()
            if question is system.questions[0] and question.secret and not values[question.key]:
                return values | {other.key: other.default for other in system.questions[1:]}
        return values

    def _ask(self, question: Any) -> str:
        if question.hint:
            typer.secho(f"  {question.hint}", dim=True)
        hidden = question.secret and not question.identifier
        default = question.default or ("" if question.identifier else None)
        return str(
            typer.prompt(f"  {question.text}", default=default, hide_input=hidden, show_default=bool(question.default))
        )

    def _works(self, system: System, values: Mapping[str, str]) -> bool:
        """Whether the system accepts the values; prints a line for each check."""
        from pydantic import ValidationError

        from pipelines.config.registry import BUILTIN_FLOWS
        from pipelines.core.errors import CentraMyogoError
        from pipelines.core.reference import import_string
        from pipelines.engine.preflight import check_system
        from pipelines.reports.console import StandardOutput, print_check

        try:
            config = system.Config.model_validate(self._table(system.name, values))
        except ValidationError as error:
            for item in error.errors():
                message = item["msg"].removeprefix("Value error, ")
                typer.secho(f"  {'.'.join(map(str, item['loc'][:1]))}: {message}", fg="red")
            return False
        out = StandardOutput()
        try:
            permissions = import_string(BUILTIN_FLOWS["products"]).permissions.get(system.name, ())
            return check_system(system, config, permissions, lambda check: print_check(out, check))
        except CentraMyogoError as error:
            typer.secho(f"  {error.message}", fg="red")
            return False

    def _table(self, system: str, values: Mapping[str, str]) -> dict[str, Any]:
        """The table of the channel file; the secrets go into the environment of this process."""
        from pipelines.config.channel_writer import variable_of

        table: dict[str, Any] = {}
        for key, value in values.items():
            if self._is_secret(system, key):
                variable = variable_of(self.channel, system, key)
                self.secrets[variable] = os.environ[variable] = value
                table[key] = {"env": variable}
            else:
                table[key] = value
        return table

    def _written(self, system: str, values: Mapping[str, str]) -> dict[str, str]:
        """The values as they stand in the channel file, addresses first."""
        table = self._table(system, values)
        texts = {
            key: value if isinstance(value, str) else f'{{ env = "{value["env"]}" }}' for key, value in table.items()
        }
        return dict(sorted(texts.items(), key=lambda item: not item[0].endswith("url")))

    @staticmethod
    def _is_secret(system: str, key: str) -> bool:
        from pipelines.config.registry import BUILTIN_SYSTEMS
        from pipelines.core.reference import import_string

        questions = import_string(BUILTIN_SYSTEMS[system]).questions
        return any(question.key == key and question.secret for question in questions)

    def _params(self, centra: Mapping[str, str]) -> dict[str, str]:
        """The parameters of the products flow; several price lists with the currency need a choice."""
        params = {"currency": self.currency}
        if self.pricelist_id is None:
            self.pricelist_id = self._chosen_pricelist(centra)
        return params | ({"pricelist_id": self.pricelist_id} if self.pricelist_id else {})

    def _chosen_pricelist(self, centra: Mapping[str, str]) -> str:
        from pipelines.core.errors import CentraMyogoError
        from pipelines.systems.centra.config import CentraConfig
        from pipelines.systems.centra.pricelists import pricelists

        try:
            found = pricelists(CentraConfig.model_validate(self._table("centra", centra)), self.currency)
        except CentraMyogoError as error:
            typer.secho(f"The price lists could not be read: {error.message}", fg="yellow")
            return ""
        if not found:
            typer.secho(f"No {self.currency} price was found on the first page of products.", fg="yellow")
            return ""
        typer.echo(f"\nPrice lists in {self.currency}: " + ", ".join(f"{key} ({name})" for key, name in found.items()))
        if len(found) == 1 or not sys.stdin.isatty():
            return next(iter(found))
        while True:
            answer = str(typer.prompt("  Which one has the prices for myOGO?", default=next(iter(found))))
            if answer in found:
                return answer

    def _next_steps(self, secrets: Path) -> None:
        from pipelines.config.registry import BUILTIN_SYSTEMS
        from pipelines.core.reference import import_string

        for name in self.missing:
            system = import_string(BUILTIN_SYSTEMS[name])
            typer.echo(f"\nStill missing: the credentials of {system.title}. A letter that asks for them:\n")
            typer.echo(
                "\n".join(f"    {line}".rstrip() for line in system.request_for_credentials(self.channel).splitlines())
            )
        if self.missing:
            typer.echo(
                f"\nWhen they have come, write them into {_short(secrets)}, then:  centra-myogo check {self.channel}"
            )
        else:
            typer.echo(f"\nNext:  centra-myogo plan {self.channel}")


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
