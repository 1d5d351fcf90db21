"""What the demo shows in the terminal: rates, queues, the tree, the last messages, the addresses of the pages."""

import time
from collections import deque
from collections.abc import Mapping

from redis.exceptions import RedisError
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from ops.demo.world import System, World
from ops.drawing import draw_tree
from supervisor import control
from workers import status
from workers.queues import Queues
from workers.status import Status

REFRESH = 0.5
RATE_WINDOW = 10.0
MESSAGES = 6


def summary(result: Mapping[str, object]) -> None:
    """Print the result of a run for people."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in result.items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)


class Screen:
    """The live view of a running demo."""

    def __init__(self, world: World, system: System, queues: Queues, dashboard: str) -> None:
        self._world, self._system, self._queues, self._dashboard = world, system, queues, dashboard
        self._history: deque[tuple[float, int]] = deque()

    def show(self) -> int:
        """Draw until Ctrl-C, or until the system ends by itself; gives the exit code."""
        console = Console()
        with Live(console=console, refresh_per_second=4, screen=False) as live:
            while (code := self._system.exit_code()) is None:
                live.update(self._picture())
                time.sleep(REFRESH)
        console.print(f"the system ended with exit code {code}; its log is {self._system.log}")
        return 1

    def _picture(self) -> Group:
        try:
            now = status.read(self._queues)
        except RedisError:
            return Group("Redis is starting …", self._pages())
        return Group(self._figures(now), self._processes(), self._messages(), self._pages())

    def _figures(self, now: Status) -> Panel:
        delivered = now.counters.get("delivered", 0)
        self._history.append((time.monotonic(), delivered))
        while self._history[-1][0] - self._history[0][0] > RATE_WINDOW:
            self._history.popleft()
        (began, before), (ended, after) = self._history[0], self._history[-1]
        rate = (after - before) / (ended - began) if ended > began else 0.0
        table = Table(box=None, pad_edge=False)
        for name in ("queue", "waiting", "running", "scheduled", "dead letters"):
            table.add_column(name, justify="left" if name == "queue" else "right")
        for name, queue in now.queues.items():
            table.add_row(name, *(str(n) for n in (queue.waiting, queue.started, queue.scheduled, queue.dead)))
        counted = [f"[b]{now.counters.get(n, 0)}[/] {n}" for n in ("evaluated", "matched", "delivered", "malformed")]
        return Panel(Group(f"{'   '.join(counted)}   [dim]{rate:.1f} notifications/s[/]", "", table), title="killmails")

    def _processes(self) -> Panel:
        try:
            return Panel(
                draw_tree(control.call(str(self._system.home.control), {"call": "tree"}), time.time()),
                title="processes",
            )
        except (OSError, ValueError) as error:
            return Panel(f"the supervisor does not answer yet ({type(error).__name__})", title="processes")

    def _messages(self) -> Panel:
        lines = []
        for message in self._world.simulators.last_messages(MESSAGES):
            titles = [str(embed.get("title") or embed.get("description", ""))[:90] for embed in message["embeds"]]
            more = f" [dim]and {len(titles) - 1} more[/]" if len(titles) > 1 else ""
            channel = self._world.channel(message["webhook_id"])
            lines.append(f"[cyan]#{channel}[/] {escape(titles[0] if titles else '')}{more}")
        return Panel("\n".join(lines) or "none yet", title="last messages")

    def _pages(self) -> Panel:
        discord = f"{self._world.simulators.base}/discord/channels"
        return Panel(
            f"Discord (simulated)  {discord}\ndashboard            {self._dashboard}\nCtrl-C stops everything",
            title="pages",
        )
