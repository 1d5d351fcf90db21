"""Doubles of zKillboard's feed, ESI and Discord: over HTTP (`python -m ops.simulators`) or in a test (`transport()`).

Written from the services' documentation, never from this project's own clients.
"""

from ops.simulators.feed import Pace, packages
from ops.simulators.simulation import Options, Simulation
from ops.simulators.transport import SimulatedTransport, transport

__all__ = ["Options", "Pace", "SimulatedTransport", "Simulation", "packages", "transport"]
