"""The unrest of a radio's retry ratio: an AR(1) process of its logarithm. Pure."""

from __future__ import annotations

import math
from random import Random

SLOT_S = 60.0
RHO = 0.6
SIGMA = 0.35


class LogNoise:
    """``value`` is normal with mean 0 and standard deviation sigma; one slot's correlates with the next
    one's by rho."""

    def __init__(self, random: Random, rho: float = RHO, sigma: float = SIGMA) -> None:
        self._random = random
        self._rho = rho
        self._step = sigma * math.sqrt(1 - rho * rho)
        self.value = random.gauss(0, sigma)

    @property
    def factor(self) -> float:
        return math.exp(self.value)

    def step(self) -> None:
        """To the next slot."""
        self.value = self._rho * self.value + self._random.gauss(0, self._step)
