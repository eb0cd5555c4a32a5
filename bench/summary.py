"""From samples to figures: medians over the rounds, and ratios to the baseline."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from typing import Any

from .contenders import LIMIT, OURS
from .row import Sample

Lines = list[tuple[str, dict[str, Any]]]           # ("row", row), or ("group", its first row) for a heading


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


def ratios_of(row: dict[str, Any], baseline: str) -> tuple[dict[str, float], bool]:
    """Everybody's advantage in one row of a result, and whether it is over another than the baseline.

    Where the baseline has no figure it is the advantage over the best of those that are neither ours nor the limit.
    """
    found = {name: entry["median"] for name, entry in row["results"].items() if "median" in entry}
    peers = [value for name, value in found.items() if name not in (*OURS, LIMIT)]
    if baseline not in found and not peers:
        return {}, True
    base = found[baseline] if baseline in found else (max if row["higher_is_better"] else min)(peers)
    return ({name: advantage(value, base, row["higher_is_better"]) for name, value in found.items()},
            baseline not in found)


def geometric_mean(ratios: Sequence[float]) -> float:
    """The mean that treats twice and half as equally far from one."""
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def columns_of(rows: Sequence[dict[str, Any]]) -> tuple[Lines, Lines]:
    """The rows with a heading before each group, in two columns of about the same length, cut between groups."""
    groups: list[Lines] = []
    for _, members in groupby(rows, key=lambda row: row["group"]):
        lines = [("row", row) for row in members]
        groups.append([("group", lines[0][1]), *lines])
    lengths = [sum(map(len, groups[:cut])) for cut in range(len(groups) + 1)]
    cut = min(range(len(lengths)), key=lambda cut: abs(2 * lengths[cut] - lengths[-1]))
    return list(chain(*groups[:cut])), list(chain(*groups[cut:]))
