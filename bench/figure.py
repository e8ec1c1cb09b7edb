# SPDX-License-Identifier: MIT
"""A figure and how well it is known. On a shared machine one run differs from the next by a tenth and more;
the median of many ratios is known far better, and this says how well."""
import math
from dataclasses import dataclass
from statistics import median

LEAST = 1e-6  # what products take for a bound that is not above zero


@dataclass(frozen=True)
class Figure:
    value: float
    low: float  # between the two it lies with a confidence of 95 %,
    high: float  # of fewer than six samples (the least and the most of them) with less

    def width(self):
        """Of the interval, as a share of the value."""
        return (self.high - self.low) / abs(self.value) if self.value else math.inf


def exactly(value, times=1):
    return None if value is None else Figure(value * times, value * times, value * times)


def median_of(values):
    """None: no values. The interval is that of order statistics: a sample lies below the true median as a coin falls, so
    it assumes nothing of how samples are distributed (Conover, Practical Nonparametric Statistics, chapter 3)."""
    values = sorted(values)
    if not values:
        return None
    below, skip = 0.0, -1
    while below <= 0.025:
        skip += 1
        below += math.comb(len(values), skip) / 2 ** len(values)
    skip = max(skip - 1, 0)
    return Figure(median(values), values[skip], values[-1 - skip])


def product(factors):
    """Of (figure, power), each measured by itself; None: one of them was not measured. Errors add up as independent ones do,
    in logarithms."""
    value, down, up = 0.0, 0.0, 0.0
    for figure, power in factors:
        if figure is None or figure.value <= 0:
            return None
        middle = math.log(figure.value)
        ends = [power * (math.log(max(end, LEAST)) - middle) for end in (figure.low, figure.high)]
        value += power * middle
        down += min(ends) ** 2
        up += max(ends) ** 2
    return Figure(math.exp(value), math.exp(value - math.sqrt(down)), math.exp(value + math.sqrt(up)))


def geometric_mean(figures):
    """Of those that were measured; None: of none."""
    found = [figure for figure in figures if figure]
    return product([(figure, 1 / len(found)) for figure in found]) if found else None
