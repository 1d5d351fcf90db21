"""The outbox's scripts on a real server: who leads, in which order, under which limits, and what is ambiguous."""

import pytest

from notifier.outcome import Backoff
from notifier.services.discord import Limits
from workers import destinations, keys, outbox
from workers.outbox import Begun, Busy, Delivered, Disabled, Gather, Held, Lead, Limited, Lost, Outbox
from workers.queues import DELIVERY, ENRICHMENT, HandOver, NewJob


def put(queues, number, destination="intel"):
    job_id = f"kill-{number}-{destination}"
    job = NewJob(
        DELIVERY, job_id, ("{}", destination, number, 0.0), "", keys.delivery(job_id), keys.outbox(destination), number
    )
    queues.hand_over(HandOver([job]))
    return job_id


def box(queues, number, destination="intel", address="address", *, hold=False):
    return Outbox(queues, destination, address, f"kill-{number}-{destination}", hold=hold)


def state(connection, job_id):
    return {k.decode(): v.decode() for k, v in connection.hgetall(keys.delivery(job_id)).items()}


def test_the_leader_gets_the_oldest_ten_in_order(queues):
    ids = [put(queues, number) for number in range(12)]
    claim = box(queues, 7).claim(7)
    assert claim == Lead(7, 12, tuple(ids[:10]))


def test_while_one_leads_the_others_wait_by_rank(queues):
    for number in range(3):
        put(queues, number)
    assert isinstance(box(queues, 0).claim(0), Lead)
    assert box(queues, 2).claim(2) == Busy(2)
    assert isinstance(box(queues, 0).claim(0), Lead), "a recovered leader owns its lock at once"


def test_two_destinations_never_wait_for_each_other(queues):
    put(queues, 1, "intel")
    put(queues, 1, "losses")
    assert isinstance(box(queues, 1, "intel").claim(1), Lead)
    assert isinstance(box(queues, 1, "losses", "other").claim(1), Lead)


def test_what_a_leader_acknowledged_is_delivered_for_its_own_job_too(queues, connection):
    ids = [put(queues, number) for number in range(2)]
    leader = box(queues, 0)
    leader.claim(0)
    assert leader.begin(ids, "post") == Begun()
    assert state(connection, ids[1]) == {"state": "sending", "post": "post"}
    leader.acknowledge(ids, "99")
    assert state(connection, ids[1]) == {"state": "delivered", "message": "99"}
    assert box(queues, 1).claim(1) == Delivered()
    assert connection.zcard(keys.outbox("intel")) == 0
    assert connection.get(keys.lock("intel")) is None
    assert connection.hget(keys.COUNTERS, "delivered") == b"2"


def test_a_repeated_acknowledgement_counts_once(queues, connection):
    ids = [put(queues, 1)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin(ids, "post")
    leader.acknowledge(ids, "99")
    leader.acknowledge(ids, "99")
    assert connection.hget(keys.COUNTERS, "delivered") == b"1"


def test_a_post_without_a_known_end_is_ambiguous_when_it_is_begun_again(queues, connection):
    ids = [put(queues, 1)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin(ids, "first")
    leader.begin(ids, "second")
    assert state(connection, ids[0])["ambiguous"] == "1"
    assert connection.hget(keys.COUNTERS, "ambiguous") == b"1"


def test_a_post_that_surely_did_not_happen_is_not_ambiguous(queues, connection):
    ids = [put(queues, 1)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin(ids, "first")
    leader.release("first", ids)
    assert state(connection, ids[0]) == {"state": "pending"}
    leader.claim(1)
    leader.begin(ids, "second")
    assert state(connection, ids[0]) == {"state": "sending", "post": "second"}


def test_only_the_holder_of_the_lock_may_begin(queues):
    ids = [put(queues, 1)]
    assert box(queues, 1).begin(ids, "post") == Lost()


def test_a_refused_group_goes_alone_each_by_its_own_job(queues):
    ids = [put(queues, number) for number in range(3)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.release("", ids, alone_up_to=1)
    assert box(queues, 1).claim(1) == Busy(1)
    assert box(queues, 2).claim(2) == Busy(2)
    head = box(queues, 0)
    assert head.claim(0) == Lead(0, 3, (ids[0],), alone=True)
    head.acknowledge([ids[0]], "1")
    second = box(queues, 1)
    assert second.claim(1) == Lead(0, 2, (ids[1],), alone=True)
    second.acknowledge([ids[1]], "2")
    put(queues, 3)
    assert box(queues, 2).claim(2) == Lead(0, 2, (ids[2], "kill-3-intel")), "after the mark they go together again"


def test_up_to_the_mark_all_go_alone_also_when_one_of_them_is_refused_again(queues, connection):
    ids = [put(queues, number) for number in range(3)]
    leader = box(queues, 2)
    leader.claim(2)
    leader.release("", ids, alone_up_to=2)
    first = box(queues, 0)
    first.claim(0)
    first.release("", ids[:1], alone_up_to=0)
    assert float(connection.get(keys.alone("intel"))) == 2.0


def test_a_delivery_that_was_dead_takes_its_old_place(queues, connection):
    ids = [put(queues, number) for number in range(2)]
    connection.zrem(keys.outbox("intel"), ids[0])
    assert box(queues, 0).claim(0) == Lead(0, 2, tuple(ids))


def test_a_disabled_address_is_not_posted_to_and_another_one_is(queues):
    put(queues, 1)
    destinations.disable(queues.connection, "intel", "address", "404")
    assert box(queues, 1).claim(1) == Disabled()
    assert isinstance(box(queues, 1, address="new").claim(1), Lead)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_block_holds_for_whom_it_was_said(queues, everywhere):
    put(queues, 1)
    put(queues, 1, "losses")
    box(queues, 1).note(None, None, 30.0, everywhere=everywhere)
    claim = box(queues, 1).claim(1)
    assert isinstance(claim, Limited)
    assert 29 < claim.seconds <= 30
    other = box(queues, 1, "losses", "another address").claim(1)
    assert isinstance(other, Limited if everywhere else Lead)


def test_a_bucket_that_is_empty_waits_for_its_reset(queues):
    put(queues, 1)
    box(queues, 1).note(0, 1.5, None, everywhere=False)
    claim = box(queues, 1).claim(1)
    assert isinstance(claim, Limited)
    assert 1.0 < claim.seconds <= 1.5


def test_the_hidden_limit_of_a_channel_is_kept(queues, monkeypatch):
    monkeypatch.setattr(outbox, "CHANNEL_LIMIT", 3)
    for number in range(4):
        put(queues, number)
        leader = box(queues, number)
        claim = leader.claim(number)
        if number < 3:
            assert isinstance(claim, Lead)
            assert leader.begin([leader.job_id], f"post {number}") == Begun()
            leader.acknowledge([leader.job_id], "1")
    assert isinstance(claim, Limited)
    assert 59 < claim.seconds <= 60


def test_no_key_of_a_limit_lives_for_ever(queues, connection):
    put(queues, 1)
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin([leader.job_id], "post")
    leader.note(4, 1.0, 5.0, everywhere=True)
    forever = {key.decode() for key in connection.keys("notifier:*") if connection.ttl(key) < 0}
    assert forever == {keys.outbox("intel")} | ({keys.COUNTERS} & forever)


def test_a_begin_that_redis_py_sends_again_is_one_post(queues, connection):
    ids = [put(queues, 1)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.note(5, 10.0, None, everywhere=False)
    for _ in range(3):
        assert leader.begin(ids, "post") == Begun()
    assert connection.hget(keys.limit("address"), "remaining") == b"4"
    assert connection.zcard(keys.posts("address")) == connection.zcard(keys.ALL_POSTS) == 1
    assert connection.hget(keys.COUNTERS, "ambiguous") is None


def test_a_begin_that_is_sent_again_after_its_window_is_not_ambiguous(queues, connection):
    ids = [put(queues, 1)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin(ids, "post")
    connection.delete(keys.posts("address"), keys.ALL_POSTS)
    assert leader.begin(ids, "post") == Begun()
    assert connection.hget(keys.COUNTERS, "ambiguous") is None


def test_a_late_release_does_not_touch_what_another_post_has_begun(queues, connection):
    ids = [put(queues, 1)]
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin(ids, "first")
    leader.begin(ids, "second")
    leader.release("first", ids)
    assert state(connection, ids[0])["state"] == "sending"


def test_what_a_message_says_of_its_limits_is_known_before_the_next_leader(queues):
    ids = [put(queues, number) for number in range(2)]
    leader = box(queues, 0)
    leader.claim(0)
    leader.begin([ids[0]], "post")
    leader.acknowledge([ids[0]], "9", Limits(remaining=0, reset_after=1.5))
    assert isinstance(box(queues, 1).claim(1), Limited)


def test_a_short_limit_does_not_shorten_a_long_block(queues, connection):
    put(queues, 1)
    box(queues, 1).note(None, None, 60.0, everywhere=False)
    box(queues, 1).note(4, 1.0, None, everywhere=False)
    assert connection.ttl(keys.limit("address")) > 50


def test_the_ledger_of_a_delivery_never_lives_for_ever(queues, connection):
    job_id = put(queues, 1)
    connection.delete(keys.delivery(job_id))  # it ran out while the delivery was a dead letter
    leader = box(queues, 1)
    leader.claim(1)
    leader.begin([job_id], "post")
    assert 0 < connection.ttl(keys.delivery(job_id)) <= keys.LEDGER_TTL


# -- Two runs of one job: a process that was taken for dead, and the one that has its job now


def test_a_run_whose_job_another_process_has_taken_over_begins_nothing(queues):
    ids = [put(queues, 1)]
    paused, other = box(queues, 1), box(queues, 1)
    assert isinstance(paused.claim(1), Lead)
    assert isinstance(other.claim(1), Lead)
    assert not paused.leads()
    assert paused.begin(ids, "late") == Lost()
    assert other.leads()
    assert other.begin(ids, "post") == Begun()


def test_a_run_that_lost_its_lead_does_not_end_the_others(queues, connection):
    put(queues, 1)
    paused, other = box(queues, 1), box(queues, 1)
    paused.claim(1)
    other.claim(1)
    paused.release()
    assert other.leads()
    paused.acknowledge([], "1")
    assert other.leads()


# -- The policy `hold`


def test_with_hold_what_may_have_been_posted_is_held_and_nobody_takes_it_along(queues):
    ids = [put(queues, number) for number in range(3)]
    leader = box(queues, 0, hold=True)
    leader.claim(0)
    leader.begin(ids[:2], "post")
    assert box(queues, 1, hold=True).claim(1) == Busy(1), "its post is still under way"
    leader.release("post", ())
    assert box(queues, 1, hold=True).claim(1) == Held()
    assert box(queues, 2, hold=True).claim(2) == Lead(2, 3, (ids[2],))


def test_a_recovered_leader_holds_what_it_may_have_posted_and_leads_no_more(queues, connection):
    ids = [put(queues, 1)]
    killed = box(queues, 1, hold=True)
    killed.claim(1)
    killed.begin(ids, "post")
    assert box(queues, 1, hold=True).claim(1) == Held()
    assert connection.get(keys.lock("intel")) is None


def test_what_was_held_and_is_put_back_is_posted_and_counted_as_ambiguous(queues, connection):
    ids = [put(queues, 1)]
    connection.hset(keys.delivery(ids[0]), "state", "held")
    again = box(queues, 1, hold=True)
    assert isinstance(again.claim(1), Lead)
    begun = again.begin(ids, "post")
    assert (begun, begun.ambiguous) == (Begun(), 1)


# -- Pauses after failures


def test_an_address_pauses_longer_after_each_failure_up_to_the_cap_until_a_post_succeeds(queues, monkeypatch):
    monkeypatch.setattr(outbox, "jitter", lambda: 1.0)
    ids = [put(queues, 1)]
    backoff = Backoff(base=1.0, cap=10.0)
    leader = box(queues, 1)
    pauses = [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert [leader.falter(backoff) for _ in range(6)] == list(zip(pauses, range(1, 7), strict=True))
    assert leader.falter(backoff, said=30.0) == (30.0, 7)
    claim = leader.claim(1)
    assert isinstance(claim, Limited)
    assert 29 < claim.seconds <= 30
    leader.acknowledge(ids, "1")
    assert leader.falter(backoff) == (1.0, 1)


def test_notices_to_the_operator_are_no_part_of_the_account(queues, connection):
    box(queues, 1).acknowledge(["admin-1-intel", "kill-1-intel"], "9")
    assert connection.hget(keys.COUNTERS, "delivered") == b"1"


# -- Bursts


def enriching(connection, queues):
    connection.rpush(queues[ENRICHMENT].key, "kill-9")


def test_a_fresh_first_one_waits_a_moment_while_killmails_are_being_enriched(queues, connection):
    put(queues, 1)
    assert isinstance(box(queues, 1).claim(1, fresh=True), Lead)
    box(queues, 1).release()
    connection.delete(keys.lock("intel"), keys.lead("intel"))
    enriching(connection, queues)
    assert box(queues, 1).claim(1, fresh=True) == Gather(0.05)
    assert connection.get(keys.lock("intel")) is None
    assert isinstance(box(queues, 1).claim(1), Lead), "it has waited long enough"


def test_after_a_post_a_half_empty_message_waits_for_its_share_of_the_bucket_while_more_are_coming(queues, connection):
    put(queues, 1)
    now = connection.time()
    connection.zadd(keys.posts("address"), {"post": now[0] + now[1] / 1e6})
    enriching(connection, queues)
    claim = box(queues, 1).claim(1)
    assert isinstance(claim, Gather)
    assert 0.3 < claim.seconds <= 0.4
    for number in range(2, 11):
        put(queues, number)
    assert isinstance(box(queues, 1).claim(1), Lead), "a full message waits for nothing"


def test_the_turns_of_a_long_outbox_are_those_that_webhook_and_channel_allow():
    turns = [outbox.turn(rank, 2.0) for rank in (0, 9, 10, 299)]
    assert turns == pytest.approx([2.0, 2.0, 2.4, 2.0 + 29 * 0.4])
    assert outbox.turn(300, 2.0) == 62.0


def test_two_threads_of_one_webhook_share_its_limit_and_nothing_else(queues, connection):
    one = Outbox(queues, "intel", "thread-1", "kill-1-intel", webhook="hook")
    other = Outbox(queues, "losses", "thread-2", "kill-1-losses", webhook="hook")
    put(queues, 1, "intel")
    put(queues, 1, "losses")
    one.note(0, 2.0, None, False)
    assert isinstance(other.claim(1), Limited)
    connection.delete(keys.limit("hook"))
    destinations.disable(connection, "intel", "thread-1", "gone")
    assert isinstance(one.claim(1), Disabled)
    assert isinstance(other.claim(1), Lead)
