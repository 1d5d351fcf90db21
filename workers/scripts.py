"""The Lua scripts of `lua/`, loaded once. Each is one step that is done in Redis entirely or not at all."""

from functools import cache
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.commands.core import Script


@cache
def source(name: str) -> str:
    """The text of `lua/{name}.lua`, with what its first line includes."""
    text = (files("workers") / "lua" / f"{name}.lua").read_text("utf-8")
    first, _, rest = text.partition("\n")
    if first.startswith("--include "):
        return source(first.removeprefix("--include ")) + rest
    return text


def commands(pipeline: Any) -> list[Any]:
    """What stands in `pipeline`, which is never executed, as words for `lua/commands.lua`.

    So what RQ writes into a pipeline is done under a condition, in one round trip, and a repeat of it does no harm;
    a MULTI would be sent again by redis-py when its reply is lost.
    """
    words: list[Any] = []
    for command, _ in pipeline.command_stack:
        words += [len(command), *command]
    return words


class Scripts:
    """All scripts, registered on one connection (EVALSHA; sent anew when the server has forgotten them)."""

    def __init__(self, connection: Redis) -> None:
        def script(name: str) -> Script:
            return connection.register_script(source(name))

        self.hand_over = script("hand_over")
        self.start = script("start")
        self.settle = script("settle")
        self.claim = script("claim")
        self.begin = script("begin")
        self.admit = script("admit")
        self.revised = script("revised")
        self.note = script("note")
        self.falter = script("falter")
        self.acknowledge = script("acknowledge")
        self.release = script("release")
        self.promote = script("promote")
        self.recover = script("recover")
        self.revive = script("revive")
        self.drop = script("drop")
        self.bury = script("bury")
        self.excess = script("excess")
        self.renew = script("renew")
        self.resign = script("resign")
