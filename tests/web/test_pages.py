"""The pages as a person without JavaScript uses them, on a socket and with real runs."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.config.project import Project
from pipelines.config.serve import Serve
from pipelines.core.errors import ConfigError
from tests.support.served import Visitor, served_pages, text_of
from tests.support.shop import Shop, product, size
from tests.support.waiting import wait_for

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def project_of(shop: Shop) -> Path:
    folder = shop.folder / "project"
    (folder / "channels").mkdir(parents=True, exist_ok=True)
    shutil.copy(shop.file, folder / "channels" / "demo.toml")
    return folder


@pytest.fixture
def small(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of(
        size(1),
        size(2, name=ATTACK, brand=ATTACK, variant=ATTACK),
        size(3, prices=[]),
        size(4, active=0),
        size(5),
        myogo=[product(5, name="Old"), {"code": "OLD", "name": ATTACK}],
    )


@pytest.fixture
def visitor(small: Shop) -> Iterator[Visitor]:
    with served_pages(project_of(small), small.data) as found:
        yield found


def refreshed(visitor: Visitor) -> None:
    visitor.get("/")
    page = visitor.ended(visitor.post("/channels/demo/refresh"))
    assert "to create" in page


def test_before_the_first_run_each_page_says_what_to_do(visitor: Visitor) -> None:
    assert "never run" in visitor.get("/")
    for path in ("flows/products", "fix", "runs"):
        assert "Press Refresh" in visitor.get(f"/channels/demo/{path}"), path
    visitor.get("/channels/demo/lists.xlsx", status=404)


def test_test_checks_both_systems_and_shows_each_check(visitor: Visitor) -> None:
    visitor.get("/")
    page = text_of(visitor.ended(visitor.post("/channels/demo/test")))
    assert "(exit 0" in page
    assert "Centra, " in page
    assert "myOGO, " in page


def test_only_the_ticked_rows_are_sent_and_only_as_shown(visitor: Visitor, small: Shop) -> None:
    refreshed(visitor)
    visitor.get("/channels/demo/flows/products?state=sendable")
    page = visitor.ended(visitor.post("/channels/demo/flows/products/plan", {"choice": "ticked", "code": ["SKU1"]}))
    assert "Send exactly this change<" in page
    job, fingerprint = job_and_fingerprint(page)
    assert sorted(row["code"] for row in small.box.myogo_products()) == ["OLD", "SKU5"]
    result = text_of(visitor.ended(visitor.post(f"{job}/apply", {"fingerprint": fingerprint})))
    assert "1 written" in result
    assert sorted(row["code"] for row in small.box.myogo_products()) == ["OLD", "SKU1", "SKU5"]
    assert [by for (by,) in small.sql("select requested_by from sync.runs order by started_at")] == ["local"] * 3


def test_a_plan_that_has_changed_is_not_applied(visitor: Visitor, small: Shop) -> None:
    """A colleague changes the price between the look and the press."""
    refreshed(visitor)
    page = visitor.ended(visitor.post("/channels/demo/flows/products/plan", {"choice": "ticked", "code": ["SKU1"]}))
    job, fingerprint = job_and_fingerprint(page)
    small.box.change_centra_row(1, name="Another name")
    result = text_of(visitor.ended(visitor.post(f"{job}/apply", {"fingerprint": fingerprint})))
    assert "not the reviewed" in result
    assert "Nothing was written" in result
    assert len(small.box.myogo_products()) == 2
    assert "Look at the plan again" in visitor.post(f"{job}/apply", {"fingerprint": "0" * 16}, status=409)


def test_all_that_match_sends_what_the_filter_finds_now(visitor: Visitor, small: Shop) -> None:
    refreshed(visitor)
    page = visitor.ended(
        visitor.post("/channels/demo/flows/products/plan", {"choice": "all", "text": "parka", "state": "only source"})
    )
    job, fingerprint = job_and_fingerprint(page)
    visitor.ended(visitor.post(f"{job}/apply", {"fingerprint": fingerprint}))
    assert sorted(row["code"] for row in small.box.myogo_products()) == ["OLD", "SKU1", "SKU5"]


@pytest.mark.parametrize("fields", [{}, {"choice": "ticked"}, {"choice": "all", "text": "nothing has this"}])
def test_a_plan_of_no_row_starts_no_run(visitor: Visitor, fields: dict[str, str]) -> None:
    refreshed(visitor)
    assert "No row is ticked" in visitor.post("/channels/demo/flows/products/plan", fields, status=400)


def test_texts_of_vendors_and_of_addresses_are_never_markup(visitor: Visitor) -> None:
    refreshed(visitor)
    quoted = html.escape(ATTACK, quote=True)
    for path in (
        "/",
        "/channels/demo/flows/products",
        f"/channels/demo/flows/products?text={ATTACK}&brand={ATTACK}&rule={ATTACK}",
        "/channels/demo/fix",
        "/channels/demo/runs",
        f"/channels/demo/history?code={ATTACK}",
    ):
        page = visitor.get(path)
        assert ATTACK not in page, path
        assert not re.search(r"<img|<script>|onerror=alert\(2\)>(?<!&gt;)", page), path
    assert quoted in visitor.get("/channels/demo/flows/products").replace("&#34;", "&quot;").replace("&#39;", "&#x27;")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/channels/nope/", 404),
        ("/channels/demo/flows/nope", 404),
        ("/channels/demo/jobs/99", 404),
        ("/channels/demo/runs/nope", 404),
        ("/channels/..%2f..%2fetc/", 404),
        ("/channels/demo/runs/..%2f..%2fetc", 404),
        ("/static/..%2fapp.py", 404),
        ("/static/../app.py", 404),
        ("/acts/price", 405),
        ("/nope", 404),
    ],
)
def test_addresses_that_do_not_exist_are_answered(visitor: Visitor, path: str, status: int) -> None:
    visitor.get(path, status=status)


def test_what_to_fix_survives_a_run_of_chosen_rows(visitor: Visitor) -> None:
    refreshed(visitor)
    before = text_of(visitor.get("/channels/demo/fix"))
    assert "1 size : There is no price" in before
    visitor.ended(visitor.post("/channels/demo/flows/products/plan", {"choice": "ticked", "code": ["SKU1"]}))
    assert text_of(visitor.get("/channels/demo/fix")) == before


def test_the_report_of_a_run_may_use_its_own_script_and_nothing_else_may(visitor: Visitor, small: Shop) -> None:
    refreshed(visitor)
    [(run_id,)] = small.sql("select run_id from sync.runs")
    answer = visitor.session.get(f"{visitor.address}/channels/demo/runs/{run_id}")
    assert "sha256-" in answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in visitor.session.get(f"{visitor.address}/").headers["Content-Security-Policy"]


def test_lists_history_and_runs_are_there_after_a_run(visitor: Visitor) -> None:
    refreshed(visitor)
    book = visitor.session.get(f"{visitor.address}/channels/demo/lists.xlsx")
    assert book.content.startswith(b"PK")
    assert "planned create" in visitor.get("/channels/demo/history?code=SKU1")
    assert "No run has met" in visitor.get("/channels/demo/history?code=SKU99")
    assert "local" in visitor.get("/channels/demo/runs")


def test_a_channel_file_is_taken_up_when_it_changes(visitor: Visitor, small: Shop) -> None:
    visitor.get("/")
    file = small.folder / "project" / "channels" / "demo.toml"
    text = file.read_text("utf-8")
    file.write_text(text.replace("currency          = ", "curency          = "), "utf-8")
    page = text_of(visitor.get("/"))
    assert "invalid" in page
    assert "did you mean currency" in page
    visitor.get("/channels/demo/flows/products", status=409)
    file.write_text(text, "utf-8")
    assert "never run" in visitor.get("/")
    file.with_name("second.toml").write_text(text, "utf-8")
    assert "Another channel file has the name" in text_of(visitor.get("/"))
    file.unlink()
    file.with_name("second.toml").unlink()
    assert "There is no channel file" in visitor.get("/")


def test_a_folder_that_cannot_be_read_keeps_the_channels(
    visitor: Visitor, small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Project) -> list[Path]:
        raise ConfigError("channels cannot be read: permission denied.", "Check its owner and rights.")

    monkeypatch.setattr(Project, "channel_files", unreadable)
    assert "demo" in text_of(visitor.get("/"))


def test_a_viewer_sees_everything_and_no_button(small: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.web.access.passwords import PasswordHash

    monkeypatch.setenv("VERA", PasswordHash.of("pebble-stone-river-two", 16).text)
    settings = Serve.model_validate({"users": {"vera": {"role": "viewer", "password_hash": {"env": "VERA"}}}})
    with served_pages(project_of(small), small.data, settings) as visitor:
        visitor.get("/login")
        visitor.post("/login", {"name": "vera", "password": "pebble-stone-river-two"})
        small.run("plan")
        for path in ("/", "/channels/demo/flows/products", "/channels/demo/fix", "/channels/demo/runs"):
            page = visitor.get(path)
            assert re.findall(r"<button[^>]*>([^<]*)", page) in (
                ["Log out"], ["Search", "Log out"], ["Search", "Log out", "Filter"],
            ), path  # fmt: skip
        visitor.post("/channels/demo/refresh", status=403)
        assert small.sql("select count(*) from sync.runs") == [(1,)]


def test_metrics_and_health_answer(visitor: Visitor) -> None:
    refreshed(visitor)
    metrics = visitor.get("/metrics")
    assert 'centra_myogo_channel_state{channel="demo",state="attention"} 1.0' in metrics
    assert 'centra_myogo_flow_rows{channel="demo",count="waiting",flow="products"} 3.0' in metrics
    assert visitor.get("/health") == '{"status":"ok"}'


def test_stop_ends_a_run_after_the_write_that_is_under_way(shop_of: Callable[..., Shop]) -> None:
    shop = shop_of(*(size(number) for number in range(1, 400)))
    shop.edit("requests_per_second = 1000.0", "requests_per_second = 20.0")
    with served_pages(project_of(shop), shop.data) as visitor:
        visitor.get("/")
        refreshed(visitor)
        page = visitor.ended(visitor.post("/channels/demo/flows/products/plan", {"choice": "all"}))
        job, fingerprint = job_and_fingerprint(page)
        running = visitor.post(f"{job}/apply", {"fingerprint": fingerprint})
        path = re.search(r'hx-get="([^"]+)"', running)
        assert path
        wait_for(lambda: "Wrote " in visitor.get(path[1]))
        result = text_of(visitor.ended(visitor.post(f"{path[1]}/stop")))
        assert "Stopped on request" in result
        written, left = (int(number) for number in re.findall(r"(\d+) (?:written|not attempted)", result))
        assert (written + left, 0 < written < 399) == (399, True)
        assert len(shop.box.myogo_products()) == written


def job_and_fingerprint(page: str) -> tuple[str, str]:
    job, fingerprint = (
        re.search(pattern, page)
        for pattern in (r'action="([^"]+)/apply"', r'name="fingerprint" value="([0-9a-f]{16})"')
    )
    assert job, text_of(page)
    assert fingerprint
    return job[1], fingerprint[1]


def test_a_code_can_be_excluded_and_included_again_in_the_channel_file(visitor: Visitor, small: Shop) -> None:
    refreshed(visitor)
    file = small.folder / "project" / "channels" / "demo.toml"
    file.write_text(f"# by hand\n{file.read_text('utf-8')}", "utf-8")
    visitor.get("/channels/demo/flows/products")
    page = text_of(visitor.post("/channels/demo/flows/products/choices/exclude", {"one": "SKU1", "state": "sendable"}))
    assert "SKU1 is excluded in the channel file" in page
    text = file.read_text("utf-8")
    assert text.startswith("# by hand\n")
    assert 'exclude = ["SKU1"]' in text
    refreshed(visitor)
    assert "not wanted" in text_of(visitor.get("/channels/demo/flows/products?text=sku1"))
    page = text_of(visitor.post("/channels/demo/flows/products/choices/include", {"one": "SKU1"}))
    assert "included again" in page
    assert "exclude = []" in file.read_text("utf-8")


def test_a_renamed_code_can_be_accepted_as_a_new_product(visitor: Visitor, small: Shop) -> None:
    small.run("push")
    small.box.change_centra_row(1, sku="NEW")
    refreshed(visitor)
    page = visitor.get("/channels/demo/flows/products?rule=SKU-005")
    assert "Accept as a new product" in page
    visitor.post("/channels/demo/flows/products/choices/accept", {"one": "NEW"})
    refreshed(visitor)
    page = visitor.get("/channels/demo/flows/products?text=new")
    assert "only in Centra" in text_of(page)


def test_a_renamed_size_keeps_its_old_product_and_can_give_it_up_again(visitor: Visitor, small: Shop) -> None:
    """The channel file says so, and keeps its comments."""
    small.run("push")
    small.box.change_centra_row(1, sku='NEW "1"')
    refreshed(visitor)
    file = small.folder / "project" / "channels" / "demo.toml"
    file.write_text(f"# by hand\n{file.read_text('utf-8')}", "utf-8")
    before = file.read_text("utf-8")
    assert "Keep the old product SKU1" in text_of(visitor.get("/channels/demo/flows/products?rule=SKU-005"))
    page = text_of(visitor.post("/channels/demo/flows/products/choices/keep", {"one": 'NEW "1"'}))
    assert "keeps its old product" in page
    assert 'Do not keep SKU1 for NEW "1"' in page
    assert "Keep the old product" not in page
    added = """[flows.products.params.kept_codes]\n"NEW \\"1\\"" = "SKU1"\n"""
    assert file.read_text("utf-8").replace(added, "").split() == before.split()
    refreshed(visitor)
    page = text_of(visitor.get("/channels/demo/flows/products?text=new"))
    assert re.search('SKU1 NEW "1" in Centra .* equal Do not keep SKU1', page)
    page = text_of(visitor.post("/channels/demo/flows/products/choices/release", {"one": 'NEW "1"'}))
    assert "does not keep its old product any more" in page
    refreshed(visitor)
    assert "Keep the old product SKU1" in text_of(visitor.get("/channels/demo/flows/products?rule=SKU-005"))


def test_only_a_code_with_an_old_product_can_keep_one(visitor: Visitor, small: Shop) -> None:
    refreshed(visitor)
    page = visitor.post("/channels/demo/flows/products/choices/keep", {"one": "SKU3"}, status=409)
    assert "No run has found an old product" in page


def test_a_code_that_was_accepted_can_be_withdrawn(visitor: Visitor, small: Shop) -> None:
    small.run("push")
    small.box.change_centra_row(1, sku="NEW")
    refreshed(visitor)
    page = text_of(visitor.post("/channels/demo/flows/products/choices/accept", {"one": "NEW"}))
    assert "Do not accept NEW as a new product" in page
    page = text_of(visitor.post("/channels/demo/flows/products/choices/withdraw", {"one": "NEW"}))
    assert "not accepted as a new product any more" in page
    assert "accept_as_new = []" in (small.folder / "project" / "channels" / "demo.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("stock/choices/keep", {"one": "SKU1"}),
        ("products/choices/exclude", {}),
        ("products/choices/nope", {"one": "SKU1"}),
        ("nope/choices/exclude", {"one": "SKU1"}),
    ],
)
def test_a_choice_that_does_not_exist_changes_nothing(
    visitor: Visitor, small: Shop, path: str, fields: dict[str, str]
) -> None:
    visitor.get("/")
    file = small.folder / "project" / "channels" / "demo.toml"
    before = file.read_bytes()
    visitor.post(f"/channels/demo/flows/{path}", fields, status=404)
    assert file.read_bytes() == before
