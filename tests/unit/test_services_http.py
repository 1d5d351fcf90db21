import logging
import ssl

import httpx
import pytest

from notifier.services import http


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"agent": request.headers["user-agent"]})


def test_the_tls_context_is_made_once_and_verifies() -> None:
    assert http.tls_context() is http.tls_context()
    assert http.tls_context().verify_mode is ssl.CERT_REQUIRED


def test_the_user_agent_names_the_project_and_the_contact() -> None:
    with http.make_client(contact="me@example.com", timeout=3, transport=httpx.MockTransport(answer)) as client:
        agent = client.get("https://example.com").json()["agent"]
    assert agent.startswith("eve-killmail-notifier/0.")
    assert agent.endswith(" (+me@example.com)")


@pytest.mark.parametrize("contact", ["", "  ", "\r\n", "é"])
def test_a_contact_that_no_header_may_hold_is_left_out(contact: str) -> None:
    assert "(" not in http.user_agent(contact)


def test_a_contact_with_a_line_break_forges_no_header() -> None:
    assert http.user_agent("a\r\nX-Evil: 1").count("\n") == 0


def test_a_redirect_is_not_followed() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": "https://evil.example"}))
    with http.make_client(contact="x", timeout=3, transport=transport) as client:
        assert client.get("https://example.com").status_code == 302


def test_no_address_reaches_the_log_even_when_everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with http.make_client(contact="x", timeout=3, transport=httpx.MockTransport(answer)) as client:
        client.get("https://example.com/api/webhooks/1/secret")
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5", 1.5),
        ("64", 64.0),
        (" 7 ", 7.0),
        (0.25, 0.25),
        (3, 3.0),
        ("-4", 0.0),
        ("1e9", http.LONGEST_WAIT),
        (10**400, None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 02:33:12 GMT", None),
        ("", None),
        (None, None),
        (True, None),
        ([1], None),
    ],
)
def test_a_pause_is_read_from_whatever_a_service_writes(value: object, expected: float | None) -> None:
    assert http.seconds(value) == expected
