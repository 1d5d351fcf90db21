"""The circuits around Discord: one around it as a whole, one around each webhook."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis

from notifier.outcome import STRATEGIES, Failed
from notifier.services.discord import Posted, Reply, throttled
from workers.circuits import Circuit

WHOLE = "discord"
WHOLE_FAILURES, WEBHOOK_FAILURES = 5, 3
"""A webhook's is fewer: one that always fails is left alone before it speaks for all of Discord."""


def webhook(destination: str) -> str:
    """The name of the circuit around a destination's webhook."""
    return f"webhook:{destination}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a post came to: the verdict, and the reply if there was one."""

    verdict: Posted | Failed
    reply: Reply | None = None

    @property
    def fault(self) -> bool:
        """Whether it is a failure of the service (by the table of strategies)."""
        return not isinstance(self.verdict, Posted) and STRATEGIES[self.verdict.category].counts

    @property
    def of_webhook(self) -> bool:
        """Whether it is a failure that a single webhook may have: a reply that says so (5xx)."""
        return self.fault and self.reply is not None and self.reply.status >= 500

    @property
    def blocked(self) -> bool:
        """Whether Cloudflare keeps us out."""
        found = None if self.reply is None else throttled(self.reply)
        return found is not None and found.scope == "cloudflare"


class _Fault(Exception):  # noqa: N818 – carries an answer through pybreaker, which counts exceptions
    def __init__(self, answer: Answer, alone: bool) -> None:
        super().__init__("" if isinstance(answer.verdict, Posted) else answer.verdict.reason)
        self.answer, self.alone = answer, alone


class DiscordCircuits:
    """All circuits around Discord, as one process uses them."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self.whole = Circuit(WHOLE, connection, _counts_for_all, WHOLE_FAILURES)
        self._webhooks: dict[str, Circuit] = {}

    def webhook(self, destination: str) -> Circuit:
        """The circuit around this destination's webhook."""
        if destination not in self._webhooks:
            made = Circuit(webhook(destination), self._connection, _counts_for_webhook, WEBHOOK_FAILURES)
            self._webhooks[destination] = made
        return self._webhooks[destination]

    @contextmanager
    def admitted(self, destination: str) -> Iterator[Callable[[Callable[[], Answer]], Answer]]:
        """Give what a post to the destination is done through, once or not at all; raises CircuitOpen, also there."""
        own = self.webhook(destination)
        with self.whole.admitted(), own.admitted():
            # A webhook that is known to be bad says nothing about Discord, unless Discord itself is in question.
            alone = self.whole.closed and not own.closed
            yield lambda post: self._through(own, post, alone)

    def _through(self, own: Circuit, post: Callable[[], Answer], alone: bool) -> Answer:
        def counted() -> Answer:
            answer = post()
            if answer.fault:
                raise _Fault(answer, alone)
            return answer

        try:
            return self.whole.through(lambda: own.through(counted))
        except _Fault as fault:
            if fault.answer.blocked:
                # The first one says it all, and every further request prolongs it.
                self.whole.open(str(fault))
            return fault.answer


def _counts_for_webhook(error: Exception) -> bool:
    return isinstance(error, _Fault) and error.answer.of_webhook


def _counts_for_all(error: Exception) -> bool:
    return isinstance(error, _Fault) and not (error.alone and error.answer.of_webhook)
