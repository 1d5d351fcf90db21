"""What a kill message shows, with every name resolved: made by enrichment, carried by the delivery job, rendered there.

A notice is small (a few KB however many attackers there were) and holds no secret. What was added later has a default:
jobs of an older form are still read.
"""

import msgspec

from notifier.tracking.side import Side


class Named(msgspec.Struct, frozen=True):
    """An id and the name to show for it; `name` is None where neither static data nor ESI knew it.

    `ticker` is that of a corporation or an alliance without brackets, None where it is not known (yet).
    """

    id: int
    name: str | None = None
    ticker: str | None = None


class Party(msgspec.Struct, frozen=True):
    """One side of a kill: the victim, or one attacker."""

    character: Named | None = None
    corporation: Named | None = None
    alliance: Named | None = None
    faction: Named | None = None
    ship: Named | None = None
    weapon: Named | None = None
    damage: int = 0


class Share(msgspec.Struct, frozen=True):
    """How many attackers flew for one organisation, or in one ship group."""

    name: str
    count: int


class Item(msgspec.Struct, frozen=True):
    """Items of one type that the victim lost; `value` in ISK of all of them, None for what no market sells."""

    named: Named
    quantity: int = 1
    dropped: bool = False
    value: float | None = None


class Place(msgspec.Struct, frozen=True):
    """Where it happened. `space` is highsec … void as in `universe`; `wormhole_class` e.g. "C5"; security rounded.

    `custom_name` is what the players' map calls the system, None where no map has a name of its own for it.
    """

    system: Named
    constellation: str | None = None
    region: Named | None = None
    security: float | None = None
    space: str | None = None
    wormhole_class: str | None = None
    custom_name: str | None = None


class Distance(msgspec.Struct, frozen=True):
    """How far it was from the system `origin`: `jumps` None where no stargates lead there, `light_years` likewise."""

    origin: str
    jumps: int | None = None
    light_years: float | None = None


class KillNotice(msgspec.Struct, frozen=True, tag="kill"):
    """One killmail, ready to be shown. ISK values are None for a mail without a zkb block; time in epoch seconds.

    `side`: whom the destination's subscriptions ask for, an attacker (kill) or the victim (loss). `delay`: seconds
    from the kill until it became known here, 0 where nobody says. `degraded`: some names could not be had in time.
    """

    killmail_id: int
    time: int
    victim: Party
    place: Place
    attacker_count: int
    final_blow: Party | None = None
    top_damage: Party | None = None
    organisations: tuple[Share, ...] = ()
    ship_groups: tuple[Share, ...] = ()
    total_value: float | None = None
    dropped_value: float | None = None
    destroyed_value: float | None = None
    npc: bool = False
    solo: bool = False
    subscriptions: tuple[str, ...] = ()
    side: Side = "neutral"
    delay: int = 0
    degraded: bool = False
    distances: tuple[Distance, ...] = ()
    items: tuple[Item, ...] = ()
