"""What a benchmark gives: rows of figures, one a column, and whether ours reach their targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, TypeAlias

Value: TypeAlias = float | str
OURS = "ours"
"""The column that is judged."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; of several measurements their median, with the extremes."""

    value: Value
    least: float | None = None
    most: float | None = None
    count: int = 1

    @classmethod
    def of(cls, measured: Sequence[float]) -> "Figure":
        """The median of at least one measurement."""
        return cls(median(measured), min(measured), max(measured), len(measured))


@dataclass(frozen=True, slots=True)
class Target:
    """What ours has to reach."""

    kind: Literal["at_most", "equals"]
    value: Value

    def met(self, value: Value) -> bool:
        """Whether the value reaches it."""
        if self.kind == "equals":
            return value == self.value
        return isinstance(value, float | int) and isinstance(self.value, float | int) and value <= self.value


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is measured; a column without a figure was not measured, or has no such thing."""

    key: str
    title: str
    unit: str
    target: Target | None = None
    figures: Mapping[str, Figure | None] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether ours reaches the target; None without a target. What was not measured does not reach it."""
        if self.target is None:
            return None
        ours = self.figures.get(OURS)
        return ours is not None and self.target.met(ours.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All rows of one run. `versions` and `machine` say what was measured and where, `notes` what went otherwise."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    versions: Mapping[str, str]
    machine: Mapping[str, object]
    notes: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Row, ...]:
        """The rows of which the target is not reached."""
        return tuple(row for row in self.rows if row.met is False)
