"""What people often believe of unlearning and should not: the questions of lessons and pictures answer these."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MISCONCEPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "lower-is-better": "Lower forget accuracy is better.",
        "random-to-zero": "Random samples should reach 0 %.",
        "half-is-proof": "An attack at 50 % is proof.",
        "below-half-is-safer": "An AUC below 0.5 is even safer.",
        "zero-means-gone": "Accuracy 0 means that the features are gone.",
        "row-is-all": "Deleting the row deletes it from the model.",
        "hiding-is-forgetting": "Suppression is unlearning.",
        "one-reference": "One retrained model is the truth.",
        "weights-near": "A small weight distance to the retrained model means unlearned.",
        "map-motion": "Points that moved on a map drifted.",
        "class-like-sample": "Class and sample forgetting are alike.",
        "others-untouched": "Retained people are not affected.",
        "always-cheaper": "Unlearning is always cheaper than retraining.",
        "deep-guarantees": "(ε, δ) guarantees hold for deep networks.",
    }
)
"""By id, as lessons name them in ``answers_misconception``."""
