"""Writes stats.json: what SciPy and NumPy say of the numbers that harness/src/stats computes.

    pip install scipy==1.17.1 numpy==2.4.6
    python stats.py > stats.json

Where SciPy has no such function, the formula of the source named in the docstring is written out here again, from the
paper and not from the Rust.
"""

import json
import math
import sys

import numpy as np
from scipy import special, stats

Z = stats.norm.ppf(0.975)
rng = np.random.default_rng(20240229)


def rounded(values):
    """Values as they will stand in the file, so that both sides compute with the very same."""
    return [float(f"{v:.6g}") for v in values]


def number(x):
    return None if x is None or not np.isfinite(x) else float(x)


def beta():
    rows = []
    for a, b in [(0.5, 0.5), (1, 1), (2, 3), (1, 299), (299, 1), (25, 1), (10.5, 90.5), (1000, 3), (40000, 10000)]:
        for x in [1e-9, 0.001, 0.1, 0.25, 0.5, 0.8, 0.887, 0.99, 0.999999]:
            rows.append({"a": a, "b": b, "x": x, "value": special.betainc(a, b, x)})
    return rows


def shares():
    rows = []
    for k, n in [(0, 1), (1, 1), (0, 30), (30, 30), (25, 25), (7, 20), (99, 100), (299, 299), (295, 299), (995, 1000),
                 (9990, 10000)]:
        test = stats.binomtest(k, n)
        exact, wilson = test.proportion_ci(0.95, "exact"), test.proportion_ci(0.95, "wilson")
        wide = test.proportion_ci(0.99, "exact")
        one = stats.binomtest(k, n, alternative="greater").proportion_ci(0.95, "exact")
        rows.append({"k": k, "n": n, "exact": list(exact), "exact_99": list(wide), "wilson": list(wilson),
                     "lower": one.low})
    return rows


def binomial_tests():
    rows = []
    for k, n, p in [(0, 20, 0.05), (1, 20, 0.05), (4, 20, 0.05), (9, 60, 0.05), (3, 60, 0.05), (50, 100, 0.5),
                    (61, 100, 0.5), (290, 299, 0.99), (299, 299, 0.99), (2, 10, 0.3), (0, 5, 0.0), (5, 5, 1.0)]:
        rows.append({"k": k, "n": n, "p": p, "two_sided": stats.binomtest(k, n, p).pvalue,
                     "greater": stats.binomtest(k, n, p, "greater").pvalue,
                     "less": stats.binomtest(k, n, p, "less").pvalue})
    return rows


def trials_needed():
    """Steps through n one by one, with SciPy's own exact bound."""
    rows = []
    for coverage, confidence, failures in [(0.9, 0.95, 0), (0.95, 0.95, 0), (0.99, 0.95, 0), (0.995, 0.95, 0),
                                           (0.999, 0.95, 0), (0.99, 0.95, 1), (0.99, 0.95, 2), (0.99, 0.95, 5),
                                           (0.9, 0.99, 3), (0.5, 0.95, 0)]:
        n = failures + 1
        while stats.beta.ppf(1 - confidence, n - failures, failures + 1) < coverage:
            n += 1
        rows.append({"coverage": coverage, "confidence": confidence, "failures": failures, "n": n})
    return rows


def quantiles():
    rows = []
    for n in [6, 10, 20, 30, 59, 100, 400]:
        values = rounded(rng.lognormal(0, 1, n))
        for q in [0.5, 0.9, 0.25]:
            found = stats.quantile_test(values, q=np.quantile(values, q), p=q).confidence_interval(0.95)
            rows.append({"values": values, "q": q, "value": float(np.quantile(values, q)), "low": number(found.low),
                         "high": number(found.high)})
    return rows


def survival():
    rows = []
    for n, censored, ties in [(8, 0.0, False), (20, 0.3, False), (40, 0.5, True), (60, 0.1, True), (25, 0.7, False)]:
        times = rng.exponential(10, n)
        times = np.ceil(times) if ties else np.array(rounded(times))
        events = rng.random(n) >= censored
        horizon = float(np.max(times)) * 0.8
        data = stats.CensoredData.right_censored(times, ~events)
        curve = stats.ecdf(data).sf
        plain, log_log = curve.confidence_interval(0.95, method="linear"), curve.confidence_interval(0.95, method="log-log")
        at, s = curve.quantiles, curve.probabilities
        keep = [t in set(times[events]) for t in at]
        steps = [{"at": float(t), "survival": float(p), "greenwood": [number(a), number(b)],
                  "log_log": [number(c), number(d)]}
                 for t, p, a, b, c, d, k in zip(at, s, plain.low.probabilities, plain.high.probabilities,
                                                log_log.low.probabilities, log_log.high.probabilities, keep) if k]
        median = next((float(t) for t, p in zip(at, s) if p <= 0.5), None)
        low = next((float(t) for t, p in zip(at, log_log.low.probabilities) if p <= 0.5), None)
        high = next((float(t) for t, p in zip(at, log_log.high.probabilities) if p <= 0.5), None)
        mean, error = restricted_mean(times, events, horizon)
        rows.append({"times": times.tolist(), "events": events.tolist(), "steps": steps, "median": median,
                     "median_low": low, "median_high": high, "horizon": horizon, "mean": mean,
                     "mean_low": mean - Z * error, "mean_high": mean + Z * error})
    return rows


def restricted_mean(times, events, horizon):
    """Klein and Moeschberger, Survival Analysis (2003), 4.5.1 and 4.5.2; the area by counting in fine steps."""
    def survival(t):
        s = 1.0
        for u in sorted(set(times[events])):
            if u <= t:
                s *= 1 - np.sum((times == u) & events) / np.sum(times >= u)
        return s
    edges = [0.0] + [u for u in sorted(set(times[events])) if u < horizon] + [horizon]
    def area(a):
        cuts = [a] + [e for e in edges if e > a]
        return sum(survival(x) * (y - x) for x, y in zip(cuts, cuts[1:]))
    variance = 0.0
    for u in edges[1:-1]:
        d, n = np.sum((times == u) & events), np.sum(times >= u)
        if n > d:
            variance += area(u) ** 2 * d / (n * (n - d))
    return float(area(0.0)), float(math.sqrt(variance))


def bands():
    """Massart, Annals of Probability 18 (1990): the constant of Dvoretzky, Kiefer and Wolfowitz is 2."""
    rows = []
    for n in [5, 30, 300]:
        values = rounded(rng.normal(0, 1, n))
        curve = stats.ecdf(values).cdf
        e = math.sqrt(math.log(2 / 0.05) / (2 * n))
        rows.append({"values": values, "at": curve.quantiles.tolist(), "share": curve.probabilities.tolist(),
                     "low": np.maximum(curve.probabilities - e, 0).tolist(),
                     "high": np.minimum(curve.probabilities + e, 1).tolist()})
    return rows


def effects():
    rows = []
    for n, m, shift in [(10, 10, 0.0), (15, 12, 0.5), (30, 30, 1.5), (6, 40, -0.7), (8, 8, 100.0), (8, 9, -100.0)]:
        a, b = rounded(rng.normal(shift, 1, n)), rounded(rng.normal(0, 1, m))
        u = stats.mannwhitneyu(a, b).statistic
        low, high = cliff_interval(np.array(a), np.array(b))
        rows.append({"a": a, "b": b, "delta": float(2 * u / (n * m) - 1), "low": low, "high": high})
    return rows


def cliff_interval(a, b):
    """Cliff, Psychological Bulletin 114 (1993); Feng and Cliff, J. Mod. Appl. Stat. Methods 3 (2004)."""
    d = np.sign(a[:, None] - b[None, :])
    n, m, mean = len(a), len(b), d.mean()
    if abs(mean) == 1:
        edge = (min(n, m) - Z**2) / (min(n, m) + Z**2)
        return (edge, 1.0) if mean > 0 else (-1.0, -edge)
    rows = np.sum((d.mean(axis=1) - mean) ** 2)
    columns = np.sum((d.mean(axis=0) - mean) ** 2)
    variance = (m**2 * rows + n**2 * columns - np.sum((d - mean) ** 2)) / (n * m * (n - 1) * (m - 1))
    variance = max(variance, (1 - mean**2) / (n * m - 1))
    root = Z * math.sqrt(variance) * math.sqrt((1 - mean**2) ** 2 + Z**2 * variance)
    below = 1 - mean**2 + Z**2 * variance
    return float((mean - mean**3 - root) / below), float((mean - mean**3 + root) / below)


def holm():
    """Holm, Scand. J. Stat. 6 (1979), by its own words: the smallest p against a/m, the next against a/(m-1) ..."""
    rows = []
    for ps in [[0.01], [0.01, 0.04, 0.03], [0.2, 0.001, 0.04, 0.013, 0.9], rounded(rng.random(12) ** 3)]:
        order, adjusted, worst = np.argsort(ps), [0.0] * len(ps), 0.0
        for rank, i in enumerate(order):
            worst = max(worst, min(1.0, ps[i] * (len(ps) - rank)))
            adjusted[i] = worst
        rows.append({"p": list(ps), "adjusted": adjusted})
    return rows


def pairs():
    rows = []
    for n in [8, 25]:
        a, b = rounded(rng.lognormal(0.2, 0.3, n)), rounded(rng.lognormal(0, 0.3, n))
        logs, differences = np.log(a) - np.log(b), np.subtract(a, b)
        of = lambda v: stats.quantile_test(v, q=float(np.median(v)), p=0.5).confidence_interval(0.95)
        ratio, difference = of(logs), of(differences)
        rows.append({"a": a, "b": b, "ratio": float(np.exp(np.median(logs))),
                     "ratio_low": float(np.exp(ratio.low)), "ratio_high": float(np.exp(ratio.high)),
                     "difference": float(np.median(differences)), "difference_low": float(difference.low),
                     "difference_high": float(difference.high)})
    return rows


def clusters():
    """SciPy's own percentile bootstrap, over the numbers of the groups; its draws are not ours, so the ends of the
    interval agree but for the error of 20,000 draws."""
    rows = []
    for n, ratio in [(8, False), (20, False), (12, True), (30, True)]:
        groups = [rounded(rng.lognormal(rng.normal(0, 0.4), 0.3, rng.integers(1, 7))) for _ in range(n)]
        def statistic(which):
            pool = [v for g in which for v in groups[int(g)]]
            return sum(v for v in pool if v > 1) / sum(pool) if ratio else np.median(pool)
        found = stats.bootstrap((np.arange(n),), statistic, vectorized=False, method="percentile",
                                n_resamples=20000, rng=np.random.default_rng(1))
        rows.append({"groups": groups, "ratio": ratio, "value": float(statistic(range(n))),
                     "low": float(found.confidence_interval.low), "high": float(found.confidence_interval.high),
                     "error": float(found.standard_error)})
    return rows


def differences_of_shares():
    """Newcombe, Statistics in Medicine 17 (1998), method 10; and his own example, 56/70 against 48/80."""
    rows = []
    for k, n, j, m in [(56, 70, 48, 80), (25, 25, 25, 25), (0, 10, 10, 10), (9, 10, 3, 10), (298, 299, 280, 299)]:
        (l1, u1), (l2, u2) = (stats.binomtest(x, y).proportion_ci(0.95, "wilson") for x, y in [(k, n), (j, m)])
        p, q = k / n, j / m
        rows.append({"k": k, "n": n, "j": j, "m": m, "value": p - q,
                     "low": p - q - math.hypot(p - l1, u2 - q), "high": p - q + math.hypot(u1 - p, q - l2)})
    return rows


json.dump({f.__name__: f() for f in [beta, shares, binomial_tests, trials_needed, quantiles, survival, bands, effects,
                                     holm, pairs, clusters, differences_of_shares]}, sys.stdout)
print()
