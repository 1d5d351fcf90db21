"""The plainest form of a notice: one text, whatever the notice holds."""

from hypothesis import given, settings
from messages_samples import forgeries, notices, units

from notifier.messages import AdminNotice, KillNotice
from notifier.messages.plainest import MOST, payload
from ops.samples import notices as samples
from ops.simulators.discord.journal import killmails
from ops.simulators.discord.payload import refusal


@settings(max_examples=100, deadline=None)
@given(notices)
def test_a_kill_is_named_by_its_page_and_forges_nothing(notice: KillNotice) -> None:
    message = payload(notice)
    text = str(message["content"])
    address, _, rest = text.partition(" ")
    assert address == f"https://zkillboard.com/kill/{notice.killmail_id}/"
    assert killmails(message) == [notice.killmail_id]
    assert forgeries(rest) == []
    assert units(text) <= MOST
    assert refusal(message) is None


def test_what_is_no_kill_says_what_it_is() -> None:
    told = [str(payload(notice)["content"]) for notice in samples(1_700_000_000)]
    assert "A system notice, which Discord does not take in its own form." in told
    assert any(text.startswith("destination disabled: ") for text in told)
    alarm = AdminNotice("job_dead", "*" * 10_000)
    assert units(str(payload(alarm)["content"])) <= MOST
