"""Addresses of pages and pictures about things of EVE, made from their ids alone."""

_PAGES = "https://zkillboard.com"
_IMAGES = "https://images.evetech.net"
_WITHOUT_RENDER = frozenset({670, 33328})
"""Capsules: the image server holds only an icon of them."""


def kill(killmail_id: int) -> str:
    """Give zKillboard's page of a kill; the url of each embed."""
    return f"{_PAGES}/kill/{killmail_id}/"


def page(kind: str, found: int) -> str:
    """Give zKillboard's page of a character, corporation, alliance, faction, system or region."""
    return f"{_PAGES}/{kind}/{found}/"


def logo(kind: str, found: int) -> str:
    """Give the logo of a corporation or an alliance; those of factions are kept among the corporations'."""
    return f"{_IMAGES}/{'alliances' if kind == 'alliance' else 'corporations'}/{found}/logo?size=64"


def ship(type_id: int) -> str:
    """Give the picture of a ship or structure."""
    return f"{_IMAGES}/types/{type_id}/{'icon' if type_id in _WITHOUT_RENDER else 'render'}?size=128"
