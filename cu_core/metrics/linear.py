"""Linear evaluation: accuracy of a linear classifier on frozen features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cu_core.base.heavy import torch
from cu_core.catalogue.metric_record import Metric

if TYPE_CHECKING:
    from torch import Tensor

MAX_STEPS = 500


def linear_accuracy(
    features: Tensor, labels: Tensor, unseen: Tensor, unseen_labels: Tensor, classes: int, inverse_penalty: float = 1.0
) -> float | None:
    """Accuracy on unseen samples of a linear classifier fitted to features of other samples.

    Unseen samples whose label nobody in the fit has are left out: no classifier could learn their class.

    Args:
        features: (n, w) frozen features of the samples to fit.
        labels: (n,) int64 their labels.
        unseen: (m, w) features of the samples to judge by.
        unseen_labels: (m,) int64 their labels.
        classes: C, number of classes.
        inverse_penalty: see `fit_linear`.

    Returns:
        0..1; None where nothing is left to judge by, or where a feature is not a finite number.
    """
    known = torch.isin(unseen_labels, labels)
    if not known.any() or not (torch.isfinite(features).all() and torch.isfinite(unseen).all()):
        return None
    weight, bias = fit_linear(features, labels, classes, inverse_penalty)
    predicted = (unseen[known].to(weight) @ weight.T + bias).argmax(1)
    return float((predicted == unseen_labels[known].to(predicted.device)).double().mean())


def fit_linear(features: Tensor, labels: Tensor, classes: int, inverse_penalty: float = 1.0) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression on standardised features, solved to the optimum.

    Minimises sum of cross-entropies + |W|² / (2 inverse_penalty) with L-BFGS in double precision. The problem
    is convex, so that its solution depends on neither seed nor step size, unlike that of the usual recipes of
    linear evaluation (SGD with some learning rate for 100 epochs). W is penalised in the scale of standardised
    features, the bias is not.

    Args:
        features: (n, w), of any scale.
        labels: (n,) int64.
        classes: C; one that no sample has gets a bias of minus infinity.
        inverse_penalty: scikit-learn's C.

    Returns:
        W (C, w) and bias (C,) for features as they were given, float64.
    """
    # Apple's devices have no double precision.
    device = torch.device("cpu") if features.device.type == "mps" else features.device
    x, y = features.to(device, torch.float64), labels.to(device)
    mean, spread = x.mean(0), x.std(0, correction=0)
    # A feature that is the same everywhere, up to rounding, says nothing; divided by its spread it would be noise.
    spread = torch.where(spread > 1e-7 * mean.abs().clamp(min=1e-7), spread, torch.inf)
    x = (x - mean) / spread
    present = torch.bincount(y, minlength=classes) > 0
    weight = torch.zeros(classes, x.shape[1], dtype=torch.float64, device=device, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, device=device, requires_grad=True)
    absent = torch.where(present, 0.0, -torch.inf).to(x)
    solver = torch.optim.LBFGS(
        [weight, bias],
        max_iter=MAX_STEPS,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        solver.zero_grad()
        value = torch.nn.functional.cross_entropy(x @ weight.T + bias + absent, y)
        value = value + weight.square().sum() / (2 * inverse_penalty * len(y))
        value.backward()
        return value

    with torch.enable_grad():
        solver.step(loss)
    found = weight.detach() / spread
    return found, bias.detach() + absent - found @ mean


PROBE_RECOVERY = Metric(
    "probe_recovery",
    "Probe recovery",
    "Accuracy on unseen samples of the forgotten classes of a linear probe that is fitted to the frozen trunk "
    "features and shown all classes: what is still there although the model no longer says it. Target: the "
    "reference.",
    lambda evidence: evidence.fitted["probe_recovery"],
    "unseen_forgotten",
    target="the reference",
    applies=lambda evidence: "probe_recovery" in evidence.fitted,
    tasks=("class",),
    heading="Probe",
    recorded="end",
)
LINEAR_ACC = Metric(
    "linear_acc",
    "Linear evaluation",
    "Accuracy on unseen samples of a linear classifier fitted to the frozen encoder's features of retain "
    "samples; unseen samples of forgotten classes are left out.",
    lambda evidence: evidence.fitted["linear_acc"],
    "unseen_retained",
    target="high",
    applies=lambda evidence: "linear_acc" in evidence.fitted,
    objectives=("self-supervised",),
    heading="Linear",
    recorded="end",
)
