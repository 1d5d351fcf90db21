"""The pure parts of the benchmark `delivery`."""

import pytest

from ops.bench import delivery
from ops.simulators.discord.limiter import Limiter


@pytest.mark.parametrize("posts", [1, 5, 6, 30, 31, 300])
def test_what_is_computed_for_single_posts_is_what_discords_limits_admit(posts):
    limiter, now = Limiter(), 0.0
    for _ in range(posts):
        while limiter.refuse("1/t", "1", "10.0.0.1", now) is not None:
            now += 0.05
    # The simulator's windows count a refusal of one against the other, so it is a little later.
    assert delivery.seconds_ungrouped(posts) <= now + 0.1
    assert delivery.seconds_ungrouped(300) == 550.0


def test_a_kill_that_arrives_after_a_later_one_is_out_of_order():
    fetched = {1: 1.0, 2: 2.0, 3: 3.0}
    assert delivery.out_of_order([1, 2, 3], fetched) == 0
    assert delivery.out_of_order([2, 3, 1], fetched) == 1


def test_a_channel_tells_of_the_kills_in_its_messages_and_of_those_that_a_digest_counts_now():
    def line(message, *descriptions):
        return {"id": message, "payload": {"embeds": [{"description": text} for text in descriptions]}}

    digest = [line("9", "**1 ship**, from …"), line("9", "**1,234 ships, 2b ISK**, from …")]
    assert delivery.told([line("8", "**5m ISK** in Jita", "Jita"), *digest]) == 1236
