"""Threads that ask a service what a message can do without: nobody waits for them longer than they like.

What they find lies in the shared cache afterwards, for the next message.
"""

import time
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, wait
from queue import Full, Queue
from threading import Lock, Thread
from typing import Generic, Protocol, TypeVar

from loguru import logger
from redis import Redis

from workers import keys

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")

MOST_WAITING = 24
"""Questions that wait for a thread; beyond that none is asked."""


class Paced(Protocol):
    """Says when there are too many questions."""

    def allows(self) -> bool:
        """Whether one more may be asked; it is counted."""


class Pace:
    """`burst` calls of this process at once, then `a_second` of them."""

    def __init__(self, clock: Callable[[], float], burst: float, a_second: float) -> None:
        self._clock, self._burst, self._a_second = clock, burst, a_second
        self._left, self._at = burst, clock()

    def allows(self) -> bool:
        """Whether one more call may be made; it is counted."""
        now = self._clock()
        self._left, self._at = min(self._burst, self._left + (now - self._at) * self._a_second), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class SharedPace:
    """At most `most` calls of all processes in each span of `seconds`."""

    def __init__(
        self, service: str, connection: Redis, most: int, seconds: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._service, self._connection, self._clock = service, connection, clock
        self._most, self._seconds = most, seconds
        self._used_up = -1

    def allows(self) -> bool:
        """Whether one more call may be made; it is counted. Raises what redis-py raises."""
        span = int(self._clock() // self._seconds)
        if span == self._used_up:  # Redis need not be asked again for every item of a backlog
            return False
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.incr(keys.calls(self._service, span))
            pipe.expire(keys.calls(self._service, span), 2 * self._seconds)
            count = int(pipe.execute()[0])
        if count >= self._most:
            self._used_up = span
        return count <= self._most


class Askers(Generic[Question, Answer]):
    """Answers questions in `threads` of its own, which begin with the first one.

    `begin` is called once in each thread and gives what answers there: None where there is no answer to be had now.
    """

    def __init__(
        self, name: str, begin: Callable[[], Callable[[Question], Answer | None]], pace: Paced, threads: int
    ) -> None:
        self._name, self._begin, self._pace, self._threads = name, begin, pace, threads
        self._questions: Queue[tuple[Question, Future[Answer | None]]] = Queue(MOST_WAITING)
        self._asked: dict[Question, Future[Answer | None]] = {}
        self._lock = Lock()
        self._begun = False

    def answers(self, questions: Iterable[Question], seconds: float) -> dict[Question, Answer]:
        """The answers that come within `seconds`, all of them together; the first questions go first."""
        asked = {one: answer for one in questions if (answer := self._ask(one)) is not None}
        wait(asked.values(), max(seconds, 0.0))
        return {one: found for one, answer in asked.items() if answer.done() and (found := answer.result()) is not None}

    def _ask(self, question: Question) -> Future[Answer | None] | None:
        """Have a thread ask, unless one does already; None when there is too much to ask."""
        with self._lock:
            answer = self._asked.get(question)
            if answer is not None or not self._pace.allows():
                return answer
            answer = Future()
            try:
                self._questions.put_nowait((question, answer))
            except Full:
                return None
            self._asked[question] = answer
        self._start()
        return answer

    def _start(self) -> None:
        if not self._begun:
            self._begun = True
            for number in range(self._threads):
                # Daemons: a worker that stops does not wait for them, and what they do may be lost.
                Thread(target=self._answer, name=f"{self._name}-{number}", daemon=True).start()

    def _answer(self) -> None:
        answer_to = self._begin()
        while True:
            question, answer = self._questions.get()
            found = None
            try:
                found = answer_to(question)
            except Exception as error:  # noqa: BLE001 – the message does without; a thread that ended would be missed
                logger.warning("{}: no answer to {} ({})", self._name, question, type(error).__name__)
            finally:
                with self._lock:
                    self._asked.pop(question, None)
                answer.set_result(found)
