"""What the tests of the pipeline put into it."""

import json

from notifier.messages import KillNotice, notice_to_json
from notifier.messages.notice import Named, Party, Place
from ops.simulators.discord.journal import killmails
from workers.queues import Queues
from workers.scheduler import Scheduler

HOSTS = ("discord.com",)
TOKEN = "s3cr3t-T0k3n_" * 5
WEBHOOK_ID = "424242424242424242"
ADDRESS = f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{TOKEN}"


def notice(number: int) -> str:
    """A notification of one kill, as a delivery job holds it."""
    shown = KillNotice(number, 1_700_000_000, Party(ship=Named(587, "Rifter")), Place(Named(30000142, "Jita")), 1)
    return notice_to_json(shown)


def package(number: int, system: int = 30000142) -> bytes:
    """A package of the feed."""
    killmail = {
        "killmail_id": number,
        "killmail_time": "2026-11-01T10:00:00Z",
        "solar_system_id": system,
        "victim": {"ship_type_id": 587, "damage_taken": 5, "character_id": 90000000 + number},
        "attackers": [{"character_id": 91000000, "damage_done": 5, "final_blow": True, "ship_type_id": 587}],
    }
    zkb = {"hash": "0" * 40, "totalValue": 1e6, "points": 1}
    whole = {"killmail_id": number, "hash": "0" * 40, "esi": killmail, "zkb": zkb, "sequence_id": number}
    return json.dumps(whole).encode()


def waits(queues: Queues, queue: str) -> bool:
    """Whether anything waits there, now that what is due has been put back."""
    Scheduler(queues, queues.connection, "host").promote()
    return bool(queues[queue].count)


def kills_of(content: bytes) -> list[int]:
    """The ids of the kills in a message that was posted."""
    return killmails(json.loads(content))
