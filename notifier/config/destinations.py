"""A destination: where its webhook's address or its bot's token is kept (a variable or a file), read each time it is
asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from notifier.config.address import LONGEST, Address, BotChannel, WebhookAddress, parse_address, parse_api, parse_token
from notifier.config.battle import Battle
from notifier.config.manners import PLAIN, Manners
from notifier.config.settings import DISCORD_URL
from notifier.messages import Layout
from notifier.problem import Problem

MAX_AGE: Final = 86_400.0
"""Seconds after which a notification that cannot be posted is given up, where its destination says nothing else."""

Ambiguous: TypeAlias = Literal["resend", "hold"]
"""What becomes of a notification whose post has no known end: posted again (it may come twice), or never again without
an operator (it may not come at all).
"""
AMBIGUOUS: Final[tuple[Ambiguous, ...]] = ("resend", "hold")

Rewrites: TypeAlias = Literal["ignore", "edit"]
"""What becomes of a message when zKillboard has rewritten the file of its killmail."""
REWRITES: Final[tuple[Rewrites, ...]] = ("ignore", "edit")


class AddressProblem(Exception):  # noqa: N818 - it carries a Problem, and is named after it
    """A destination's address cannot be read or used; `problem` says why, without the address."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Destination:
    """A Discord channel: by its webhook, or with `channel` (its id, or a thread's) by a bot that posts there.

    Exactly one of `env` (a variable's name) and `file` says where the webhook's address or the bot's token is kept.
    `environ` and `allowed_hosts` are what that is read from and checked against, `api` is the address of Discord's API
    for bots. `max_age` in seconds: how old a notification may become that cannot be posted. `thread` is the id of the
    webhook's channel's thread that is posted in. `template` is a file that gives kills a look of their own; where it
    fails they have the layout.
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
    digest: Battle | None = None
    rewrites: Rewrites = "ignore"
    channel: int | None = None
    api: str = DISCORD_URL
    template: Path | None = None

    @property
    def kept(self) -> str:
        """Where the address or the token is kept, in words; never the secret itself."""
        return f"variable {self.env}" if self.env is not None else f"file {self.file}"

    @property
    def kind(self) -> Literal["webhook", "bot"]:
        """By what it posts."""
        return "webhook" if self.channel is None else "bot"

    def address(self) -> Address:
        """Read and check the address, or the token, as it is now; raises AddressProblem."""
        text = self._from_env() if self.env is not None else self._from_file()
        found = text if isinstance(text, Problem) else self._checked(text)
        if isinstance(found, Problem):
            raise AddressProblem(found)
        return found

    def target(self, address: Address) -> str:
        """What Discord refuses when it refuses a message there: another one for another address, and other for posts
        of a forum than for a channel's messages.
        """
        return address.fingerprint if self.manners.post_name is None else f"{address.fingerprint}-posts"

    def _checked(self, text: str) -> Address | Problem:
        if self.channel is not None:
            token = parse_token(text, self._where())
            return self._bot(token, self.channel) if isinstance(token, str) else token
        found = parse_address(text, self._where(), self.allowed_hosts)
        return self._in_thread(found) if isinstance(found, WebhookAddress) else found

    def _bot(self, token: str, channel: int) -> BotChannel | Problem:
        return parse_api(self.api, self.allowed_hosts) or BotChannel(token, channel, self.api)

    def _in_thread(self, address: WebhookAddress) -> WebhookAddress | Problem:
        """The address of our thread; it is another one: what Discord says of it says nothing of the channel's."""
        if address.has_thread and (self.thread is not None or self.manners.post_name is not None):
            key = "thread" if self.thread is not None else "post_name"
            found = "a thread in the webhook's address as well"
            return Problem(f"destinations.{self.id}.{key}", found, "the thread in one place only")
        return address if self.thread is None else address.in_thread(self.thread)

    def _where(self) -> str:
        return f"destinations.{self.id}.{self.kind} ({self.kept})"

    @property
    def _secret(self) -> str:
        return "a webhook's address" if self.channel is None else "a bot's token"

    def _from_env(self) -> str | Problem:
        text = self.environ.get(self.env or "")
        return Problem(self._where(), "no such variable", f"{self._secret} in it") if text is None else text

    def _from_file(self) -> str | Problem:
        try:
            with (self.file or Path()).open("rb") as file:
                return file.read(LONGEST * 2).decode("ascii", "replace")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            return Problem(self._where(), f"nothing readable ({reason})", f"a file with {self._secret}")
