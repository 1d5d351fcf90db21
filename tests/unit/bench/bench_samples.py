"""Outcomes made up for the tests of the benchmark's pure parts."""

from ops.bench.figures import Figure, Outcome, Row, Target

FAST = Row("fast", "kill -9 → ready", "ms", Target("at_most", 25))
CODE = Row("code", "the supervisor after that", "", Target("equals", "exit 70"))
PLAIN = Row("plain", "PSS", "MB")


def outcome(*rows, notes=()):
    return Outcome("sample", ("ours", "peer"), rows, {"ours": "0.1", "peer": "9"}, {"cores": 2}, notes)


def measured(row, ours, peer=None):
    figures = {"ours": ours, "peer": peer}
    found = {name: Figure(one) if isinstance(one, int | float | str) else one for name, one in figures.items()}
    return Row(row.key, row.title, row.unit, row.target, found)
