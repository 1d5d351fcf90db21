"""How RQ writes jobs: JSON, never pickle (whoever can write to Redis could run anything). RQ's CLI does without it."""

from typing import Any

import msgspec


class JSON:
    """RQ's Serializer protocol, by msgspec."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        """Encode `value`; tuples become arrays."""
        return msgspec.json.encode(value)

    @staticmethod
    def loads(data: bytes) -> Any:
        """Decode what `dumps` (or RQ's own `-S json`) wrote."""
        return msgspec.json.decode(data)
