"""Whether a silent feed is an alarm: seconds of silence, less the daily downtime, against a threshold. Pure."""

DAY = 86_400.0
DOWNTIME = (10 * 3600 + 58 * 60.0, 11 * 3600 + 30 * 60.0)
"""10:58 to 11:30 UTC, in seconds of the day. Tranquility restarts and zKillboard does not call ESI meanwhile
(zKillboard, cron/tqStatus.php: from 10:58, and while fewer than 1,000 players are online).
"""
THRESHOLD = 600.0
"""EVE has a killmail each 5.5 seconds on average. Ten minutes without one do not happen by chance, even at a tenth of
that rate (e⁻¹¹); a hiccup of zKillboard or of an edge of Cloudflare is over sooner.
"""


def unexpected(quiet: float, now: float) -> float:
    """Give how many of the last `quiet` seconds lie outside of downtimes; `now` is the wall clock in epoch seconds.

    `quiet` comes from a monotonic clock: a wall clock that is set anew shifts the downtime, not the silence.
    """
    quiet = max(quiet, 0.0)
    return max(0.0, quiet - (_in_downtimes(now) - _in_downtimes(now - quiet)))


def alarming(quiet: float, now: float, threshold: float = THRESHOLD) -> bool:
    """Say whether the feed has been silent longer than it ever is."""
    return unexpected(quiet, now) > threshold


def _in_downtimes(moment: float) -> float:
    """Give the seconds of downtimes between the epoch and `moment`."""
    begin, end = DOWNTIME
    days, rest = divmod(moment, DAY)
    return days * (end - begin) + min(max(rest - begin, 0.0), end - begin)
