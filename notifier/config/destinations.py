"""A destination: where its webhook's address is kept (a variable or a file), read each time it is asked for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from notifier.config.address import LONGEST, WebhookAddress, parse_address
from notifier.config.manners import PLAIN, Manners
from notifier.messages import Layout
from notifier.problem import Problem

MAX_AGE: Final = 86_400.0
"""Seconds after which a notification that cannot be posted is given up, where its destination says nothing else."""

Ambiguous: TypeAlias = Literal["resend", "hold"]
"""What becomes of a notification whose post has no known end: posted again (it may come twice), or never again without
an operator (it may not come at all).
"""


class AddressProblem(Exception):  # noqa: N818 - it carries a Problem, and is named after it
    """A destination's address cannot be read or used; `problem` says why, without the address."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Destination:
    """A Discord channel by its webhook; exactly one of `env` (a variable's name) and `file` says where its address is.

    `environ` and `allowed_hosts` are what the address is read from and checked against. `max_age` in seconds: how old
    a notification may become that cannot be posted. `thread` is the id of the channel's thread that is posted in.
    """

    id: str
    env: str | None = None
    file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    allowed_hosts: Collection[str] = field(default=(), repr=False, compare=False)
    max_age: float = MAX_AGE
    ambiguous: Ambiguous = "resend"
    layout: Layout = "full"
    thread: int | None = None
    manners: Manners = PLAIN

    @property
    def kept(self) -> str:
        """Where the address is kept, in words; never the address."""
        return f"variable {self.env}" if self.env is not None else f"file {self.file}"

    def address(self) -> WebhookAddress:
        """Read and check the address as it is now; raises AddressProblem."""
        text = self._from_env() if self.env is not None else self._from_file()
        found = parse_address(text, self._where(), self.allowed_hosts) if isinstance(text, str) else text
        if isinstance(found, WebhookAddress):
            found = self._in_thread(found)
        if isinstance(found, Problem):
            raise AddressProblem(found)
        return found

    def _in_thread(self, address: WebhookAddress) -> WebhookAddress | Problem:
        """The address of our thread; it is another one: what Discord says of it says nothing of the channel's."""
        if address.has_thread and (self.thread is not None or self.manners.post_name is not None):
            key = "thread" if self.thread is not None else "post_name"
            found = "a thread in the webhook's address as well"
            return Problem(f"destinations.{self.id}.{key}", found, "the thread in one place only")
        return address if self.thread is None else address.in_thread(self.thread)

    def _where(self) -> str:
        return f"destinations.{self.id}.webhook ({self.kept})"

    def _from_env(self) -> str | Problem:
        text = self.environ.get(self.env or "")
        return Problem(self._where(), "no such variable", "a webhook's address in it") if text is None else text

    def _from_file(self) -> str | Problem:
        try:
            with (self.file or Path()).open("rb") as file:
                return file.read(LONGEST * 2).decode("ascii", "replace")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return Problem(self._where(), f"nothing readable ({reason})", "a file with a webhook's address")
