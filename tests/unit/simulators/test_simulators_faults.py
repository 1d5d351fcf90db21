import json

import httpx
import pytest

from ops.simulators import Pace, transport
from ops.simulators.__main__ import _arguments
from ops.simulators.faults import Plan
from ops.simulators.feed import BASE
from ops.simulators.simulation import Options
from ops.simulators.wire import Request, Response
from tests.unit.simulators.simulators_samples import Clock, mail, request, simulation

ASK = Request("POST", "/api/webhooks/1/token")


def plan(*faults):
    made = Plan()
    made.add(json.dumps(faults).encode())
    return made


def statuses(made, count, asked=ASK, service="discord"):
    return [made.apply(service, asked, lambda _: Response(204)).status for _ in range(count)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "fault plan"),
        (b"{}", "Expected `array`"),
        (b'[{"service": "twitter"}]', "service"),
        (b"[{}]", "service"),
        (b'[{"service": "esi", "sttus": 500}]', "sttus"),
        (b'[{"service": "esi", "times": "often"}]', "times"),
        (b'[{"service": "esi", "match": {"path": "("}}]', "fault plan"),
        (b'[{"service": "esi", "match": {"host": "x"}}]', "host"),
    ],
)
def test_a_plan_with_a_mistake_is_refused_with_its_place(body, words):
    with pytest.raises(ValueError, match=words):
        Plan().add(body)
    simulated = simulation()
    assert request(simulated, "POST", "/simulator/faults", body).status == 400
    simulated.close()


def test_a_plan_with_a_mistake_adds_nothing():
    made = Plan()
    with pytest.raises(ValueError):
        made.add(b'[{"service": "discord", "status": 500}, {"service": "x"}]')
    assert statuses(made, 1) == [204]


def test_a_fault_strikes_as_often_as_it_says_and_counts_that():
    made = plan({"service": "discord", "status": 503, "times": 2})
    assert statuses(made, 4) == [503, 503, 204, 204]
    assert json.loads(made.to_json())[0]["used"] == 2


@pytest.mark.parametrize(
    ("match", "struck"),
    [
        ({}, True),
        ({"path": "webhooks/1/"}, True),
        ({"path": "webhooks/2/"}, False),
        ({"method": "POST"}, True),
        ({"method": "GET"}, False),
    ],
)
def test_a_fault_takes_the_requests_that_it_names(match, struck):
    made = plan({"service": "discord", "status": 500, "match": match})
    assert statuses(made, 1) == [500 if struck else 204]
    assert statuses(made, 1, service="esi") == [204]


def test_a_probable_fault_strikes_the_same_requests_in_every_run():
    one = {"service": "discord", "status": 500, "probability": 0.3, "seed": 7}
    first = statuses(plan(one), 200)
    assert first == statuses(plan(one), 200)
    assert 30 < first.count(500) < 90


def test_the_first_fault_that_takes_a_request_applies():
    made = plan({"service": "discord", "status": 500, "times": 1}, {"service": "discord", "status": 502})
    assert statuses(made, 2) == [500, 502]


@pytest.mark.parametrize(
    ("fault", "body", "kind"),
    [
        ({"status": 502}, b"<html>", "text/html"),
        ({"status": 429, "body": {"retry_after": 0.7}}, b'{"retry_after":0.7}', "application/json"),
        ({"body": "<h1>no JSON</h1>"}, b"<h1>no JSON</h1>", "text/html"),
    ],
)
def test_a_fault_has_the_body_that_it_says_or_the_usual_one(fault, body, kind):
    response = plan({"service": "discord", **fault}).apply("discord", ASK, lambda _: Response(204))
    assert response.status == fault.get("status", 200)
    assert response.body.startswith(body)
    assert response.headers["Content-Type"].startswith(kind)


def test_headers_of_a_fault_are_added_to_the_true_answer():
    made = plan({"service": "discord", "headers": {"X-RateLimit-Remaining": "0"}})
    response = made.apply("discord", ASK, lambda _: Response(204, headers={"Via": "x"}))
    assert (response.status, response.headers) == (204, {"Via": "x", "X-RateLimit-Remaining": "0"})


def test_faults_are_replaced_by_put_and_cleared_by_delete():
    simulated = simulation()
    for method, body, count in (("POST", [{"service": "esi"}], 1), ("POST", [{"service": "esi"}], 2)):
        assert len(json.loads(request(simulated, method, "/simulator/faults", body).body)) == count
    assert len(json.loads(request(simulated, "PUT", "/simulator/faults", [{"service": "esi"}]).body)) == 1
    assert request(simulated, "DELETE", "/simulator/faults").body == b"[]"
    assert request(simulated, "GET", "/simulator/nothing").status == 404
    simulated.close()


# ---- as an httpx transport


@pytest.fixture
def slept():
    return []


@pytest.fixture
def client(slept):
    mails = [mail(1)]
    with httpx.Client(
        transport=transport(mails, Options(Pace("flat")), clock=Clock(), sleep=slept.append),
        headers={"User-Agent": "a test"},
        timeout=5.0,
    ) as client:
        yield client


def fault(client, **what):
    client.post("https://any.host/simulator/faults", json=[what]).raise_for_status()


def test_the_transport_answers_for_every_host(client):
    assert client.get(f"https://r2z2.zkillboard.com/ephemeral/{BASE}.json").json()["killmail_id"] == 1
    assert client.post("https://esi.evetech.net/universe/names", json=[587]).json()[0]["category"] == "inventory_type"
    posted = client.post("https://discord.com/api/v10/webhooks/1/token", params={"wait": "true"}, json={"content": "x"})
    assert posted.json()["content"] == "x"


def test_a_drop_is_a_protocol_error(client):
    fault(client, service="discord", drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("https://discord.com/api/webhooks/1/token", json={"content": "x"})


def test_a_delay_beyond_the_clients_patience_is_a_timeout_and_a_shorter_one_is_waited_for(client, slept):
    fault(client, service="discord", delay=6.0, times=1)
    fault(client, service="discord", delay=4.0, times=1)
    with pytest.raises(httpx.ReadTimeout):
        client.post("https://discord.com/api/webhooks/1/token", json={"content": "x"})
    assert slept == []
    assert client.post("https://discord.com/api/webhooks/1/token", json={"content": "x"}).status_code == 204
    assert slept == [4.0]


# ---- as a command


def test_the_command_publishes_the_sample_at_once_by_default():
    arguments = _arguments([])
    assert (arguments.pace, arguments.kills, arguments.port, arguments.limits) == (Pace("flat"), None, 0, "discord")


@pytest.mark.parametrize("argv", [["--pace", "fast"], ["--kills", "-1"], ["--kills", "0"], ["--kills", "x"]])
def test_the_command_refuses_what_makes_no_sense(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        _arguments(argv)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
