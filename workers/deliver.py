"""From a delivery job to Discord: lead the destination, post the oldest of what waits there (see `posting`)."""

import time
from collections.abc import Callable, Mapping, Sequence

from loguru import logger

from notifier.config import Address, AddressProblem, Destination, duration
from notifier.messages import KillNotice, notice_from_json
from notifier.outcome import Dead, Done, Outcome, Snooze
from notifier.services.discord import Discord
from workers import keys
from workers.composing import Composer, Leading
from workers.edits import Editor
from workers.enrich import brings_names
from workers.outbox import DIGESTED, GROUP, Busy, Delivered, Disabled, Gather, Held, Lead, Limited, Outbox, turn
from workers.posting import Poster, Trouble, Waiting, awake, disabled, held
from workers.process import StopSignal
from workers.queues import KillmailJob, Queues

TURN = 0.05
"""Seconds between two looks of a delivery that waits behind another leader, for each group before it."""
FRESH = 0.2
"""Seconds after its reading for which a killmail's notification may wait for others to go with it."""
LONGEST_LOOK = 5.0
"""Seconds between two looks at most while the leader's post takes long."""


class Deliver:
    """The last stage. `clock` gives epoch seconds, `awake` seconds for durations."""

    def __init__(
        self,
        queues: Queues,
        destinations: Mapping[str, Destination],
        service: Discord,
        stop: StopSignal,
        clock: Callable[[], float] = time.time,
        awake: Callable[[], float] = awake,
    ) -> None:
        self._queues, self._destinations, self._clock = queues, destinations, clock
        self._poster = Poster(queues, service, stop, clock, awake)
        self._composer, self._editor = Composer(queues.connection, clock), Editor(queues, service, clock)

    def perform(
        self, job_id: str, notice: str, destination: str, sequence: float, received: float, revision: str = ""
    ) -> Outcome:
        """Deliver `notice` (JSON) to `destination`, together with what waits there before it.

        `sequence` is its place in the order there, `received` when we came to know of it (epoch seconds). A `revision`
        is something newer of what was delivered: its message is edited.
        """
        known = self._destinations.get(destination)
        if known is None:
            return Dead(f"destination {destination!r} is not configured any more", "misconfigured")
        try:
            address = known.address()
        except AddressProblem as error:
            return Dead(str(error), "misconfigured")
        if revision:
            edited = self._revise(job_id, notice, known, address, received, revision)
            if isinstance(edited, Done | Dead):
                self._queues.connection.zrem(keys.EDITS, job_id)
            return edited
        outbox = Outbox(
            self._queues,
            destination,
            known.target(address),
            job_id,
            webhook=address.webhook,
            hold=known.ambiguous == "hold",
            most=GROUP if known.digest is None else DIGESTED,
        )
        # One from the future came from a host whose clock is wrong: no reason to wait until then.
        fresh = 0 <= self._clock() - received < FRESH
        end = self._claimed(outbox, address, notice, sequence, fresh)
        return self._waits(end.snooze, known, job_id, received) if isinstance(end, Trouble) else end

    def _revise(
        self, job_id: str, notice: str, to: Destination, address: Address, received: float, revision: str
    ) -> Outcome:
        newer = notice_from_json(notice)
        if not isinstance(newer, KillNotice):
            return Dead("only what tells of a killmail has revisions", "permanent")
        if to.rewrites != "edit" and not brings_names(revision):
            return Done("its destination does not want to know of rewrites")
        return self._editor.perform(job_id, newer, to, address, self._composer.templates.of(to), received)

    def _claimed(
        self, outbox: Outbox, address: Address, notice: str, sequence: float, fresh: bool
    ) -> Outcome | Trouble:
        claim = outbox.claim(sequence, fresh)
        match claim:
            case Delivered():
                return Done("by another leader")
            case Disabled(reason=reason):
                return Dead(disabled(outbox.destination, reason), "misconfigured")
            case Held():
                return held("a worker or a connection was lost after the post had begun")
            case Busy(rank=rank, since=since):
                # A hundred that ask every 50 ms while a slow post lasts would keep the workers from everybody else.
                pause = max(TURN * (1 + rank // GROUP), min(since / 2, LONGEST_LOOK))
                return Snooze(pause, "another delivery leads")
            case Limited(rank=rank, seconds=seconds):
                return Trouble(Snooze(turn(rank, seconds), "Discord's rate limit, or a pause after a failure"))
            case Gather(seconds=seconds):
                return Snooze(seconds, "more are just coming")
            case Lead():
                own = Waiting(outbox.job_id, notice_from_json(notice), sequence)
                return self._lead(outbox, own, claim, address)

    def _waits(self, snooze: Snooze, to: Destination, job_id: str, received: float) -> Outcome:
        """Wait, unless the notification has become too old for that while it could not be posted."""
        if self._clock() - received <= to.max_age:
            return snooze
        [job] = self._queues.fetch([job_id])
        # Whoever put it back from the dead letters wants it delivered: its time begins anew.
        begun_at = received if job is None else job.meta.get("round_at", received)
        if self._clock() - begun_at <= to.max_age:
            return snooze
        return Dead(f"older than its max_age of {duration.words(to.max_age)}: {snooze.reason}", snooze.category)

    def _lead(self, outbox: Outbox, own: Waiting, lead: Lead, address: Address) -> Outcome | Trouble:
        group = self._group(outbox, own, lead.ids)
        if not group:
            outbox.release()
            return Snooze(TURN, "what waits before it cannot be read")
        of = Leading(outbox, self._destinations[outbox.destination], address, lead)
        return self._poster.post(self._composer.post(of, group))

    def _group(self, outbox: Outbox, own: Waiting, ids: Sequence[str]) -> list[Waiting]:
        """The deliveries with these ids, oldest first; one that cannot be read is left to its own job, to die of it."""
        neighbours = [job_id for job_id in ids if job_id != own.job_id]
        jobs = dict(zip(neighbours, self._queues.fetch(neighbours), strict=True)) if neighbours else {}
        gone = [job_id for job_id, job in jobs.items() if job is None]
        if gone:
            logger.error("{}: {} deliveries have no job any more and are forgotten", outbox.destination, len(gone))
            outbox.forget(gone)
        found = {job_id: _read(job) for job_id, job in jobs.items() if job is not None}
        found[own.job_id] = own
        return [one for job_id in ids if (one := found.get(job_id)) is not None]


def _read(job: KillmailJob) -> Waiting | None:
    try:
        return Waiting(job.id, notice_from_json(job.args[0]), float(job.args[2]))
    except Exception as error:  # noqa: BLE001 – said in the log; its own job meets the same error and dies of it
        logger.warning("{} cannot be read for a group ({})", job.id, type(error).__name__)
        return None
