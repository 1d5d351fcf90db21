"""One of each kind of notice that is no kill, with invented names: what `notifier preview samples` shows."""

from notifier import __version__
from notifier.messages import (
    AdminNotice,
    CharacterNotice,
    Named,
    Notice,
    Place,
    RallyNotice,
    RecentKill,
    Static,
    StatusNotice,
    SystemNotice,
    Waiting,
    compose,
)
from ops.simulators import names

MINUTE, HOUR, DAY = 60, 3_600, 86_400
MAP = "Chain of the Lost Lantern"
HOME = Place(
    system=Named(31000376, "J160941"),
    region=Named(11000004, "B-R00004"),
    security=-1.0,
    space="wormhole",
    wormhole_class="C2",
    custom_name="Home",
)
PILOT, CORPORATION, ALLIANCE = 90_000_004, 98_000_009, 99_000_003


def message(now: float) -> dict[str, object]:
    """Give the message that holds them all, as of `now` in epoch seconds."""
    found = notices(int(now))
    return compose(found, len(found)).payload


def notices(now: int) -> list[Notice]:
    """Give one of each kind; what they tell of happened shortly before `now`."""
    return [_system(now), _character(now), _rally(now), _admin(now), _status(now)]


def _system(now: int) -> SystemNotice:
    return SystemNotice(
        place=HOME,
        time=now - 5 * MINUTE,
        map=MAP,
        effect="Wolf-Rayet Star",
        statics=(Static("B274", "highsec"), Static("Y683", "C4")),
        kills=(
            RecentKill(131_020_417, now - 3 * HOUR, "Sabre", 88_400_000.0),
            RecentKill(131_020_391, now - 3 * HOUR - 4 * MINUTE, "Rattlesnake", 1_240_000_000.0),
            RecentKill(131_002_108, now - 2 * DAY, "Buzzard", 42_000_000.0),
        ),
    )


def _character(now: int) -> CharacterNotice:
    return CharacterNotice(
        character=_pilot(), time=now - 4 * MINUTE, map=MAP, corporation=_corporation(), alliance=_alliance()
    )


def _rally(now: int) -> RallyNotice:
    words = "Fleet on the Y683, armour doctrine. Bring two logistics!"
    return RallyNotice(HOME, now - 3 * MINUTE, MAP, _pilot(), _corporation(), words)


def _admin(now: int) -> AdminNotice:
    text = "destination: intel, reason: Discord answers 404, Unknown Webhook (10015)"
    return AdminNotice("destination_disabled", text, "ERROR", "destination-disabled", time=now - 2 * MINUTE)


def _status(now: int) -> StatusNotice:
    return StatusNotice(
        time=now - MINUTE,
        version=__version__,
        running_since=now - 6 * DAY,
        since=now - MINUTE - DAY,
        evaluated=15_708,
        matched=214,
        delivered=209,
        waiting=(Waiting("ingestion", 0), Waiting("enrichment", 1), Waiting("delivery", 4)),
        dead_letters=3,
        disabled=("intel",),
        processes=12,
        processes_up=12,
        hosts=1,
        feed_delay=4,
    )


def _pilot() -> Named:
    return Named(PILOT, names.name(PILOT, "character"))


def _corporation() -> Named:
    return Named(CORPORATION, names.name(CORPORATION, "corporation"), names.ticker(CORPORATION, "corporation"))


def _alliance() -> Named:
    return Named(ALLIANCE, names.name(ALLIANCE, "alliance"), names.ticker(ALLIANCE, "alliance"))
