"""`notifier demo`: the whole system on real killmails, with simulated services instead of the world's."""

from ops.demo.command import Options, run
from ops.demo.world import DemoError

__all__ = ["DemoError", "Options", "run"]
