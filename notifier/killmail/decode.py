"""bytes → Killmail. Unknown fields are ignored, missing or null optional ones are fine, anything else is Malformed.

Sources: zkillboard.com's wiki on R2Z2 and cron/3.queueProcess.php (package, zkb); ESI's GET /killmails/{id}/{hash}.
Some sources write 0 for "none", and null for false or for an empty list.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from notifier.killmail.malformed import Malformed, from_validation
from notifier.killmail.model import Attacker, Item, Killmail, Package, Position, Victim, Zkb

Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
OptionalId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None
Count = Annotated[float, msgspec.Meta(ge=0, le=2**53)] | None
"""A whole number; some archives write it as 745396.0."""
T = TypeVar("T")


class _Item(msgspec.Struct):
    item_type_id: Id
    flag: int = 0
    singleton: int | None = None
    quantity_destroyed: Count = None
    quantity_dropped: Count = None
    items: list["_Item"] | None = None


class _Victim(msgspec.Struct):
    ship_type_id: Id
    damage_taken: Count = None
    character_id: OptionalId = None
    corporation_id: OptionalId = None
    alliance_id: OptionalId = None
    faction_id: OptionalId = None
    position: Position | None = None
    items: list[_Item] | None = None


class _Attacker(msgspec.Struct):
    damage_done: Count = None
    final_blow: bool | None = None
    security_status: float | None = None
    character_id: OptionalId = None
    corporation_id: OptionalId = None
    alliance_id: OptionalId = None
    faction_id: OptionalId = None
    ship_type_id: OptionalId = None
    weapon_type_id: OptionalId = None


class _Zkb(msgspec.Struct, rename="camel"):
    hash: str | None = None
    total_value: float | None = None
    fitted_value: float | None = None
    dropped_value: float | None = None
    destroyed_value: float | None = None
    points: float | None = None
    npc: bool | None = None
    solo: bool | None = None
    awox: bool | None = None
    location_id: OptionalId = msgspec.field(default=None, name="locationID")
    labels: list[str] | None = None


class _Esi(msgspec.Struct):
    killmail_id: Id
    killmail_time: datetime
    solar_system_id: Id
    victim: _Victim
    attackers: list[_Attacker]
    moon_id: OptionalId = None
    war_id: OptionalId = None


class _Package(msgspec.Struct):
    esi: _Esi
    killmail_id: OptionalId = None
    hash: str | None = None
    zkb: _Zkb | None = None
    sequence_id: OptionalId = None
    uploaded_at: int | None = None
    sequence_updated: int | None = None


class _Archived(msgspec.Struct):
    killmail: _Esi
    hash: str | None = None
    zkb: _Zkb | None = None


_packages = msgspec.json.Decoder(_Package)
_bodies = msgspec.json.Decoder(_Esi)
_lines = msgspec.json.Decoder(_Archived)
_models = msgspec.json.Decoder(Killmail)


def decode_package(body: bytes) -> Package:
    """Decode one file of the R2Z2 feed. Raises Malformed, nothing else."""
    found = _decode(_packages.decode, body, {"$.esi": "killmail", "$.zkb": "zkb", "$": "package"})
    killmail = _killmail(found.esi, found.hash, found.zkb)
    if found.killmail_id and found.killmail_id != killmail.killmail_id:
        where, expected = "package.killmail_id", f"{killmail.killmail_id} as in the killmail itself"
        raise Malformed(where, f"found {found.killmail_id}, expected {expected}")
    return Package(killmail, found.sequence_id or 0, found.uploaded_at, found.sequence_updated)


def decode_killmail(body: bytes) -> Killmail:
    """Decode a body of ESI: neither hash nor zkb. Raises Malformed, nothing else."""
    return _killmail(_decode(_bodies.decode, body, {"$": "killmail"}), None, None)


def decode_archived(line: bytes) -> Killmail:
    """Decode one line {"killmail", "hash", "zkb"} of an archive; zkb may be null. Raises Malformed, nothing else."""
    found = _decode(_lines.decode, line, {"$.killmail": "killmail", "$.zkb": "zkb", "$": "line"})
    return _killmail(found.killmail, found.hash, found.zkb)


def to_json(killmail: Killmail) -> str:
    """Give the killmail as JSON, for a job's arguments; `from_json` gives it back, equal."""
    return msgspec.json.encode(killmail).decode()


def from_json(text: str) -> Killmail:
    """Give the killmail that `to_json` wrote. Raises Malformed."""
    return _decode(_models.decode, text.encode(), {"$": "killmail"})


def _decode(decode: Callable[[bytes], T], body: bytes, roots: dict[str, str]) -> T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise from_validation(error, roots) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(roots["$"], f"found no JSON ({error}), expected an object") from None
    except RecursionError:
        raise Malformed(roots["$"], "found brackets nested too deep, expected a killmail") from None


def _killmail(esi: _Esi, hash_: str | None, zkb: _Zkb | None) -> Killmail:
    return Killmail(
        killmail_id=esi.killmail_id,
        killmail_time=_in_utc(esi.killmail_time),
        solar_system_id=esi.solar_system_id,
        victim=_victim(esi.victim),
        attackers=tuple(_attacker(attacker) for attacker in esi.attackers),
        moon_id=esi.moon_id or None,
        war_id=esi.war_id or None,
        hash=hash_ or (zkb.hash if zkb else None) or None,
        zkb=None if zkb is None else _zkb(zkb),
    )


def _in_utc(time: datetime) -> datetime:
    """The game's time is UTC, also where a source leaves the Z out."""
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise Malformed("killmail.killmail_time", "found a time outside the years 1 to 9999, expected one") from None


def _ids(found: Any) -> dict[str, int | None]:
    names = ("character_id", "corporation_id", "alliance_id", "faction_id")
    return {name: getattr(found, name) or None for name in names}


def _victim(found: _Victim) -> Victim:
    items = tuple(_item(item) for item in found.items or ())
    damage = round(found.damage_taken or 0)
    return Victim(found.ship_type_id, damage, position=found.position, items=items, **_ids(found))


def _item(found: _Item) -> Item:
    return Item(
        found.item_type_id,
        found.flag,
        found.singleton or 0,
        round(found.quantity_destroyed or 0),
        round(found.quantity_dropped or 0),
        tuple(_item(item) for item in found.items or ()),
    )


def _attacker(found: _Attacker) -> Attacker:
    return Attacker(
        damage_done=round(found.damage_done or 0),
        final_blow=bool(found.final_blow),
        security_status=found.security_status or 0.0,
        ship_type_id=found.ship_type_id or None,
        weapon_type_id=found.weapon_type_id or None,
        **_ids(found),
    )


def _zkb(found: _Zkb) -> Zkb:
    return Zkb(
        total_value=found.total_value or 0.0,
        fitted_value=found.fitted_value or 0.0,
        dropped_value=found.dropped_value or 0.0,
        destroyed_value=found.destroyed_value or 0.0,
        points=round(found.points or 0),
        npc=bool(found.npc),
        solo=bool(found.solo),
        awox=bool(found.awox),
        location_id=found.location_id or None,
        labels=tuple(found.labels or ()),
    )
