"""Names that look like New Eden's, made from ids: the same id always has the same name."""

from collections.abc import Mapping

UNKNOWN_IDS = range(99_999_000, 100_000_000)
"""Ids in the alliances' range that the simulated ESI does not know."""

_FIRST = (
    "Aiko Alena Arkon Balthasar Bjorn Cassia Dagan Darius Elara Erik Fenris Gallia Hakon Ishara Jarek Kaia "
    "Kestrel Lazar Mira Nadja Oren Petra Quint Rhea Sasha Tarn Ulrik Vesna Wren Xander Yara Zoya"
).split()
_LAST = (
    "Aurelius Blackthorn Corvane Drakesworn Eklund Farshore Graal Hakkonen Ishukone Jovani Karvas Lindqvist "
    "Mordane Nightfall Okkonen Parukk Quillan Ravenholt Sarum Tash-Murkon Uitra Valklear Wyrmwood Yulai Zadrin"
).split()
_ADJECTIVE = "Astral Broken Crimson Deep Ember Frozen Gilded Hollow Iron Jagged Lost Northern Obsidian Silent".split()
_NOUN = "Anvil Banner Compass Dawn Exiles Forge Harbinger Lantern Meridian Nomads Reach Signal Tide Wolves".split()
_CORPORATION = "Corporation|Industries|Holdings|Mining Syndicate|Navy|Logistics|Expeditionary Force|Inc.".split("|")
_ALLIANCE = "Alliance|Coalition|Federation|Pact|Collective|Dominion|Concord|Covenant".split("|")


def category(one: int, kinds: Mapping[int, str]) -> str | None:
    """Say what an id stands for; `kinds` knows those that killmails name. None = ESI does not resolve it."""
    if one in UNKNOWN_IDS or one >= 2**31:
        return None
    return kinds.get(one) or next((kind for kind, low, high in _RANGES if low <= one < high), None)


def name(one: int, kind: str) -> str:
    """Give the name of an id of this category."""
    mixed = one * 2_654_435_761 % 2**32 ^ one >> 3
    if kind == "character":
        return _pick(mixed, _FIRST, _LAST) + _suffix(one)
    if kind == "corporation":
        return _pick(mixed, _ADJECTIVE, _NOUN, _CORPORATION) + _suffix(one)
    if kind == "alliance":
        return _pick(mixed, _ADJECTIVE, _NOUN, _ALLIANCE)
    return f"{kind.replace('_', ' ').title()} {one}"


def ticker(one: int) -> str:
    """Give the ticker of a corporation or an alliance: four letters or digits."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    mixed = one * 2_654_435_761 % 2**32
    return "".join(letters[mixed >> shift & 31] for shift in (5, 10, 15, 20))


def _pick(mixed: int, *lists: list[str]) -> str:
    words = []
    for words_of in lists:
        mixed, index = divmod(mixed, len(words_of))
        words.append(words_of[index])
    return " ".join(words)


def _suffix(one: int) -> str:
    """Most names get none; the others a numeral, as pilots do whose name is taken."""
    return ("", "", "", "", "", "", " II", " VII")[one // 7 % 8]


# https://developers.eveonline.com/docs/guides/id-ranges/; where a range mixes kinds, the commonest.
_RANGES = (
    ("inventory_type", 1, 100_000),
    ("faction", 500_000, 600_000),
    ("corporation", 1_000_000, 2_000_000),
    ("character", 3_000_000, 4_000_000),
    ("region", 10_000_000, 20_000_000),
    ("constellation", 20_000_000, 30_000_000),
    ("solar_system", 30_000_000, 40_000_000),
    ("station", 60_000_000, 70_000_000),
    ("character", 90_000_000, 98_000_000),
    ("corporation", 98_000_000, 99_000_000),
    ("alliance", 99_000_000, 100_000_000),
    ("character", 100_000_000, 2**31),
)
