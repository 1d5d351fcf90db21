"""Discord's error tree for a refused body: {"code": 50035, "errors": {…path…: {"_errors": […]}}}."""

from typing import Any


class Form:
    """Collects what is wrong with a body; a path is made of the keys and list positions that lead to a value."""

    def __init__(self) -> None:
        self._errors: dict[str, Any] = {}

    def add(self, path: tuple[str | int, ...], code: str, message: str) -> None:
        """Note one error at `path`."""
        node = self._errors
        for part in path:
            node = node.setdefault(str(part), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def body(self) -> dict[str, Any] | None:
        """Give the 400's body, None when nothing is wrong."""
        return {"message": "Invalid Form Body", "code": 50035, "errors": self._errors} if self._errors else None
