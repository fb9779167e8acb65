"""Log-in, sessions and their cookies, wrong passwords, and what of it is logged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest

from pipelines.config.serve import Serve
from pipelines.core.errors import ConfigError
from pipelines.web.access import protect
from pipelines.web.access.lock_out import FIRST_PAUSE_S, FORGET_S, LONGEST_PAUSE_S, MAX_KEYS, LockOut, network
from pipelines.web.access.passwords import Accounts, PasswordHash, new_hash
from tests.support.asgi import PORT
from tests.web.pages import _HASHES, OPERATOR_PASSWORD, VIEWER_PASSWORD, Pages, log_in

COOKIE = f"centra_myogo_{PORT}"


def test_the_log_in_leads_to_the_page_that_was_asked_for(pages: Pages) -> None:
    browser = pages.browser()
    page = browser.get(browser.get("/channels/se-web/push?run=1").location)
    assert 'value="/channels/se-web/push?run=1"' in page.text
    answer = log_in(browser, next="/channels/se-web/push?run=1")
    assert (answer.status, answer.location) == (303, "/channels/se-web/push?run=1")
    assert browser.get("/").status == 200


def test_the_form_works_without_a_script_and_for_password_managers_and_screen_readers(pages: Pages) -> None:
    browser = pages.browser()
    text = browser.get("/login").text
    assert '<form method="post" action="/login">' in text
    assert '<label for="name">' in text
    assert '<label for="password">' in text
    assert 'autocomplete="username"' in text
    assert 'autocomplete="current-password"' in text
    assert '<html lang="en">' in text
    assert "script" not in text
    assert "style=" not in text
    assert 'role="alert"' not in text
    assert '<p class="error" role="alert" id="error">The name or the password is wrong.</p>' in (
        log_in(browser, password="wrong-wrong-wrong").text
    )


def test_what_somebody_sends_is_escaped(pages: Pages) -> None:
    text = pages.browser().get('/login?next=/"><script>alert(1)</script>').text
    assert "<script>" not in text


def test_the_cookie_is_for_this_host_and_no_script(pages: Pages, pages_with: Callable[..., Pages]) -> None:
    browser = pages.browser()
    for answer in (browser.get("/login"), log_in(browser)):
        (cookie,) = answer.cookies
        assert cookie.startswith(f"{COOKIE}=")
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
        assert len(cookie.partition("=")[2].partition(";")[0]) == 43
    secure = pages_with(settings={"secure_cookie": True}).logged_in()
    assert [*secure.cookies] == [f"__Host-{COOKIE}"]


def test_a_secure_cookie_says_so(pages_with: Callable[..., Pages]) -> None:
    pages = pages_with(settings={"secure_cookie": True, "hosts": ["pages.example.com"]})
    browser = pages.browser(host="pages.example.com", scheme="https")
    for answer in (browser.get("/login"), log_in(browser)):
        assert answer.cookies[0].endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")


def test_each_log_in_has_a_new_id_and_ends_the_session_before(pages: Pages) -> None:
    """An id that somebody planted in the browser never becomes a session."""
    browser = pages.browser(cookies={COOKIE: "A" * 43})
    log_in(browser)
    first = dict(browser.cookies)
    assert first != {COOKIE: "A" * 43}
    csrf = browser.get("/").csrf
    assert browser.post("/login", {"name": "vera", "password": VIEWER_PASSWORD, "csrf": csrf}).status == 303
    assert browser.cookies != first
    assert pages.browser(cookies=first).get("/").status == 303
    assert pages.browser(cookies={COOKIE: "A" * 43}).get("/").status == 303


def test_after_the_log_out_the_old_cookie_is_useless(pages: Pages) -> None:
    browser = pages.logged_in()
    stolen, csrf = dict(browser.cookies), browser.get("/").csrf
    assert browser.post("/logout").status == 403, "without the token"
    assert browser.get("/logout").status == 405
    answer = browser.post("/logout", {"csrf": csrf})
    assert (answer.status, answer.location, browser.cookies) == (303, "/login", {})
    assert answer.cookies == [f"{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"]
    thief = pages.browser(cookies=stolen)
    assert thief.get("/").status == 303
    assert thief.post("/channels/se-web/push", {"csrf": csrf}).status == 401
    assert thief.post("/logout").location == "/login", "already logged out"


def test_another_site_cannot_log_somebody_out(pages: Pages) -> None:
    """The browser sends no cookie with its form, but it would obey an answer that deletes the cookie."""
    answer = pages.browser().post("/logout", headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert (answer.status, answer.cookies) == (403, [])


def test_one_log_out_does_not_end_the_other_sessions(pages: Pages) -> None:
    one, other = pages.logged_in(), pages.logged_in()
    one.post("/logout", {"csrf": one.get("/").csrf})
    assert other.get("/").status == 200


def test_a_session_ends_after_its_hours_also_if_it_is_used(pages: Pages) -> None:
    browser = pages.logged_in()
    pages.now += 12 * 3600 - 1
    assert browser.get("/").status == 200
    pages.now += 1
    assert browser.get("/").status == 303
    assert log_in(browser).status == 303
    assert browser.get("/").status == 200


def test_sessions_that_ended_are_forgotten(pages: Pages) -> None:
    for _ in range(3):
        pages.logged_in()
    pages.now += 13 * 3600
    pages.logged_in()
    assert len(pages.app._sessions._sessions) == 1


def test_visitors_do_not_fill_the_memory(pages: Pages, open_pages: Pages) -> None:
    for one in (pages, open_pages):
        for _ in range(20):
            one.browser().get("/login")
            one.browser().get("/")
        assert one.app._sessions._sessions == {}


@pytest.mark.parametrize("given", ["", "x", "A" * 42, "A" * 44, "A" * 42 + ".", '"' + "A" * 43])
def test_a_cookie_that_cannot_be_ours_is_replaced(given: str, pages: Pages) -> None:
    answer = pages.browser(cookies={COOKIE: given}).get("/login")
    assert answer.cookies[0].startswith(f"{COOKIE}=")
    assert given == "" or f"{given};" not in answer.cookies[0]


# --- wrong passwords


def test_the_right_password_clears_what_was_counted_for_the_name(pages: Pages) -> None:
    for client in ("10.0.0.9", "10.0.0.10"):
        browser = pages.browser(client=client)
        assert [log_in(browser, password="wrong-wrong-wrong").status for _ in range(4)] == [403] * 4
        assert log_in(browser).status == 303
        browser.cookies.clear()


def test_after_five_wrong_passwords_the_name_waits_at_this_address(pages: Pages) -> None:
    browser = pages.browser(client="10.0.0.9")
    for _ in range(5):
        assert log_in(browser, password="wrong-wrong-wrong").status == 403
    answer = log_in(browser)
    assert (answer.status, answer.headers["retry-after"]) == (429, str(int(FIRST_PAUSE_S)))
    assert "Try again in 30 seconds." in answer.text
    assert log_in(pages.browser(client="10.0.0.10")).status == 303, "the user at another address does not wait"
    pages.now += FIRST_PAUSE_S
    assert log_in(browser).status == 303


def test_an_unknown_name_is_answered_like_a_known_one(pages: Pages) -> None:
    """Also its pauses."""
    answers = []
    for name, client in (("olga", "10.0.0.9"), ("nobody", "10.0.0.10")):
        browser = pages.browser(client=client)
        csrf = browser.get("/login").csrf
        fields = {"name": name, "password": "wrong-wrong-wrong", "csrf": csrf}
        answers.append(
            [(one.status, one.text.replace(csrf, "")) for one in (browser.post("/login", fields) for _ in range(7))]
        )
    assert answers[0] == answers[1]
    assert [status for status, _ in answers[0]] == [403] * 5 + [429] * 2


def test_unknown_names_take_as_long_as_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check computes one hash, at the cost of the most costly user."""
    monkeypatch.setenv("CHEAP", PasswordHash.of("some password", 16).text)
    monkeypatch.setenv("COSTLY", PasswordHash.of("some password", 1 << 12).text)
    users = {name: {"role": "viewer", "password_hash": {"env": name.upper()}} for name in ("cheap", "costly")}
    accounts = Accounts(Serve.model_validate({"users": users}).users)
    computed: list[int] = []

    def record(self: PasswordHash, _: str) -> bytes:
        computed.append(self.cost)
        return b""

    monkeypatch.setattr(PasswordHash, "_computed", record)
    assert [accounts.check(name, "x" * 12) for name in ("costly", "nobody", "")] == [None] * 3
    assert computed == [computed[0]] * 3


def test_pauses_grow_and_end() -> None:
    lock_out, now, pauses = LockOut(), 0.0, []
    for _ in range(4):
        assert lock_out.begin("olga", "10.0.0.9", now) == 0
    for _ in range(8):
        assert lock_out.begin("olga", "10.0.0.9", now) == 0
        pauses.append(lock_out.begin("olga", "10.0.0.9", now))
        assert lock_out.begin("olga", "10.0.0.9", now + pauses[-1] - 0.5) == 0.5, "an attempt in a pause costs nothing"
        now += pauses[-1]
    assert pauses == [30, 60, 120, 240, 480, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    now += FORGET_S + 1
    assert [lock_out.begin("olga", "10.0.0.9", now) for _ in range(5)] == [0] * 5
    assert lock_out.begin("olga", "10.0.0.9", now) == FIRST_PAUSE_S


def test_many_names_from_one_address_and_one_name_from_many_addresses_are_counted() -> None:
    by_address, by_name = LockOut(), LockOut()
    for number in range(4):
        by_address.begin(f"name{number}", "10.0.0.9", 0)
        by_name.begin("olga", f"10.0.0.{number}", 0)
    assert by_address.begin("olga", "10.0.0.9", 0) == 0
    assert by_address.begin("olga", "10.0.0.9", 0) == FIRST_PAUSE_S
    assert by_address.begin("olga", "10.0.0.8", 0) == 0
    assert by_name.begin("olga", "10.0.0.9", 0) == 0
    assert by_name.begin("olga", "10.0.0.9", 0) == FIRST_PAUSE_S


def test_the_right_password_clears_the_name_but_not_the_address() -> None:
    """Whoever has an account cannot use it to try the passwords of others without pauses."""
    lock_out = LockOut()
    for number in range(4):
        lock_out.begin(f"name{number}", "10.0.0.9", 0)
        lock_out.begin("vera", "10.0.0.9", 0)
        lock_out.succeeded("vera", "10.0.0.9")
    lock_out.begin("olga", "10.0.0.9", 0)
    assert lock_out.begin("olga", "10.0.0.9", 0) == FIRST_PAUSE_S
    assert [lock_out.begin("vera", "10.0.0.8", 0) for _ in range(5)] == [0] * 5


def test_attempts_at_the_same_time_count_before_they_are_checked() -> None:
    lock_out = LockOut()
    assert [lock_out.begin("olga", "10.0.0.9", 0) for _ in range(7)] == [0] * 5 + [FIRST_PAUSE_S] * 2


def test_what_is_counted_is_bounded() -> None:
    lock_out = LockOut()
    for number in range(MAX_KEYS + 10):
        lock_out.begin(f"name{number}", "10.0.0.9", 0)
    assert (len(lock_out._counts), len(lock_out._until)) == (MAX_KEYS, MAX_KEYS)
    assert lock_out.begin("olga", "10.0.0.9", 0) == 0
    assert lock_out.begin("olga", "10.0.0.9", 0) == LONGEST_PAUSE_S, "the address was counted again and again"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.9", "10.0.0.9"), ("::ffff:10.0.0.9", "10.0.0.9"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"), ("", ""), ("testclient", "testclient"),
    ],
)  # fmt: skip
def test_the_addresses_of_one_customer_are_one(address: str, counted: str) -> None:
    assert network(address) == counted


# --- hashes


def test_a_hash_has_its_parameters_and_a_salt_of_its_own() -> None:
    one, other = new_hash("correct horse battery"), new_hash("correct horse battery")
    assert one.startswith("scrypt$16384$8$5$")
    assert one != other
    started = time.process_time()
    assert PasswordHash.parse(one).matches("correct horse battery")
    assert not PasswordHash.parse(one).matches("correct horse batterz")
    assert time.process_time() - started > 0.02, "guessing is slow"


def test_letters_that_look_the_same_are_the_same() -> None:
    """Some keyboards send å as one character, others as two."""
    assert PasswordHash.of("sm\u00e5 r\u00f6da hus", 16).matches("sma\u030a ro\u0308da hus")


@pytest.mark.parametrize("password", ["", "elevenchars"])
def test_a_short_password_is_refused(password: str) -> None:
    with pytest.raises(ConfigError, match=f"only {len(password)} characters") as caught:
        new_hash(password)
    assert "at least 12" in caught.value.fix


HASH = PasswordHash.of("correct horse battery", 16).text


@pytest.mark.parametrize(
    "text",
    [
        OPERATOR_PASSWORD, HASH[:-1], HASH[:-5], HASH.replace("$16$", "$15$"), HASH.replace("$16$", "$0$"),
        HASH.replace("$16$8$", "$16$0$"), HASH.replace("$16$8$", "$1048576$99$"), HASH.replace("$", ""), HASH + "$x",
        HASH.replace("scrypt", "bcrypt"), "scrypt$16$8$5$AAAA$" + HASH.rsplit("$", 1)[1],
    ],
    ids=map(str, range(11)),
)  # fmt: skip
def test_what_is_no_hash_is_refused_at_the_start_and_not_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLGA", text)
    settings = Serve.model_validate({"users": {"olga": {"role": "viewer", "password_hash": {"env": "OLGA"}}}})
    with pytest.raises(ConfigError) as caught:
        protect(None, settings)
    assert "The password hash of the user olga cannot be used" in caught.value.message
    assert text not in str(caught.value)
    assert "centra-myogo password olga" in caught.value.fix


# --- what is logged and shown


def test_no_password_hash_token_or_id_is_in_a_log_or_an_answer(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "this-is-wrong-4711"
    with caplog.at_level(logging.DEBUG):
        browser = pages.browser()
        answers = [log_in(browser, password=wrong), log_in(browser, name=wrong, password=wrong), log_in(browser)]
        csrf = browser.get("/").csrf
        session = browser.cookies[COOKIE]
        answers += [browser.get("/nowhere"), browser.post("/", {"password": wrong})]
        answers.append(browser.post("/logout", {"csrf": csrf}))
        with pytest.raises(RuntimeError):
            pages.logged_in().get("/broken")
    shown = caplog.text + "".join(answer.text + answer.headers.get("location", "") for answer in answers)
    for secret in (wrong, OPERATOR_PASSWORD, VIEWER_PASSWORD, *_HASHES.values(), session, csrf):
        assert secret not in shown
    assert "user=olga logged in" in caplog.text
    assert "user=olga logged out" in caplog.text


def test_wrong_passwords_are_logged_once_a_minute(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            log_in(pages.browser(client="10.0.0.8"), password="wrong-wrong-wrong")
        assert caplog.messages == ["wrong password user=olga wrong_since_start=1"]
        pages.now += 60
        log_in(pages.browser(), name="whoever", password="wrong-wrong-wrong")
    assert caplog.messages[1:] == ["wrong password unknown user wrong_since_start=5"]


def test_objects_with_secrets_do_not_print_them(pages: Pages) -> None:
    pages.logged_in()
    ((session_id, session),) = pages.app._sessions._sessions.items()
    assert session.csrf not in repr(session)
    assert session_id not in repr(pages.app)
    assert HASH.rsplit("$", 1)[1] not in repr(PasswordHash.parse(HASH))
