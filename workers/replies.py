"""Redis' replies as text."""


def text(value: object) -> str:
    """A reply as text: our clients do not decode (RQ wants bytes), and redis-py's types allow both."""
    return value.decode() if isinstance(value, bytes) else str(value)
