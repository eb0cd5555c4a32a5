"""From samples to figures: medians over the rounds, and ratios to the baseline."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence

from .row import Sample


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """The median of every detail that all the samples have."""
    common = set.intersection(*(set(sample.details) for sample in samples))
    return {name: statistics.median(s.details[name] for s in samples)
            for name in samples[0].details if name in common}


def advantage(value: float, base: float, higher_is_better: bool) -> float:
    """How many times better than `base` a value is; 1 means equal, less than 1 means worse."""
    return value / base if higher_is_better else base / value


def spread(samples: Sequence[Sample], base: Sequence[Sample], higher_is_better: bool) -> list[float]:
    """The smallest and the largest advantage over the baseline seen within one round."""
    pairs = [advantage(s.value, b.value, higher_is_better) for s, b in zip(samples, base)]
    return [min(pairs), max(pairs)]


def merged(histograms: Iterable[Sequence[tuple[float, int]]]) -> list[list[float]]:
    """One histogram out of several that have the same buckets."""
    total: Counter[float] = Counter()
    for histogram in histograms:
        for start, count in histogram:
            total[start] += count
    return [[start, total[start]] for start in sorted(total)]


def summarise(samples: Sequence[Sample], base: Sequence[Sample] | None, higher_is_better: bool) -> dict:
    """The figures of one contender in one row; ratios only where there is a baseline.

    `samples` and `base` are in order of the rounds. The ratio is the ratio of the two medians.
    """
    value = statistics.median(sample.value for sample in samples)
    figures: dict = {"median": value, "rounds": [sample.value for sample in samples]}
    if base:
        figures["ratio"] = advantage(value, statistics.median(s.value for s in base), higher_is_better)
        figures["ratio_spread"] = spread(samples, base, higher_is_better)
    figures.update(medians(samples))
    histogram = merged(sample.histogram for sample in samples)
    if histogram:
        figures["histogram_us"] = histogram
    return figures


def geometric_mean(ratios: Sequence[float]) -> float:
    """The mean that treats twice and half as equally far from one."""
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
