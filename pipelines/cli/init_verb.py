"""`init`: asks for what a channel needs, checks each answer at once, and writes the channel file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipelines.cli.common import ProjectOption, app, exit_with_error


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
    from pipelines.cli.channel_setup import ChannelSetup
    from pipelines.core.errors import CentraMyogoError

    given = {
        "centra": {"base_url": centra_url, "token": centra_token, "timezone": timezone},
        "myogo": {
            "client_id": client_id, "client_secret": client_secret, "merchant_id": merchant_id,
            "secret_token": secret_token, "base_url": myogo_url, "token_url": token_url,
        },
    }  # fmt: skip
    try:
        ChannelSetup(channel, given, currency, pricelist_id).run()
    except CentraMyogoError as error:
        exit_with_error(error, False, channel, "init", {})
