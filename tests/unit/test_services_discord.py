import json
import logging
import traceback
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.config import BotChannel, WebhookAddress
from notifier.outcome import Dead, Retry, Snooze
from notifier.services import discord, http
from notifier.services.discord import Discord, Limits, Posted, Reply, Throttled, classify, throttled

NOW = 1_795_000_000.0
SECRET = "tQ" * 34
API = "https://discord.com/api/v10"
LIMITED = "You are being rate limited."
BLOCKED = "You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently."


class FakeAddress:
    enforces_nonce = False

    def __init__(self, url: str = f"https://discord.com/api/v10/webhooks/42/{SECRET}") -> None:
        self._url = url

    def url(self) -> str:
        return self._url

    def message_url(self, message_id: str, thread: int | None = None) -> str:
        return f"{self._url}/messages/{message_id}"

    def authorization(self) -> str | None:
        return None

    def __repr__(self) -> str:
        return "address"


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def poster(answer: Callable[[httpx.Request], httpx.Response]) -> Discord:
    return Discord(http.make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer)))


DEAD = [
    (404, {"message": "Unknown Webhook", "code": 10015}, "misconfigured"),
    (404, {"message": "Unknown Channel", "code": 10003}, "misconfigured"),
    (404, {"message": "404: Not Found", "code": 0}, "misconfigured"),
    (401, {"message": "Invalid Webhook Token", "code": 50027}, "misconfigured"),
    (401, {"message": "401: Unauthorized", "code": 0}, "misconfigured"),
    (403, {"message": "Missing Permissions", "code": 50013}, "misconfigured"),
    (403, {"message": "Missing Access", "code": 50001}, "misconfigured"),
    (400, {"message": "Invalid Form Body", "code": 50035}, "permanent"),
    (400, {"message": "Cannot send an empty message", "code": 50006}, "permanent"),
    (400, {"message": "The request body contains invalid JSON.", "code": 50109}, "permanent"),
    (
        400,
        {"message": "Webhooks posted to forum channels must have a thread_name", "code": 220001},
        "misconfigured",
    ),
    (400, {"message": "both", "code": 220002}, "misconfigured"),
    (400, {"message": "Webhooks can only create threads in forum channels", "code": 220003}, "misconfigured"),
    (400, {"message": "tags", "code": 220004}, "misconfigured"),
    (400, {"message": "Thread is archived", "code": 50083}, "misconfigured"),
    (400, {"message": "some other mistake", "code": 1}, "permanent"),
    (400, b"<html>400 Bad Request cloudflare</html>", "permanent"),
    (413, {"message": "Request entity too large", "code": 40005}, "permanent"),
    (413, b"<html>", "permanent"),
    (404, {"message": "Unknown Message", "code": 10008}, "permanent"),
    (403, {"message": "Cannot edit a message authored by another user", "code": 50005}, "permanent"),
    (400, {"message": "Message was blocked by automatic moderation", "code": 200000}, "permanent"),
    (400, {"message": "Title was blocked by automatic moderation", "code": 200001}, "permanent"),
    (400, {"message": "Message blocked by harmful links filter", "code": 240000}, "permanent"),
    (401, {"message": "Unauthorized", "code": 40001}, "misconfigured"),
    (401, {"message": "Invalid authentication token", "code": 50014}, "misconfigured"),
    (400, {"message": "Cannot send a message in a forum channel", "code": 40058}, "misconfigured"),
    (400, {"message": "Cannot send messages in a non-text channel", "code": 50008}, "misconfigured"),
    (400, {"message": "Cannot execute action on this channel type", "code": 50024}, "misconfigured"),
    (400, {"message": "Thread is locked", "code": 160005}, "misconfigured"),
    (405, b"", "permanent"),
    (418, b"", "permanent"),
]


@pytest.mark.parametrize(("status", "body", "category"), DEAD)
def test_what_will_never_succeed_is_dead(status: int, body: object, category: str) -> None:
    outcome = classify(reply(status, body), NOW)
    assert isinstance(outcome, Dead)
    assert outcome.category == category
    assert str(status) in outcome.reason


BODIES = [b"", b"<html>", b'{"message":"500: Internal Server Error","code":0}']


@pytest.mark.parametrize("status", [500, 501, 504, 520, 521, 522, 523, 524, 525, 599, 408])
@pytest.mark.parametrize("body", BODIES)
def test_after_a_server_error_nobody_knows_whether_the_message_is_in_the_channel(status: int, body: bytes) -> None:
    outcome = classify(reply(status, body), NOW)
    assert isinstance(outcome, Retry)
    assert (outcome.category, outcome.seconds) == ("ambiguous", None)


@pytest.mark.parametrize("status", [502, 503])
@pytest.mark.parametrize("body", BODIES)
def test_what_a_gateway_did_not_pass_on_surely_was_not_posted_and_charges_nothing(status: int, body: bytes) -> None:
    outcome = classify(reply(status, body), NOW)
    assert isinstance(outcome, Snooze)
    assert (outcome.category, outcome.seconds) == ("dependency down", None)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_that_names_a_pause_gets_it(status: int) -> None:
    outcome = classify(reply(status, b"", Retry_After="7"), NOW)
    assert isinstance(outcome, Snooze | Retry)
    assert outcome.seconds == 7.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(429, {"message": LIMITED, "retry_after": 0.357, "global": False}), Throttled(0.357, "user")),
        (
            reply(
                429,
                {"message": LIMITED, "retry_after": 44.12, "global": False},
                X_RateLimit_Scope="user",
                Retry_After="45",
            ),
            Throttled(44.12, "user"),
        ),
        (
            reply(429, {"message": LIMITED, "retry_after": 2}, X_RATELIMIT_SCOPE="SHARED"),
            Throttled(2.0, "shared"),
        ),
        (
            reply(429, {"message": "The resource is being rate limited.", "retry_after": 1.5}),
            Throttled(1.5, "shared"),
        ),
        (reply(429, {"message": LIMITED, "retry_after": 9.5, "global": True}), Throttled(9.5, "global")),
        (
            reply(429, {"message": LIMITED, "retry_after": 9.5}, x_ratelimit_global="true"),
            Throttled(9.5, "global"),
        ),
        (
            reply(429, {"message": LIMITED, "retry_after": 9.5}, x_ratelimit_scope="global"),
            Throttled(9.5, "global"),
        ),
        (reply(429, b"", X_RateLimit_Reset_After="1.25", Retry_After="2"), Throttled(1.25, "user")),
        (
            reply(429, {"code": 20028, "message": "write rate limit", "retry_after": 3.5}),
            Throttled(3.5, "user"),
        ),
        (
            reply(429, b"", Via="1.1 google", X_RateLimit_Remaining="0", Retry_After="2"),
            Throttled(2.0, "user"),
        ),
        (reply(429, {"message": LIMITED, "retry_after": 0}), Throttled(discord.SHORTEST_PAUSE, "user")),
        (reply(429, {"message": LIMITED, "retry_after": -3}), Throttled(discord.SHORTEST_PAUSE, "user")),
        (reply(429, {"message": LIMITED, "retry_after": "x"}), Throttled(discord.PAUSE_UNSAID, "user")),
        (reply(429, {"message": LIMITED, "retry_after": 1e30}), Throttled(http.LONGEST_WAIT, "user")),
        (reply(429, b"<html>error code: 1015</html>"), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (reply(429, b"error code: 1015", Retry_After="3600"), Throttled(3600.0, "cloudflare")),
        (reply(429, b"error code: 1015", Retry_After="2"), Throttled(discord.BLOCK_FLOOR, "cloudflare")),
        (reply(429, b""), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (reply(429, b"<html>", Via="1.1 some proxy"), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (reply(429, {"code": 0, "message": BLOCKED}), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (reply(403, {"code": 0, "message": BLOCKED}), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (reply(403, b"error code: 1020"), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (reply(403, b""), Throttled(discord.BLOCK_UNSAID, "cloudflare")),
        (
            reply(403, {"message": "internal network error", "code": 40333}),
            Throttled(discord.BLOCK_UNSAID, "cloudflare"),
        ),
        (
            reply(429, {"message": "slowmode", "code": 20016, "retry_after": 12.5}),
            Throttled(12.5, "user"),
        ),
        (
            reply(400, {"message": "slowmode", "code": 20016}),
            Throttled(discord.WRITE_PAUSE, "shared"),
        ),
        (
            reply(400, {"message": "announcement rate limits", "code": 20022}),
            Throttled(discord.WRITE_PAUSE, "shared"),
        ),
        (
            reply(403, {"message": "Send messages has been temporarily disabled", "code": 40004}),
            Throttled(discord.WRITE_PAUSE, "shared"),
        ),
        (
            reply(400, {"message": "channel write limit", "code": 20028}),
            Throttled(discord.WRITE_PAUSE, "shared"),
        ),
        (
            reply(400, {"message": "server write limit", "code": 20029, "retry_after": 4.5}),
            Throttled(4.5, "shared"),
        ),
        (
            reply(400, {"message": "Maximum number of edits", "code": 30046}),
            Throttled(discord.WRITE_PAUSE, "shared"),
        ),
        (
            reply(400, {"message": "API resource is currently overloaded", "code": 130000}),
            Throttled(discord.OVERLOADED_PAUSE, "shared"),
        ),
    ],
)
def test_every_kind_of_rate_limit_is_told_apart_and_charges_no_attempt(answer: Reply, expected: Throttled) -> None:
    assert throttled(answer) == expected
    outcome = classify(answer, NOW)
    assert isinstance(outcome, Snooze)
    assert outcome.seconds == expected.seconds
    assert expected.scope in outcome.reason
    assert outcome.category == ("dependency down" if expected.scope == "cloudflare" else "throttled")


def test_a_rate_limit_that_only_names_a_moment_is_measured_by_the_wall_clock() -> None:
    answer = reply(429, {"message": LIMITED}, Via="1.1 google", X_RateLimit_Reset=str(NOW + 2.5))
    assert throttled(answer, NOW) == Throttled(2.5, "user")
    assert throttled(answer) == Throttled(discord.PAUSE_UNSAID, "user")
    strange = reply(429, {"message": LIMITED}, X_RateLimit_Reset="soon")
    assert throttled(strange, NOW) == Throttled(discord.PAUSE_UNSAID, "user")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 413, 500, 503])
def test_other_replies_are_no_rate_limit(status: int) -> None:
    assert throttled(reply(status, {"message": "x", "code": 50035})) is None


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_that_is_not_in_discords_words_says_nothing_about_the_webhook(status: int) -> None:
    outcome = classify(reply(status, b"<html>nginx</html>"), NOW)
    assert isinstance(outcome, Retry)
    assert outcome.category == "transient"


def test_a_redirect_is_not_a_message() -> None:
    outcome = classify(reply(302, b"", Location="https://login.example/"), NOW)
    assert isinstance(outcome, Retry)
    assert outcome.category == "transient"


@pytest.mark.parametrize(
    ("answer", "message_id"),
    [
        (reply(200, {"id": "123456789012345678"}), "123456789012345678"),
        (reply(204), ""),
        (reply(200, {"id": "7", "channel_id": None}), "7"),
        (reply(200, {"id": 12}), "12"),
    ],
)
def test_a_saved_message_is_posted_under_its_id(answer: Reply, message_id: str) -> None:
    assert classify(answer, NOW) == Posted(message_id)


def test_a_saved_message_says_in_which_channel_or_thread_it_stands() -> None:
    assert classify(reply(200, {"id": "7", "channel_id": "42"}), NOW) == Posted("7", "42")


def test_a_message_that_is_gone_is_told_from_a_webhook_that_is() -> None:
    assert discord.is_gone(reply(404, {"message": "Unknown Message", "code": 10008}))
    for other in (reply(404, {"code": 10015}), reply(404, {"code": 10003}), reply(404, b"<html>"), reply(500, b"")):
        assert not discord.is_gone(other)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (reply(401, {"message": "401: Unauthorized", "code": 0}), "the bot's token is not valid"),
        (reply(403, {"message": "Missing Access", "code": 50001}), "give it View Channel"),
        (reply(403, {"message": "Missing Permissions", "code": 50013}), "Send Messages and Embed Links"),
    ],
)
def test_an_operator_is_told_what_a_bot_needs(answer: Reply, hint: str) -> None:
    outcome = classify(answer, NOW)
    assert isinstance(outcome, Dead)
    assert hint in outcome.reason


@pytest.mark.parametrize(
    "body", [b"", b"<html>log in to the hotel network</html>", b"{}", b"[]", b'{"id":""}', b"[" * 99_999]
)
def test_a_success_without_discords_message_may_or_may_not_have_been_posted(body: bytes) -> None:
    outcome = classify(reply(200, body), NOW)
    assert isinstance(outcome, Retry)
    assert outcome.ambiguous


EXCEPTIONS = [
    (httpx.ConnectError, "dependency down"),
    (httpx.ConnectTimeout, "dependency down"),
    (httpx.PoolTimeout, "dependency down"),
    (httpx.ProxyError, "dependency down"),
    (httpx.UnsupportedProtocol, "misconfigured"),
    (httpx.ReadTimeout, "ambiguous"),
    (httpx.WriteTimeout, "ambiguous"),
    (httpx.ReadError, "ambiguous"),
    (httpx.WriteError, "ambiguous"),
    (httpx.CloseError, "ambiguous"),
    (httpx.RemoteProtocolError, "ambiguous"),
    (httpx.LocalProtocolError, "ambiguous"),
    (httpx.DecodingError, "ambiguous"),
    (httpx.TooManyRedirects, "ambiguous"),
]


@pytest.mark.parametrize(("kind", "category"), EXCEPTIONS)
def test_a_post_without_a_reply_is_ambiguous_once_something_was_sent(
    kind: type[httpx.RequestError], category: str
) -> None:
    request = httpx.Request("POST", FakeAddress().url())
    outcome = discord.classify_exception(kind(f"text with {SECRET}", request=request))
    assert outcome.category == category
    assert kind.__name__ in outcome.reason
    assert SECRET not in repr(outcome)


def test_every_exception_of_httpx_has_a_row() -> None:
    def leaves(kind: type[httpx.RequestError]) -> set[type[httpx.RequestError]]:
        below = [found for one in kind.__subclasses__() if one.__module__ == "httpx" for found in leaves(one)]
        return set(below) or {kind}

    assert leaves(httpx.RequestError) == {kind for kind, _ in EXCEPTIONS}


def test_every_code_of_the_table_is_tested() -> None:
    tested = {body["code"] for _, body, _ in DEAD if isinstance(body, dict)} | {20028, 20029, 30046, 130000}
    tested |= {20016, 20022, 40004}
    assert set(discord.CODES) <= tested


def test_nested_errors_become_one_line_with_their_paths() -> None:
    def leaf(text: str) -> dict[str, object]:
        return {"_errors": [{"code": "X", "message": text}]}

    tree = {"embeds": {"0": {"title": leaf("Must be 256 or fewer."), "fields": {"3": {"value": leaf("Required.")}}}}}
    outcome = classify(reply(400, {"code": 50035, "message": "Invalid Form Body", "errors": tree}), NOW)
    assert isinstance(outcome, Dead)
    assert outcome.reason == (
        "Discord answers 400 (code 50035); Invalid Form Body; "
        "embeds.0.title: Must be 256 or fewer.; embeds.0.fields.3.value: Required."
    )


def test_a_reason_is_short_and_holds_no_token_even_when_discord_repeats_it() -> None:
    tree = {"x" * 5000: {"_errors": [{"message": f"no route /api/webhooks/42/{SECRET}\n" * 50}] * 500}}
    outcome = classify(reply(400, {"message": f"{SECRET} is wrong", "errors": tree}), NOW)
    assert isinstance(outcome, Dead)
    assert len(outcome.reason) <= discord.LONGEST_REASON
    assert SECRET[:40] not in outcome.reason
    assert "\n" not in outcome.reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["_errors"]), inner, max_size=4)
    ),
    max_leaves=20,
)
known = dict.fromkeys(("message", "code", "errors", "retry_after", "global", "id"), json_values)
bodies = (
    st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional=known).map(lambda value: json.dumps(value).encode())
)
header_names = st.sampled_from(
    [
        "Retry-After",
        "X-RateLimit-Reset-After",
        "x-ratelimit-reset",
        "X-RateLimit-Scope",
        "Via",
        "X-RateLimit-Remaining",
    ]
)
headers = st.dictionaries(header_names, st.text(max_size=12) | st.floats().map(str))


@given(st.integers(100, 999), headers, bodies)
def test_every_reply_has_a_meaning_whatever_it_holds(status: int, named: dict[str, str], body: bytes) -> None:
    answer = Reply(status, named, body)
    outcome = classify(answer, NOW)
    assert isinstance(outcome, Posted | Snooze | Retry | Dead)
    if (limit := throttled(answer)) is not None:
        assert isinstance(outcome, Snooze)
        assert outcome.seconds is not None
        assert 0 < limit.seconds <= http.LONGEST_WAIT
    if isinstance(outcome, Retry | Dead):
        assert len(outcome.reason) <= discord.LONGEST_REASON + 80
    Limits.from_headers(named)


def test_limits_are_read_in_any_letter_case_with_fractions_of_seconds() -> None:
    found = Limits.from_headers(
        {"X-RATELIMIT-REMAINING": "4", "x-RateLimit-reset-after": "1.731", "X-Ratelimit-Bucket": "ab"}
    )
    assert found == Limits(remaining=4, reset_after=1.731, bucket="ab")
    assert Limits.from_headers({}) == Limits(None, None, None)
    assert Limits.from_headers({"X-RateLimit-Remaining": "many"}).remaining is None


def test_a_post_waits_for_the_saved_message_and_keeps_the_thread() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "9"}, headers={"X-RateLimit-Remaining": "3"})

    found = poster(answer).post(
        FakeAddress("https://discord.com/api/webhooks/1/t?thread_id=5"), {"embeds": [{"title": "é"}]}
    )
    assert classify(found, NOW) == Posted("9")
    assert found.headers["x-ratelimit-remaining"] == "3"
    assert seen[0].method == "POST"
    assert dict(seen[0].url.params) == {"thread_id": "5", "wait": "true"}
    assert json.loads(seen[0].content) == {"embeds": [{"title": "é"}]}
    assert seen[0].headers["content-type"] == "application/json"


ASKED: list[Callable[[Discord], Reply]] = [
    lambda service: service.post(FakeAddress(), {}),
    lambda service: service.edit(FakeAddress(), "9", {}),
    lambda service: service.post(BotChannel(SECRET, 42, API), {}, "n"),
    lambda service: service.edit(BotChannel(SECRET, 42, API), "9", {}),
]


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(
    "kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.DecodingError]
)
def test_a_failed_request_raises_its_kind_and_shows_no_secret(
    kind: type[httpx.RequestError], ask: Callable[[Discord], Reply], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def answer(request: httpx.Request) -> httpx.Response:
        raise kind(f"failed for {request.url} with {request.headers}", request=request)

    with pytest.raises(kind) as caught:
        ask(poster(answer))
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert SECRET not in shown + repr(caught.value) + caplog.text
    assert caught.value.__context__ is None
    with pytest.raises(RuntimeError):
        _ = caught.value.request


@pytest.mark.parametrize(
    "url", ["", "http://[", f"nonsense:{SECRET}", f"https://discord.com:x/{SECRET}", f"ftp://h/{SECRET}"]
)
def test_an_address_that_is_none_fails_without_being_shown(url: str) -> None:
    client = Discord(http.make_client(contact="x", timeout=3))
    with pytest.raises(httpx.RequestError) as caught:
        client.post(FakeAddress(url), {})
    with pytest.raises(httpx.RequestError):
        client.edit(FakeAddress(url), "9", {})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert discord.classify_exception(caught.value).category in ("misconfigured", "dependency down")


def test_what_the_address_itself_raises_is_passed_on() -> None:
    class Missing(FakeAddress):
        def url(self) -> str:
            raise ValueError("the file is gone")

    with pytest.raises(ValueError, match="gone"):
        poster(lambda request: httpx.Response(204)).post(Missing(), {})


# -- Bots, and edits


def test_a_bot_posts_with_its_token_in_a_header_and_without_what_only_webhooks_have() -> None:
    request = asked(lambda service: service.post(BotChannel("t0k", 42, API), {"content": "x"} | ONLY_WEBHOOKS, "n-1"))
    assert (request.method, str(request.url)) == ("POST", f"{API}/channels/42/messages")
    assert request.headers["authorization"] == "Bot t0k"
    assert json.loads(request.content) == {"content": "x", "nonce": "n-1", "enforce_nonce": True}


def test_a_bots_post_without_a_nonce_enforces_none() -> None:
    request = asked(lambda service: service.post(BotChannel("t0k", 42, API), {"content": "x"}))
    assert json.loads(request.content) == {"content": "x"}


def test_a_webhook_is_given_no_nonce() -> None:
    request = asked(lambda service: service.post(FakeAddress(), {"content": "x"} | ONLY_WEBHOOKS, "n-1"))
    assert json.loads(request.content) == {"content": "x"} | ONLY_WEBHOOKS
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("address", "thread", "url"),
    [
        (WebhookAddress(f"{API}/webhooks/1/t"), None, f"{API}/webhooks/1/t/messages/9"),
        (WebhookAddress(f"{API}/webhooks/1/t?thread_id=5"), None, f"{API}/webhooks/1/t/messages/9?thread_id=5"),
        (WebhookAddress(f"{API}/webhooks/1/t"), 7, f"{API}/webhooks/1/t/messages/9?thread_id=7"),
        (BotChannel("t0k", 42, API), None, f"{API}/channels/42/messages/9"),
    ],
)
def test_an_edit_goes_to_the_message_in_its_thread(address: WebhookAddress, thread: int | None, url: str) -> None:
    request = asked(lambda service: service.edit(address, "9", {"embeds": []} | ONLY_WEBHOOKS, thread))
    assert (request.method, str(request.url)) == ("PATCH", url)
    assert json.loads(request.content) == {"embeds": []}
    assert request.headers.get("authorization") == address.authorization()


@pytest.mark.parametrize("message_id", ["", "x", "9/../8", "٣"])
def test_only_a_message_with_an_id_is_edited(message_id: str) -> None:
    with pytest.raises(ValueError, match="no id of a message"):
        asked(lambda service: service.edit(FakeAddress(), message_id, {}))


ONLY_WEBHOOKS: dict[str, object] = {"thread_name": "Kills", "username": "x", "avatar_url": "https://x/y.png"}


def asked(ask: Callable[[Discord], Reply]) -> httpx.Request:
    """The one request that it makes."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": "9"})

    ask(poster(answer))
    [request] = seen
    return request
