import copy
import pickle
from pathlib import Path

import pytest

from notifier.config import AddressProblem, Destination, WebhookAddress
from notifier.config.address import parse_address
from notifier.problem import Problem

TOKEN = "tOkEn-_" * 8
URL = f"https://discord.com/api/webhooks/123456789/{TOKEN}"
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
