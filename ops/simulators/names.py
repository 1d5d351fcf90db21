"""Names that look like New Eden's, made from ids: the same id always has the same name."""

from collections.abc import Mapping, Sequence

UNKNOWN_IDS = range(99_999_000, 100_000_000)
"""Ids in the alliances' range that the simulated ESI does not know."""

_FIRST = (
    "Aiko Alena Anouk Arkon Balthasar Bjorn Cassia Cormac Dagan Darius Dorian Elara Emeric Erik Fenris Freya Gallia "
    "Gideon Hakon Helga Idris Ingrid Ishara Jarek Jonah Kaia Kestrel Lazar Lucan Maren Mira Nadja Nils Oren Petra "
    "Piotr Quint Rhea Roland Sasha Signe Silas Tamsin Tarn Thessaly Ulrik Una Vesna Viktor Wren Xander Yara Yusuf Zoya"
).split()
_LAST = (
    "Aldane Aurelius Bexley Blackthorn Brandt Corvane Dahl Drakesworn Eklund Estrada Farshore Fontaine Graal Grimm "
    "Hakkonen Halvorsen Ishukone Ivarsson Jovani Karvas Kell Kovacs Lindqvist Marsh Mordane Nakamura Nightfall Okkonen "
    "Ostrov Parukk Pike Quillan Ravenholt Reyes Sarum Sorenson Stroud Tash-Murkon Thorne Uitra Valklear Vance Voss "
    "Weir Wyrmwood Yulai Zadrin"
).split()
_ADJECTIVE = (
    "Amber Ashen Astral Blind Broken Burning Crimson Distant Ember Fallen Feral Frozen Gilded Hollow Iron Jagged Last "
    "Lost Northern Obsidian Pale Quiet Restless Rogue Scarlet Silent Sunless Wandering"
).split()
_NOUN = (
    "Anvil Arrow Banner Beacon Castaways Compass Crows Dawn Exiles Forge Harbinger Hounds Lantern Ledger Meridian "
    "Nomads Outriders Pilgrims Quarry Reach Saints Signal Tide Vanguard Watch Wolves"
).split()
_PLACE = (
    "Aunia|Bleak Reach|Cold Harbor|Cinder Gate|Dustfall|Ebonmere|Far Anchorage|Garn|Halcyon|Kessra|Lowtide|Marrow Deep|"
    "Nyx Hollow|Orsk|Pale Shore|Red Moon|Sable Point|Tannoch|Umbra|Vesper|Wolfmoor"
).split("|")
_TRADE = (
    "Corporation|Industries|Holdings|Mining Syndicate|Navy|Logistics|Expeditionary Force|Inc.|Salvage|Trading Co.|"
    "Heavy Industries|Research|Recon|Security|Freelancers|Prospecting"
).split("|")
_UNION = "Alliance|Coalition|Federation|Pact|Collective|Dominion|Concord|Covenant|Accord|Commonwealth|Front".split("|")

_CORPORATIONS: tuple[tuple[str, tuple[list[str], ...]], ...] = (
    ("{} {} {}", (_ADJECTIVE, _NOUN, _TRADE)),
    ("{} {}", (_PLACE, _TRADE)),
    ("{} {}", (_ADJECTIVE, _NOUN)),
    ("{} of {}", (_NOUN, _PLACE)),
    ("The {} {}", (_ADJECTIVE, _NOUN)),
    ("{} {} {}", (_ADJECTIVE, _NOUN, _TRADE)),
)
_ALLIANCES: tuple[tuple[str, tuple[list[str], ...]], ...] = (
    ("{} {} {}", (_ADJECTIVE, _NOUN, _UNION)),
    ("{} {}", (_PLACE, _UNION)),
    ("The {} {}", (_ADJECTIVE, _UNION)),
    ("{} {}", (_ADJECTIVE, _NOUN)),
)
"""Forms, and the words that fill them."""

_LONGEST_TICKER = 4
_LITTLE = frozenset({"of", "the"})


def category(one: int, kinds: Mapping[int, str]) -> str | None:
    """Say what an id stands for; `kinds` knows those that killmails name. None = ESI does not resolve it."""
    if one in UNKNOWN_IDS or one >= 2**31:
        return None
    return kinds.get(one) or next((kind for kind, low, high in _RANGES if low <= one < high), None)


def name(one: int, kind: str) -> str:
    """Give the name of an id of this category."""
    if kind == "character":
        return _pilot(one)
    if kind == "corporation":
        return _organisation(one, _CORPORATIONS)
    if kind == "alliance":
        return _organisation(one, _ALLIANCES)
    return f"{kind.replace('_', ' ').title()} {one}"


def ticker(one: int, kind: str) -> str:
    """Give the ticker of a corporation or an alliance, at most four letters of its name: "Lost Signal" is LSIG."""
    words = [word.strip(".") for word in name(one, kind).split() if word.lower() not in _LITTLE]
    initials = "".join(word[0] for word in words[:-1])[: _LONGEST_TICKER - 1]
    rest = 1 if len(words) > 2 else _LONGEST_TICKER - len(initials)
    return (initials + words[-1][:rest]).upper()


def _pilot(one: int) -> str:
    """Now and then with a letter between the names, as pilots have whose name is taken."""
    first, last, extra = _pick(_mixed(one), _FIRST, _LAST, list("ABDEHJKLMNRSTV") + [""] * 40)
    return f"{first} {extra}. {last}" if extra else f"{first} {last}"


def _organisation(one: int, forms: Sequence[tuple[str, tuple[list[str], ...]]]) -> str:
    mixed, index = divmod(_mixed(one), len(forms))
    form, words = forms[index]
    return form.format(*_pick(mixed, *words))


def _mixed(one: int) -> int:
    """Spread neighbouring ids over 32 bits, as MurmurHash3 ends."""
    mixed = (one ^ one >> 32 ^ one >> 16) * 0x85EBCA6B % 2**32
    mixed = (mixed ^ mixed >> 13) * 0xC2B2AE35 % 2**32
    return mixed ^ mixed >> 16


def _pick(mixed: int, *lists: list[str]) -> list[str]:
    words = []
    for words_of in lists:
        mixed, index = divmod(mixed, len(words_of))
        words.append(words_of[index])
    return words


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
