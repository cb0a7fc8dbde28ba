"""Membership attacks: the explicit list. Making them needs more; this list does not.

Plug-ins come through the entry-point group ``unlearnscope.attacks``.
"""

from __future__ import annotations

from cu_core.catalogue.attack_record import ATTACKS, Attack
from cu_core.catalogue.objective_record import WITH_CLASSES

ATTACKS.add(
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
