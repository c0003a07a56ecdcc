"""Simulated CoinStats and TEOS: real HTTP on loopback, for the demo and the tests.

Stands alone: imports nothing else of watcher, so that it cannot share an error with what it tests.
"""

from watcher.sim.server import Simulation

__all__ = ["Simulation"]
