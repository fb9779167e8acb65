"""The declaration of myOGO for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.systems.myogo.config import MyOgoConfig
from pipelines.systems.myogo.webhook import WEBHOOK
from pipelines.systems.question import Question
from pipelines.systems.system import CheckRunner, DatedTable, MergeBlocker, MirrorTable, System, SystemCheck
from schemas.fields.myogo import PRODUCTS, STOCK
from schemas.fields.myogo_orders import ORDERS

if TYPE_CHECKING:
    from pipelines.systems.myogo.client import MyOgoClient

# Changes of products are merged by id, because myOGO may hold a code twice, and a code may change.
_BLOCKERS = (
    MergeBlocker(
        "myOGO lists products without an id, by which changes are merged",
        "select 1 from (select id from raw_myogo.products union all select id from raw_myogo_changes.products) "
        "where coalesce(id, '') = ''",
    ),
    MergeBlocker(
        "the code of a product was changed in myOGO",
        "select 1 from raw_myogo_changes.products n join raw_myogo.products o using (id) where n.code <> o.code",
    ),
    MergeBlocker(
        "a product or its stock changed whose code myOGO holds, or held, more than once",
        "select 1 from (select id, code from raw_myogo.products union select id, code from raw_myogo_changes.products) "
        "where code in (select product_code from raw_myogo_changes.stock union select code from "
        "raw_myogo_changes.products) group by code having count(*) > 1",
    ),
)


class MyOgo(System):
    """OGOship's myOGO, one merchant."""

    name = "myogo"
    title = "myOGO"
    Config = MyOgoConfig
    catalogue = "pipelines.systems.myogo.source:myogo"
    mirror = (
        MirrorTable("products", "products", PRODUCTS, "id", comment="One row per product, as myOGO holds it."),
        MirrorTable(
            "stock", "stock rows", STOCK, "product_code", comment="One row per product: its stock in myOGO, in units."
        ),
    )
    dated = (
        DatedTable("orders", ORDERS, "One row per recent order: status, tracking and units by code; no personal data."),
        DatedTable(
            "ordered_products",
            (),
            "One row per code of an open order that the list of products did not show and that myOGO holds.",
            {"code": "The code."},
        ),
    )
    merge_blockers = _BLOCKERS
    # Product rows contain stock too, but a stock change does not always list the product as changed.
    after_merge = (
        "update raw_myogo.products p set stock = s.stock, stock_available = s.stock_available, reserved = s.reserved "
        "from raw_myogo_changes.stock s where p.code = s.product_code and p.stock is not null",
    )
    webhook = WEBHOOK
    questions = (
        Question(
            "client_id", "Client ID", "From OGOship's tech team; leave it empty if you do not have one yet",
            secret=True, identifier=True,
        ),
        Question("client_secret", "Client secret", "From OGOship's tech team", secret=True),
        Question(
            "merchant_id", "Merchant ID", "In myOGO: Edit Merchant, Integrations, API Information",
            secret=True, identifier=True,
        ),
        Question("secret_token", "Secret token", "On the same page", secret=True),
        Question("base_url", "Address of the API", default="https://api.ogoship.com"),
        Question("token_url", "Address of the tokens", default="https://my.ogoship.com/OAuth/Token"),
    )  # fmt: skip

    def request_for_credentials(self, company: str) -> str:
        return (
            "To: OGOship's tech team\n"
            f"Subject: API client for {company}\n\n"
            "Hello,\n\n"
            f"we connect our Centra shop ({company}) to our merchant in myOGO over your API.\n"
            "Please give us a client id and a client secret with these scopes:\n\n"
            "  read:product write:product read:order write:order\n\n"
            "If you have a demo merchant for tests, we would like to use it first.\n\n"
            "Thank you!\n"
        )

    def connect(self, config: MyOgoConfig, permissions: Sequence[str]) -> MyOgoClient:
        from pipelines.systems.myogo.client import MyOgoClient

        return MyOgoClient(config, permissions)

    def preflight(
        self, config: MyOgoConfig, permissions: Sequence[str], extra_checks: Sequence[SystemCheck], runner: CheckRunner
    ) -> None:
        from pipelines.systems.myogo.preflight import preflight

        preflight(config, permissions, extra_checks, runner)

    def identity(self, config: MyOgoConfig) -> Sequence[str]:
        secrets = (config.client_id, config.client_secret, config.merchant_id, config.secret_token)
        return [config.base_url, *(secret.reveal(identifier=True) for secret in secrets)]


MYOGO = MyOgo()
