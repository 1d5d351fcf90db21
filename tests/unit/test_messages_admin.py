"""Notices to the operator, alone and among kills."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.messages import AdminNotice, KillNotice, Named, Party, Place, compose, notice_from_json, notice_to_json
from notifier.messages.compact import MOST
from notifier.messages.compose import text_size
from ops.simulators.discord.payload import refusal

NOTICE = AdminNotice("destination_disabled", "destination: intel, reason: 404", "ERROR", "destination-disabled", 2, 99)


def kill(number: int, name: str = "Rifter") -> KillNotice:
    return KillNotice(number, 1_700_000_000, Party(ship=Named(587, name)), Place(Named(30000142, "Jita")), 1)


def test_it_says_what_happened_and_where_to_read_what_to_do() -> None:
    [embed] = compose([NOTICE], 1).payload["embeds"]  # type: ignore[misc, attr-defined]
    assert embed["title"] == "Destination disabled"
    assert embed["description"] == "destination\\: intel, reason\\: 404\nand 2 more of this kind"
    assert embed["timestamp"] == "1970-01-01T00:01:39+00:00"
    assert embed["footer"] == {"text": "what to do: ops/runbooks/destination-disabled.md"}


@pytest.mark.parametrize("waiting", [3, 30])
def test_a_group_may_hold_notices_of_both_kinds_in_their_order(waiting: int) -> None:
    message = compose([kill(1), NOTICE, NOTICE, kill(2), kill(1), NOTICE], waiting)
    titles = [embed["title"] for embed in message.payload["embeds"]]  # type: ignore[attr-defined]
    assert message.taken == 4
    assert [title.split()[0] for title in titles] == ["Unknown", "Destination", "Destination", "Unknown"]


@given(st.lists(st.builds(AdminNotice, st.text(), st.text(), st.text(), st.text(), st.integers(), st.integers())))
def test_ten_of_them_fit_into_a_message_whatever_they_hold(notices: list[AdminNotice]) -> None:
    worst = AdminNotice("*" * 200, "_*~" * 500, "?", "a" * 500, 10**18, 10**11)
    message = compose([*notices, *[worst] * 10][:10], 10)
    assert message.taken == 10
    embeds = message.payload["embeds"]
    assert isinstance(embeds, list)
    assert refusal(message.payload) is None, "the simulated Discord takes it"
    assert all(text_size([embed]) <= MOST for embed in embeds)


@pytest.mark.parametrize("notice", [NOTICE, kill(1)])
def test_a_notice_of_any_kind_survives_its_way_through_a_job(notice: AdminNotice | KillNotice) -> None:
    assert notice_from_json(notice_to_json(notice)) == notice


def test_a_notice_of_an_unknown_kind_is_none() -> None:
    with pytest.raises(ValueError, match="not a notice"):
        notice_from_json(json.dumps({"type": "weather", "text": "fine"}))
