"""RULI's two games: per sample the density of its margin, by kernels, in two worlds."""

from __future__ import annotations

import numpy as np

from cu_core.metrics.ulira import normals

CODE_BANDWIDTH = 1.0
"""What the paper's code takes: scikit-learn's default, which is broad for a margin."""


def usual_bandwidth(margins: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The width that suits normal data: 1.06 σ m^(-1/5) of m models (Silverman, Density Estimation, 1986, eq. 3.28).

    Args:
        margins: (N, n) of N models.
        chosen: (N, n) bool, which models count for which sample.

    Returns:
        (n,) widths, with σ as `cu_core.metrics.ulira.normals` gives it: shared by all samples where models are few.
    """
    counts = (chosen & np.isfinite(margins)).sum(axis=0)
    width: np.ndarray = 1.06 * normals(margins, chosen)[1] * counts**-0.2
    return width


def log_density(phi: np.ndarray, margins: np.ndarray, chosen: np.ndarray, bandwidth: np.ndarray | float) -> np.ndarray:
    """Log of each sample's Gaussian kernel density at φ.

    Args:
        phi: (n,) where.
        margins: (N, n) of N models; what is not finite is left out.
        chosen: (N, n) bool, which models count for which sample; one at least for each.
        bandwidth: (n,) or one for all samples, above 0.

    Returns:
        (n,) nats per unit of margin.
    """
    counted = chosen & np.isfinite(margins)
    exponents = np.where(counted, -(((phi - np.where(counted, margins, 0.0)) / bandwidth) ** 2) / 2, -np.inf)
    highest = exponents.max(axis=0)
    sums = np.exp(exponents - highest).sum(axis=0)
    found: np.ndarray = highest + np.log(sums / counted.sum(axis=0)) - np.log(bandwidth * np.sqrt(2 * np.pi))
    return found


def game_scores(
    phi: np.ndarray,
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    bandwidth: float | None = None,
) -> np.ndarray:
    """Log p₁(φ) - log p₂(φ), which orders samples as p₁ / (p₁ + p₂) does and does not round to 0 or 1.

    Privacy leakage: p₁ over unlearned models that had unlearned the sample, p₂ over unlearned models that never saw
    it. Efficacy: p₂ over models that were trained without it and unlearned nothing (Naderloui et al., Rectifying
    Privacy and Efficacy Measurements in Machine Unlearning, USENIX Security 2025).

    Args:
        phi: (n,) margins under the model that is attacked.
        first: (N, n) margins and (N, n) bool, which models count for which sample.
        second: the same of the other world.
        bandwidth: of all kernels; None takes `usual_bandwidth` for each world.

    Returns:
        (n,) nats; above 0 where the sample looks as in the first world.
    """
    densities = [
        log_density(phi, margins, chosen, usual_bandwidth(margins, chosen) if bandwidth is None else bandwidth)
        for margins, chosen in (first, second)
    ]
    return densities[0] - densities[1]
