"""Addresses of pages and pictures about things of EVE, made from their ids, or names that can forge nothing."""

import re
from datetime import datetime
from urllib.parse import quote

_PAGES = "https://zkillboard.com"
_IMAGES = "https://images.evetech.net"
_WITHOUT_RENDER = frozenset({670, 33328})
"""Capsules: the image server holds only an icon of them."""

_ORDINARY = re.compile(r"[A-Za-z0-9 '-]{1,40}")
"""How systems are named: what is of this kind can stand in an address."""


def kill(killmail_id: int) -> str:
    """Give zKillboard's page of a kill; the url of each embed."""
    return f"{_PAGES}/kill/{killmail_id}/"


def page(kind: str, found: int) -> str:
    """Give zKillboard's page of a character, corporation, alliance, faction, system or region."""
    return f"{_PAGES}/{kind}/{found}/"


def related(system_id: int, moment: datetime) -> str:
    """Give zKillboard's page of what else was killed in the system in that hour."""
    return f"{_PAGES}/related/{system_id}/{_hour(moment)}/"


def battle_report(system_id: int, moment: datetime) -> str:
    """Give EVE Tools' battle report of the same."""
    return f"https://br.evetools.org/related/{system_id}/{_hour(moment)}"


def dotlan(system_id: int, name: str | None) -> str:
    """Give DOTLAN's page of a system."""
    known = name is not None and _ORDINARY.fullmatch(name)
    return f"https://evemaps.dotlan.net/system/{quote(name.replace(' ', '_')) if name and known else system_id}"


def anoikis(name: str) -> str | None:
    """Give the page of a wormhole system, which lists its statics and effects; None for other systems' names."""
    return f"https://anoik.is/systems/{name}" if re.fullmatch(r"J\d{4,6}", name, re.ASCII) else None


def eve_who(character_id: int) -> str:
    """Give EVE Who's page of a pilot."""
    return f"https://evewho.com/character/{character_id}"


def logo(kind: str, found: int) -> str:
    """Give the logo of a corporation or an alliance; those of factions are kept among the corporations'."""
    return f"{_IMAGES}/{'alliances' if kind == 'alliance' else 'corporations'}/{found}/logo?size=64"


def ship(type_id: int) -> str:
    """Give the picture of a ship or structure."""
    return f"{_IMAGES}/types/{type_id}/{'icon' if type_id in _WITHOUT_RENDER else 'render'}?size=128"


def icon(type_id: int) -> str:
    """Give the icon of a type."""
    return f"{_IMAGES}/types/{type_id}/icon?size=64"


def portrait(character_id: int) -> str:
    """Give the portrait of a pilot."""
    return f"{_IMAGES}/characters/{character_id}/portrait?size=128"


def _hour(moment: datetime) -> str:
    """Give an hour as these pages name it: YYYYMMDDHH00, in UTC."""
    return f"{moment.year:04}{moment:%m%d%H}00"
