import copy
import pickle
from pathlib import Path

import pytest

from notifier.config import AddressProblem, BotChannel, Destination, WebhookAddress
from notifier.config.address import parse_address, parse_token
from notifier.problem import Problem

TOKEN = "tOkEn-_" * 8
URL = f"https://discord.com/api/webhooks/123456789/{TOKEN}"
API = "https://discord.com/api/v10"
HOSTS = ("discord.com", "127.0.0.1:8123")


@pytest.mark.parametrize(
    "text",
    [
        URL,
        f"  {URL}\n",
        URL.replace("/api/", "/api/v10/"),
        URL.replace("discord.com", "discord.com:443"),
        f"{URL}?thread_id=42",
        URL.replace("https://discord.com", "http://127.0.0.1:8123"),
        URL.replace("discord.com", "127.0.0.1:8123"),
    ],
)
def test_an_address_of_an_allowed_host_is_taken(text: str) -> None:
    address = parse_address(text, "w", HOSTS)
    assert isinstance(address, WebhookAddress)
    assert address.url() == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TOKEN,
        URL.replace("https", "http"),
        URL.replace("https", "ftp"),
        URL.replace("discord.com", "evil.example"),
        URL.replace("discord.com", "discord.com.evil.example"),
        URL.replace("discord.com", "discord.com:444"),
        URL.replace("discord.com", "discord.com@evil.example"),
        URL.replace("discord.com", "evil@discord.com"),
        URL.replace("discord.com", "127.0.0.1"),
        URL.replace("discord.com", "127.0.0.1:8124"),
        URL.replace("/api/", "/api/v9/"),
        URL.replace("/api/", "/api/../api/"),
        f"{URL}/slack",
        f"{URL}?wait=false",
        f"{URL}#x",
        f"{URL}\n{URL}",
        URL.replace("webhooks/", "web\thooks/"),
        f"https://[{TOKEN}",
        URL + "x" * 4000,
    ],
)
def test_what_is_no_such_address_is_refused_and_not_repeated(text: str) -> None:
    problem = parse_address(text, "w", HOSTS)
    assert isinstance(problem, Problem)
    assert TOKEN not in str(problem)
    assert "123456789" not in str(problem)


def test_an_address_shows_its_fingerprint_and_never_its_text() -> None:
    address = WebhookAddress(URL)
    assert len(address.fingerprint) == 12
    for text in (
        repr(address),
        str(address),
        f"{address}",
        f"{address:>60}",
        "{} {!r}".format(address, address),  # noqa: UP032 - each way of formatting
        f"{[address]}",
    ):
        assert TOKEN not in text
        assert address.fingerprint in text


def test_an_address_is_neither_pickled_nor_copied() -> None:
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="secret") as caught:
            way(WebhookAddress(URL))
        assert TOKEN not in str(caught.value)


def test_addresses_are_equal_by_their_text() -> None:
    assert WebhookAddress(URL) == WebhookAddress(URL)
    assert WebhookAddress(URL) != WebhookAddress(URL + "x")
    assert WebhookAddress(URL) != URL


def test_an_address_is_read_from_its_variable_each_time() -> None:
    environ = {"W": URL}
    destination = Destination("intel", env="W", environ=environ, allowed_hosts=HOSTS)
    assert destination.address().url() == URL
    environ["W"] = URL + "2"
    assert destination.address().url() == URL + "2"
    assert TOKEN not in repr(destination)


def test_an_address_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "intel"
    file.write_text(f"{URL}\n")
    assert Destination("intel", file=file, allowed_hosts=HOSTS).address().url() == URL


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", URL.encode() * 2])
def test_a_file_without_an_address_is_a_problem_that_names_the_file(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "intel"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AddressProblem) as caught:
        Destination("intel", file=file, allowed_hosts=HOSTS).address()
    assert str(file) in caught.value.problem.where
    assert TOKEN not in str(caught.value)


def test_a_variable_that_is_not_set_is_a_problem_that_names_it() -> None:
    with pytest.raises(AddressProblem, match=r"destinations\.intel\.webhook \(variable W\): found no such variable"):
        Destination("intel", env="W", allowed_hosts=HOSTS).address()


def test_a_webhooks_messages_have_addresses_of_their_own() -> None:
    address = WebhookAddress(URL)
    assert address.message_url("9") == f"{URL}/messages/9"
    assert address.message_url("9", 5) == f"{URL}/messages/9?thread_id=5"
    assert address.in_thread(4).message_url("9") == f"{URL}/messages/9?thread_id=4"
    assert address.in_thread(4).message_url("9", 5) == f"{URL}/messages/9?thread_id=5"
    assert (address.authorization(), address.enforces_nonce) == (None, False)


# -- Bots


def bot(token: str, channel: int = 42, api: str = API) -> Destination:
    return Destination("intel", env="BOT", environ={"BOT": token}, allowed_hosts=HOSTS, channel=channel, api=api)


@pytest.mark.parametrize("text", [TOKEN, f" {TOKEN}\n", f"Bot {TOKEN}", f"bot  {TOKEN}\n"])
def test_a_bots_channel_is_addressed_with_its_token_in_a_header(text: str) -> None:
    address = bot(text).address()
    assert isinstance(address, BotChannel)
    assert address.url() == "https://discord.com/api/v10/channels/42/messages"
    assert address.message_url("9") == address.message_url("9", 5) == f"{address.url()}/9"
    assert (address.authorization(), address.enforces_nonce) == (f"Bot {TOKEN}", True)


NO_TOKENS = ["", " ", "Bot ", f"{TOKEN} {TOKEN}", f"{TOKEN}\n{TOKEN}", f"a\0{TOKEN}", f"é{TOKEN}", URL]


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_is_no_token_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AddressProblem) as caught:
        bot(text).address()
    assert str(caught.value).startswith("destinations.intel.bot (variable BOT): found ")
    assert TOKEN not in str(caught.value)


def test_a_token_that_is_too_long_is_refused() -> None:
    assert not isinstance(parse_token("x" * 4000, "w"), str)


def test_a_bot_has_another_fingerprint_for_each_token_and_channel_and_one_rate_limit_a_channel() -> None:
    one, other_token, other_channel = bot(TOKEN).address(), bot(TOKEN + "x").address(), bot(TOKEN, 43).address()
    assert len({one.fingerprint, other_token.fingerprint, other_channel.fingerprint}) == 3
    assert one.webhook == other_token.webhook != other_channel.webhook
    assert one == bot(TOKEN).address()
    assert one not in (other_token, other_channel, WebhookAddress(URL))


def test_a_bots_channel_never_shows_its_token() -> None:
    address = bot(TOKEN).address()
    for text in (repr(address), str(address), f"{address:>60}", f"{[address]}", repr(bot(TOKEN))):
        assert TOKEN not in text
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="secret"):
            way(address)


@pytest.mark.parametrize(
    ("api", "is_allowed"),
    [
        ("http://127.0.0.1:8123/api/v10", True),
        ("http://discord.com/api/v10", False),
        ("https://evil.example/api/v10", False),
    ],
)
def test_a_token_is_sent_to_allowed_hosts_alone(api: str, is_allowed: bool) -> None:
    if is_allowed:
        assert bot(TOKEN, api=api).address().url() == f"{api}/channels/42/messages"
        return
    with pytest.raises(AddressProblem, match="NOTIFIER_DISCORD_URL: found "):
        bot(TOKEN, api=api).address()


def test_a_bots_token_is_read_from_its_place_each_time(tmp_path: Path) -> None:
    file = tmp_path / "bot"
    destination = Destination("intel", file=file, allowed_hosts=HOSTS, channel=42)
    with pytest.raises(AddressProblem, match="expected a file with a bot's token"):
        destination.address()
    file.write_text(f"{TOKEN}\n")
    before = destination.address().fingerprint
    file.write_text(f"{TOKEN}2\n")
    assert destination.address().fingerprint != before
    with pytest.raises(AddressProblem, match=r"\(variable W\): found no such variable, expected a bot's token"):
        Destination("intel", env="W", allowed_hosts=HOSTS, channel=42).address()
