"""What the tests of the messages share: a small universe, killmails, and Discord's rules written down once more."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from notifier.killmail.model import Attacker, Killmail, Victim, Zkb
from notifier.messages import Item, KillNotice, Named, Party, Place, Share
from notifier.messages.notice import Distance

TIME = datetime(2026, 11, 23, 18, 20, 11, tzinfo=UTC)
RIFTER, SABRE, FORTIZAR, CAPSULE, AUTOCANNON = 587, 22456, 35833, 670, 484
JITA, WORMHOLE, ABYSS, POCHVEN, AMAMAKE = 30000142, 31000005, 32000081, 30000021, 30002537
NPC_CORPORATION, FACTION = 1000127, 500010
PILOT, CORPORATION, ALLIANCE = 90000001, 98000001, 99000001
HUNTER, HUNTERS, COALITION = 90000002, 98000002, 99000002
NAMES = {
    PILOT: "Poor Pilot",
    CORPORATION: "Miners Inc.",
    ALLIANCE: "Rock Union",
    HUNTER: "Bad Hunter",
    HUNTERS: "Wolf Pack",
    COALITION: "Pack of Packs",
}


@dataclass(frozen=True)
class FakeSystem:
    name: str
    security: float
    space: str
    wormhole_class: str | None = None
    constellation_id: int = 20000020
    region_id: int = 10000002


@dataclass(frozen=True)
class FakeNamed:
    name: str


@dataclass(frozen=True)
class FakeType:
    name: str
    group_id: int


class FakeUniverse:
    systems: Mapping[int, FakeSystem] = {
        JITA: FakeSystem("Jita", 0.9459, "highsec"),
        AMAMAKE: FakeSystem("Amamake", 0.03, "lowsec"),
        WORMHOLE: FakeSystem("J100005", -0.99, "wormhole", "C5"),
        ABYSS: FakeSystem("AD081", -0.99, "abyssal"),
        POCHVEN: FakeSystem("Kuharah", -1.0, "pochven"),
    }
    types: Mapping[int, FakeType] = {
        RIFTER: FakeType("Rifter", 25),
        SABRE: FakeType("Sabre", 541),
        FORTIZAR: FakeType("Fortizar", 1657),
        CAPSULE: FakeType("Capsule", 29),
        AUTOCANNON: FakeType("125mm Gatling AutoCannon I", 55),
    }
    groups: Mapping[int, str] = {25: "Frigate", 541: "Interdictor", 1657: "Citadel", 29: "Capsule"}

    def system(self, system_id: int) -> FakeSystem | None:
        return self.systems.get(system_id)

    def constellation(self, constellation_id: int) -> FakeNamed | None:
        return FakeNamed("Kimotoro")

    def region(self, region_id: int) -> FakeNamed | None:
        return FakeNamed("The Forge")

    def type(self, type_id: int) -> FakeType | None:
        return self.types.get(type_id)

    def group_name(self, group_id: int) -> str | None:
        return self.groups.get(group_id)

    def faction_name(self, faction_id: int) -> str | None:
        return {FACTION: "Guristas Pirates"}.get(faction_id)

    def npc_corporation_name(self, corporation_id: int) -> str | None:
        return {NPC_CORPORATION: "Guristas"}.get(corporation_id)


VICTIM = Victim(RIFTER, 1_000, PILOT, CORPORATION, ALLIANCE)
FINAL = Attacker(
    damage_done=300,
    final_blow=True,
    character_id=HUNTER,
    corporation_id=HUNTERS,
    alliance_id=COALITION,
    ship_type_id=SABRE,
    weapon_type_id=AUTOCANNON,
)
TOP = Attacker(damage_done=700, corporation_id=NPC_CORPORATION, faction_id=FACTION, ship_type_id=RIFTER)
VALUES = Zkb(total_value=1.25e9, dropped_value=3e8, destroyed_value=9.5e8)


def killmail(
    victim: Victim = VICTIM,
    attackers: tuple[Attacker, ...] = (FINAL, TOP),
    system_id: int = JITA,
    zkb: Zkb | None = VALUES,
) -> Killmail:
    return Killmail(130678514, TIME, system_id, victim, attackers, zkb=zkb)


NASTY = (
    "@everyone",
    "@here",
    "<@&123>",
    "<@!42>",
    "<#99>",
    "</say:1>",
    "<t:0:R>",
    "<https://evil.example>",
    "https://evil.example/",
    "](https://evil.example) [b",
    "[a](https://evil.example)",
    "](<https://evil.example> 'x')",
    "**",
    "__",
    "~~",
    "||",
    "`",
    "```",
    "\n# ",
    "\n> ",
    "- ",
    "1. ",
    "\\",
    "\\\\",
    "\u202e",
    "\u200b",
    "\u3164",
    "\ud800",
    "𒐫",
    " ",
    "'",
)
nasty_names = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=12).map("".join) | st.sampled_from(
    NASTY
).map(lambda text: text * 40)
any_int = st.integers(0, 2**63 - 1)
amounts = st.none() | st.floats() | st.floats(0, 1e13)
named = st.builds(Named, any_int, st.none() | nasty_names | st.sampled_from(["J100005", "New Caldari"]), nasty_names)
maybe = st.none() | named
parties = st.builds(Party, maybe, maybe, maybe, maybe, maybe, maybe, any_int)
distances = st.lists(
    st.builds(
        Distance, nasty_names, st.none() | st.integers(0, 60) | any_int, st.none() | st.floats() | st.floats(0, 110)
    ),
    max_size=3,
).map(tuple)
items = st.lists(st.builds(Item, named, any_int, st.booleans(), amounts), max_size=8).map(tuple)
shares = st.lists(st.builds(Share, nasty_names, any_int), max_size=8).map(tuple)
places = st.builds(
    Place,
    named,
    st.none() | nasty_names,
    maybe,
    st.none() | st.floats(-1, 1),
    st.none() | st.sampled_from(["highsec", "nullsec", "wormhole", "abyssal", "pochven", "void"]) | nasty_names,
    st.none() | nasty_names,
    st.none() | nasty_names,
)
notices = st.builds(
    KillNotice,
    killmail_id=any_int,
    time=st.integers(0, 2**33) | st.integers(-(2**63), 2**63 - 1),
    victim=parties,
    place=places,
    attacker_count=any_int,
    final_blow=st.none() | parties,
    top_damage=st.none() | parties,
    organisations=shares,
    ship_groups=shares,
    total_value=amounts,
    dropped_value=amounts,
    destroyed_value=amounts,
    npc=st.booleans(),
    solo=st.booleans(),
    subscriptions=st.lists(nasty_names, max_size=25).map(tuple),
    side=st.sampled_from(["kill", "loss", "neutral"]),
    delay=st.integers(-1, 10**6) | any_int,
    items=items,
    distances=distances,
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def formatted_texts(embed: Mapping[str, Any]) -> Iterator[str]:
    """Give the texts of an embed in which Discord renders markdown."""
    yield embed["title"]
    yield embed["description"]
    for field in embed.get("fields", ()):
        yield field["name"]
        yield field["value"]


def broken_limits(payload: Mapping[str, object]) -> list[str]:
    """Check a message against Discord's documented limits (resources/message, embed limits); [] when it is inside."""
    embeds = payload["embeds"]
    assert isinstance(embeds, list)
    problems = [] if 1 <= len(embeds) <= 10 else [f"{len(embeds)} embeds"]
    urls = [embed["url"] for embed in embeds if "url" in embed]
    if len(set(urls)) < len(urls):
        problems.append("two embeds with one url")
    for embed in embeds:
        problems += [
            f"{what}: {units(text)} of {most}"
            for what, text, most in _limited(embed)
            if not text.strip() or units(text) > most
        ]
        if len(embed.get("fields", [])) > 25:
            problems.append(f"{len(embed['fields'])} fields")
    problems += [
        f"url {url}" for url in urls if not re.fullmatch(r"https://zkillboard\.com/(?:kill|system|character)/\d+/", url)
    ]
    total = sum(units(text) for embed in embeds for _, text, _ in _limited(embed))
    return problems if total <= 6000 else [*problems, f"sum: {total} of 6000"]


def _limited(embed: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    yield "title", embed["title"], 256
    yield "description", embed["description"], 4096
    for field in embed.get("fields", ()):
        yield "field.name", field["name"], 256
        yield "field.value", field["value"], 1024
    if "footer" in embed:
        yield "footer", embed["footer"]["text"], 2048
    if "author" in embed:
        yield "author", embed["author"]["name"], 256


# How simple-markdown, Discord's renderer, finds a link: brackets are counted before backslashes are heeded.
LINK = re.compile(
    r"\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]"
    r"\(\s*<?((?:\([^)]*\)|[^\s\\]|\\.)*?)>?(?:\s+['\"]([\s\S]*?)['\"])?\s*\)"
)


OWN = (
    r"https://zkillboard\.com/(?:character|corporation|alliance|faction|system|region|kill)/\d+/"
    r"|https://zkillboard\.com/related/\d+/\d{12}/"
    r"|https://br\.evetools\.org/related/\d+/\d{12}"
    r"|https://evemaps\.dotlan\.net/system/[\w%-]+"
    r"|https://anoik\.is/systems/J\d+"
    r"|https://evewho\.com/character/\d+"
)
"""The addresses that a message links to."""


def forgeries(text: str) -> list[str]:
    """Find what a name smuggled into a formatted text: links, mentions, markup that is not the message's own."""
    problems = [href for _, href, _ in LINK.findall(text) if not re.fullmatch(OWN, href, re.ASCII)]
    if len(re.findall(r"(?<!\\)://", text)) != len(re.findall(rf"\]\((?:{OWN})\)", text, re.ASCII)):
        problems.append("a bare link")
    if re.search(r"@(everyone|here|[!&]?\d)", text):
        problems.append("a mention")
    without_own = re.sub(r"<t:-?\d+:[Rt]>", "", text)
    without_own = re.sub(rf"\]\((?:{OWN})\)", "]", without_own, flags=re.ASCII)
    unescaped = re.sub(r"\\[^0-9A-Za-z\s]", "x", without_own)
    bold = re.sub(r"^\*\*(?:[\w., ]+ ISK|[\d,]+ ships?)\*\*", "", unescaped, flags=re.MULTILINE)
    problems.extend(f"raw {char!r}" for char in "*_~`|<>\\#" if char in bold)
    if re.search(r"^\s*(?:[-+] |\d+[.)] )", bold, flags=re.MULTILINE):
        problems.append("a list")
    return problems
