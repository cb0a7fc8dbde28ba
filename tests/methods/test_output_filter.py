"""The output filter changes the forgotten rows of the last layer, and with them the answers alone."""

from __future__ import annotations

import copy

import torch

from cu_core.catalogue.compatibility import why_not_method
from cu_core.methods.output_filter import METHOD, OutputFilterParams, unlearn
from tests.methods.small import context_of


def test_only_the_rows_of_forgotten_classes_change_and_they_never_win() -> None:
    context = context_of(batch_norm=True, task="class")
    start = copy.deepcopy(context.model)
    assert list(unlearn(context, OutputFilterParams())) == [{"filtered_classes": 1.0}]
    changed = {n: v != start.state_dict()[n] for n, v in context.model.state_dict().items()}
    assert [name for name, other in changed.items() if other.any()] == ["head.weight", "head.bias"]
    assert changed["head.weight"].any(1).tolist() == changed["head.bias"].tolist() == [True, False, False]

    images = 1000 * torch.randn(200, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    before, after = (model.eval().outputs(images) for model in (start, context.model))
    assert (before.logits.argmax(1) == 0).any(), "the model must have named the class before"
    assert not (after.logits.argmax(1) == 0).any()
    assert torch.equal(before.logits[:, 1:], after.logits[:, 1:])
    assert torch.equal(before.embedding, after.embedding) and torch.equal(before.features, after.features)
    assert after.logits.log_softmax(1).isfinite().all()
    assert context.forget.images_drawn == context.retain.images_drawn == 0


def test_single_samples_are_refused_in_words() -> None:
    assert why_not_method(METHOD, "class") is None
    assert "defined for class forgetting, not for sample forgetting" in why_not_method(METHOD, "sample")
