"""Intervals for one run and for several seeds, differences between groups of runs, and corrections for asking often."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np
from scipy import optimize, stats

NO_SHIFT = 1e-6  # near enough; at 0 itself SciPy's noncentral F is wrong


@dataclass(frozen=True)
class Interval:
    """A closed interval from `low` to `high`."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies in [-margin, margin]."""
        return -margin <= self.low and self.high <= margin

    def __str__(self) -> str:
        return f"{self.low:.3f} to {self.high:.3f}" if isfinite(self.low) else "no limits"


NO_LIMITS = Interval(-inf, inf)


@dataclass(frozen=True)
class Mean:
    """The mean of n values, their standard deviation (n - 1 in the denominator) and the mean's t interval."""

    value: float
    sd: float
    n: int
    interval: Interval

    def __str__(self) -> str:
        if self.n == 1:
            return f"{self.value:.2f} (one run, no spread)"
        return f"{self.value:.2f} ({self.interval}), SD {self.sd:.2f}, n = {self.n}"


@dataclass(frozen=True)
class Difference:
    """Mean of the first group minus mean of the second, its interval, and the p value of "no difference"."""

    value: float
    interval: Interval
    p: float

    def __str__(self) -> str:
        if not isfinite(self.interval.low):
            return f"{self.value:+.2f} (a single run, no spread)"
        return f"{self.value:+.2f} ({self.interval.low:+.2f} to {self.interval.high:+.2f}), p = {self.p:.3g}"


@dataclass(frozen=True)
class McNemar:
    """Images that only the first network (`b`) or only the second (`c`) gets right, and the exact p value."""

    b: int
    c: int
    p: float

    def __str__(self) -> str:
        return f"{self.b} right only by the first, {self.c} only by the second, p = {self.p:.3g}"


def wilson(correct: int, total: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share, in percent (Wilson 1927; no continuity correction).

    It speaks of this one network on new digits like the tested ones; it knows nothing of other seeds.

    Raises:
        ValueError: unless 0 <= correct <= total and total >= 1.
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"correct = {correct} of total = {total}: needs 0 <= correct <= total, total >= 1")
    share = stats.binomtest(correct, total).proportion_ci(confidence, method="wilson")
    return Interval(100 * float(share.low), 100 * float(share.high))


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Mean:
    """Mean, standard deviation and two-sided t interval of the mean, in the units of `values`.

    Raises:
        ValueError: for fewer than 2 values (one value has no spread) or one that is not finite.
    """
    sample = _sample(values)
    mean, sd, n = _mean(sample), _sd(sample), len(sample)
    half = _t(n - 1, confidence) * sd / n**0.5
    return Mean(mean, sd, n, Interval(mean - half, mean + half))


def prediction_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Where one more value of the same kind is expected: mean +- t * s * sqrt(1 + 1/n).

    Raises:
        ValueError: for fewer than 2 values (one value has no spread) or one that is not finite.
    """
    sample = _sample(values)
    mean, n = _mean(sample), len(sample)
    half = _t(n - 1, confidence) * _sd(sample) * (1 + 1 / n) ** 0.5
    return Interval(mean - half, mean + half)


def expected_next(values: Sequence[float]) -> Interval:
    """Where one more run is expected, 95 %; without limits for a single run, which says nothing of spread."""
    return prediction_interval(values) if len(values) > 1 else NO_LIMITS


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and its t interval, 95 %; without limits for a single run."""
    return mean_interval(values) if len(values) > 1 else Mean(values[0], nan, 1, NO_LIMITS)


def difference_of(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Welch's comparison of two groups of runs; without limits where a single run says nothing of spread."""
    if min(len(ours), len(theirs)) > 1:
        return welch(ours, theirs)
    return Difference(sum(ours) / len(ours) - sum(theirs) / len(theirs), NO_LIMITS, nan)


def welch(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Difference:
    """Welch's t test of two independent groups of runs; the spreads may differ.

    Raises:
        ValueError: for fewer than 2 values in a group, one that is not finite, or no spread in either group.
    """
    first, second = _sample(a), _sample(b)
    if _sd(first) == _sd(second) == 0:
        raise ValueError(f"no spread in either group ({first[0]:g} and {second[0]:g}): Welch's t needs some")
    test = stats.ttest_ind(first, second, equal_var=False)
    interval = test.confidence_interval(confidence)
    difference = _mean(first) - _mean(second)
    return Difference(difference, Interval(float(interval.low), float(interval.high)), float(test.pvalue))


def paired(a: Sequence[float], b: Sequence[float], confidence: float = 0.95) -> Difference:
    """The paired t test of two recipes tried under the same conditions: a[i] and b[i] share a split and a seed.

    Raises:
        ValueError: for groups of different sizes, fewer than 2 pairs, or differences without any spread.
    """
    first, second = _sample(a), _sample(b)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values: pairs need as many on both sides")
    if _sd(first - second) == 0:
        raise ValueError(f"no spread in the differences (all {first[0] - second[0]:g}): a t test needs some")
    test = stats.ttest_rel(first, second)
    interval = test.confidence_interval(confidence)
    return Difference(
        _mean(first - second), Interval(float(interval.low), float(interval.high)), float(test.pvalue)
    )


def resolvable(sd: float, n: int, power: float = 0.8, confidence: float = 0.95) -> float:
    """The smallest true difference that n pairs, whose differences have this SD, are likely to show.

    A two-sided t test finds it with probability `power`; the square of its statistic then follows the noncentral
    F distribution (Cohen 1988, Statistical Power Analysis).

    Raises:
        ValueError: for n below 3, an SD below 0, or a power not between 1 - confidence and 1.
    """
    if n < 3 or sd < 0 or not 1 - confidence < power < 1:
        raise ValueError(f"n = {n}, sd = {sd:g}, power = {power:g}: needs n >= 3, sd >= 0, a power up to 1")
    critical = _t(n - 1, confidence)

    def missing(shift: float) -> float:
        """How much power is missing at this shift. Uses F = t squared: SciPy's noncentral t returns NaN here."""
        return power - stats.ncf.sf(critical**2, 1, n - 1, shift**2)

    enough = critical
    while missing(enough) > 0:
        enough *= 2
    return sd * optimize.brentq(missing, NO_SHIFT, enough) / n**0.5


def mcnemar(predictions_a: Sequence[int], predictions_b: Sequence[int], labels: Sequence[int]) -> McNemar:
    """McNemar's exact test of two networks on the same images: a coin toss over those only one gets right.

    All three hold one class per image, shape (N,).

    Raises:
        ValueError: for different or empty shapes.
    """
    first, second, truth = (np.asarray(classes) for classes in (predictions_a, predictions_b, labels))
    if not first.shape == second.shape == truth.shape or truth.ndim != 1 or truth.size == 0:
        shapes = f"{first.shape}, {second.shape} and {truth.shape}"
        raise ValueError(f"predictions and labels of shapes {shapes}: all must be the same (N,), N >= 1")
    first_right, second_right = first == truth, second == truth
    b = int(np.sum(first_right & ~second_right))
    c = int(np.sum(second_right & ~first_right))
    return McNemar(b, c, float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for being several, in their order: reject those up to 0.05 and all is at 5 % together.

    Step down: the smallest of m is multiplied by m, the next by m - 1, and so on, and none may fall below one
    before it (Holm 1979, Scandinavian Journal of Statistics 6). It asks for no independence. SciPy 1.12 has
    corrections of the false discovery rate only.

    Raises:
        ValueError: for a p value outside 0 to 1.
    """
    p = np.asarray(p_values, dtype=float)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p_values = {p.tolist()}: each must be from 0 to 1")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    return adjusted.tolist()


def _sample(values: Sequence[float]) -> np.ndarray:
    sample = np.asarray(values, dtype=float)
    if sample.ndim != 1 or len(sample) < 2:
        raise ValueError(f"values = {sample.tolist()}: a spread needs at least 2 values")
    if not np.isfinite(sample).all():
        raise ValueError(f"values = {sample.tolist()}: every value must be finite")
    return sample


def _mean(sample: np.ndarray) -> float:
    # the mean of equal values is that value, without the last bit's rounding
    return float(sample[0]) if np.ptp(sample) == 0 else float(sample.mean())


def _sd(sample: np.ndarray) -> float:
    # equal values have no spread: numpy leaves 1.7e-14 for three times 99.4
    return 0.0 if np.ptp(sample) == 0 else float(sample.std(ddof=1))


def _t(freedom: int, confidence: float) -> float:
    return float(stats.t.ppf((1 + confidence) / 2, freedom))
