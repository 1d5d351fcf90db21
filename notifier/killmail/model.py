"""The killmail as everything behind the decoder sees it: frozen, complete, typed. Decoding lives in `decode`.

Shapes follow ESI's `GET /killmails/{id}/{hash}` and zKillboard's `zkb` block. All ids are 64-bit integers.
"""

from datetime import datetime

import msgspec


class Position(msgspec.Struct, frozen=True):
    """Where the victim's ship was, in metres from the sun of its solar system."""

    x: float
    y: float
    z: float


class Item(msgspec.Struct, frozen=True):
    """A stack of one item type in the victim's ship; `flag` is the slot (EFT slot flags), containers nest once."""

    item_type_id: int
    flag: int
    singleton: int = 0
    quantity_destroyed: int = 0
    quantity_dropped: int = 0
    items: tuple["Item", ...] = ()


class Victim(msgspec.Struct, frozen=True):
    """Who lost which ship. Structures have no character; only the ship type is always there."""

    ship_type_id: int
    damage_taken: int = 0
    character_id: int | None = None
    corporation_id: int | None = None
    alliance_id: int | None = None
    faction_id: int | None = None
    position: Position | None = None
    items: tuple[Item, ...] = ()


class Attacker(msgspec.Struct, frozen=True):
    """One attacker; any of the ids may be missing (NPCs, unknown ships and weapons)."""

    damage_done: int = 0
    final_blow: bool = False
    security_status: float = 0.0
    character_id: int | None = None
    corporation_id: int | None = None
    alliance_id: int | None = None
    faction_id: int | None = None
    ship_type_id: int | None = None
    weapon_type_id: int | None = None


class Zkb(msgspec.Struct, frozen=True):
    """What zKillboard adds: values in ISK, and its judgements. Absent for mails that come straight from ESI."""

    total_value: float = 0.0
    fitted_value: float = 0.0
    dropped_value: float = 0.0
    destroyed_value: float = 0.0
    points: int = 0
    npc: bool = False
    solo: bool = False
    awox: bool = False
    location_id: int | None = None
    labels: tuple[str, ...] = ()


class Killmail(msgspec.Struct, frozen=True):
    """One ship loss. `killmail_time` is aware, in UTC; `hash` and `zkb` are None where the source has none."""

    killmail_id: int
    killmail_time: datetime
    solar_system_id: int
    victim: Victim
    attackers: tuple[Attacker, ...]
    moon_id: int | None = None
    war_id: int | None = None
    hash: str | None = None
    zkb: Zkb | None = None


class Package(msgspec.Struct, frozen=True):
    """One file of zKillboard's R2Z2 feed. `sequence_updated` names an older file that was rewritten."""

    killmail: Killmail
    sequence_id: int
    uploaded_at: int | None = None
    sequence_updated: int | None = None
