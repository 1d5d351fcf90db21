"""`notifier chaos`: the whole tree under load in a seeded storm of kills and faults, and the account at the end."""

from ops.chaos.command import Options, run

__all__ = ["Options", "run"]
