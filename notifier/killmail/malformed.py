"""What the decoder says of bytes that are no killmail."""

import re

import msgspec

_PLACE = re.compile(r" - at `(?:key in )?(?P<path>\$[^`]*)`$")
_EXPECTED = re.compile(r"Expected (?P<expected>.+), got (?P<found>.+)")
_MISSING = re.compile(r"Object missing required field (?P<field>`[^`]*`)")


class Malformed(ValueError):  # noqa: N818 – what the package is, not what went wrong with us
    """Bytes that are no killmail: `where` (such as killmail.victim.ship_type_id) and `reason` (found …, expected …)."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where, self.reason = where, reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def from_validation(error: msgspec.ValidationError, roots: dict[str, str]) -> Malformed:
    """Translate msgspec's words. `roots` maps beginnings of its paths to ours, the longest first."""
    text = str(error)
    place = _PLACE.search(text)
    said, path = (text[: place.start()], place["path"]) if place else (text, "$")
    return Malformed(_where(path, roots), _reason(said))


def _where(path: str, roots: dict[str, str]) -> str:
    for root, ours in roots.items():
        rest = path.removeprefix(root)
        if path.startswith(root) and rest[:1] in ("", ".", "["):
            return (ours + rest) if ours else rest.removeprefix(".")
    return path


def _reason(said: str) -> str:
    if missing := _MISSING.fullmatch(said):
        return f"found no {missing['field']}, expected one"
    if mismatch := _EXPECTED.fullmatch(said):
        return f"found {mismatch['found']}, expected {mismatch['expected']}"
    # A bound: "Expected `int` >= 1".
    return f"found a value out of bounds, expected {said.removeprefix('Expected ')}"
