"""Membership attacks: the explicit list, and the words of their results. Making them needs more; this list does not."""

from __future__ import annotations

from cu_core.catalogue.attack_record import Attack, AttackNumber, Way
from cu_core.catalogue.objective_record import WITH_CLASSES

REFERENCE = "reference"
MODELS = ("before", "after", REFERENCE)

ATTACKS: dict[str, Attack] = {
    a.id: a
    for a in (
        Attack(
            "encoder_mi_t",
            "EncoderMI-T",
            "Judges a sample a member if the embeddings of its augmented views are similar on average.",
            "Mean cosine of views",
            "Liu et al., EncoderMI, CCS 2021 (arXiv 2108.11023)",
            "cu_core.metrics.attacks.encoder_mi:fit_mean",
        ),
        Attack(
            "encoder_mi_v",
            "EncoderMI-V",
            "A small network reads the sorted cosines of all pairs of augmented views.",
            "Log-odds of membership",
            "Liu et al., EncoderMI, CCS 2021 (arXiv 2108.11023)",
            "cu_core.metrics.attacks.encoder_mi:fit_vector",
            learned=True,
        ),
        Attack(
            "encoder_mi_s",
            "EncoderMI-S",
            "A network that ignores order (DeepSets) reads the cosines of all pairs of augmented views.",
            "Log-odds of membership",
            "Liu et al., EncoderMI, CCS 2021 (arXiv 2108.11023); Zaheer et al., Deep Sets, NeurIPS 2017",
            "cu_core.metrics.attacks.encoder_mi:fit_set",
            learned=True,
        ),
        Attack(
            "loss",
            "Loss threshold",
            "Judges a sample a member if its training loss is low.",
            "Minus the loss (nats)",
            "Yeom et al., Privacy Risk in Machine Learning, CSF 2018 (arXiv 1709.01604)",
            "cu_core.metrics.attacks.threshold:fit_loss",
        ),
        Attack(
            "confidence",
            "Confidence threshold",
            "Judges a sample a member if the model is sure of its answer, right or wrong.",
            "Log-odds of the highest probability",
            "Salem et al., ML-Leaks, NDSS 2019 (arXiv 1806.01246)",
            "cu_core.metrics.attacks.threshold:fit_confidence",
        ),
        Attack(
            "entropy",
            "Entropy threshold",
            "Judges a sample a member if the probabilities of the model's answer have a low entropy.",
            "Minus the entropy (nats)",
            "Salem et al., ML-Leaks, NDSS 2019 (arXiv 1806.01246)",
            "cu_core.metrics.attacks.threshold:fit_entropy",
        ),
        Attack(
            "modified_entropy",
            "Modified entropy threshold",
            "Like entropy, but an answer that is sure and wrong counts against membership.",
            "Minus the modified entropy (nats)",
            "Song and Mittal, USENIX Security 2021 (arXiv 2003.10595), Eq. 9",
            "cu_core.metrics.attacks.threshold:fit_modified_entropy",
            objectives=WITH_CLASSES,
        ),
        Attack(
            "svc",
            "Support vector machine",
            "A support vector machine (RBF kernel, C = 3) reads loss, confidence and entropies together.",
            "Decision value",
            "as in Jia et al., Model Sparsity Can Simplify Machine Unlearning, NeurIPS 2023 (arXiv 2304.04934)",
            "cu_core.metrics.attacks.learned:fit_svc",
            learned=True,
        ),
        Attack(
            "logistic",
            "Logistic regression",
            "A logistic regression reads loss, confidence and entropies together.",
            "Log-odds of membership",
            "as in Kurmanji et al., SCRUB, NeurIPS 2023 (arXiv 2302.09880)",
            "cu_core.metrics.attacks.learned:fit_logistic",
            learned=True,
        ),
    )
}

WAYS: dict[str, Way] = {
    w.id: w
    for w in (
        Way(
            "refitted",
            "Re-fitted",
            "Fitted on answers of the very model that is attacked: the attacker knows that unlearning happened.",
        ),
        Way(
            "transferred",
            "Transferred",
            "Fitted on the model before unlearning and applied to this one: the attacker knows nothing of it.",
        ),
        Way(
            "shadow",
            "Shadow model",
            "Fitted on the reference, which has seen the retain samples but neither forget nor unseen ones.",
        ),
    )
}

NUMBERS: dict[str, AttackNumber] = {
    n.id: n
    for n in (
        AttackNumber(
            "accuracy",
            "Accuracy",
            "Share of samples judged rightly; members and others are equally many: 50 % is chance.",
        ),
        AttackNumber("precision", "Precision", "Share of members among those judged members; 50 % is chance."),
        AttackNumber(
            "recall", "Recall", "Share of members that are judged members; says little without the precision."
        ),
        AttackNumber(
            "auc", "AUC", "Chance that a member scores above a non-member, whatever the threshold; 0.5 cannot tell."
        ),
        AttackNumber(
            "tpr_at_1_fpr",
            "TPR at 1 % FPR",
            "Members found while at most 1 % of the others are accused; 1 % is chance.",
        ),
    )
}


def attacks_for(kind: str) -> list[Attack]:
    """The attacks that can be made on a kind of model, ``"supervised"`` or ``"self-supervised"``."""
    return [attack for attack in ATTACKS.values() if kind in attack.objectives]


def score_array(attack: str, model: str, way: str) -> str:
    """Name of the array that holds the scores of an attack on a model."""
    return f"score_{attack}_{model}_{way}"


def ways_for(model: str, shadow: bool) -> list[str]:
    """The ways in which a model is attacked.

    Args:
        model: one of `MODELS`, or a further reference, whose name begins like the first one's; on ``before`` itself,
            *transferred* would be *refitted*, and a reference cannot be its own shadow.
        shadow: whether there is a reference.
    """
    ways = ["refitted"] if model == "before" else ["refitted", "transferred"]
    return [*ways, "shadow"] if shadow and not model.startswith(REFERENCE) else ways
