"""myOGO as the engine knows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.systems.myogo.config import MyOgoConfig
from pipelines.systems.myogo.webhook import WEBHOOK
from pipelines.systems.system import Interview, MergeBlocker, MirrorTable, Question, System
from schemas.fields.myogo import PRODUCTS, STOCK

if TYPE_CHECKING:
    from pipelines.systems.myogo.client import MyOgoClient

# In a full read a product of myOGO is known by its id: a code may be held twice, and may be changed.
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
        "something changed about a code that myOGO holds, or held, more than once",
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
    mirror = (
        MirrorTable("products", "products", PRODUCTS, "id"),
        MirrorTable("stock", "stock rows", STOCK, "product_code"),
    )
    merge_blockers = _BLOCKERS
    # A product's row tells its stock too, yet a movement of stock need not show there as a change.
    after_merge = (
        "update raw_myogo.products p set stock = s.stock, stock_available = s.stock_available, reserved = s.reserved "
        "from raw_myogo_changes.stock s where p.code = s.product_code and p.stock is not null",
    )
    webhook = WEBHOOK

    def connect(self, config: MyOgoConfig, permissions: Sequence[str]) -> MyOgoClient:
        from pipelines.systems.myogo.client import MyOgoClient

        return MyOgoClient(config, permissions)

    def preflight(
        self, config: MyOgoConfig, permissions: Sequence[str], questions: Sequence[Question], interview: Interview
    ) -> None:
        from pipelines.systems.myogo.preflight import preflight

        preflight(config, permissions, questions, interview)

    def identity(self, config: MyOgoConfig) -> Sequence[str]:
        secrets = (config.client_id, config.client_secret, config.merchant_id, config.secret_token)
        return [config.base_url, *(secret.reveal(name=True) for secret in secrets)]


MYOGO = MyOgo()
