"""What a joint t-SNE of outputs shows and what it does not, in plain words."""

from __future__ import annotations


def tsne_words(still_step: float, self_neighbours: float) -> str:
    """What a joint t-SNE over several moments does not show.

    Args:
        still_step: how far the quarter of the samples that moved least is drawn apart between the first and the last
            round, as a share of the picture's radius.
        self_neighbours: share of the nearest neighbours in the fit that are the same sample at another moment.
    """
    return (
        "t-SNE keeps neighbours. Distances between islands, their sizes and the density inside them mean nothing, and "
        "a path between two rounds is not the way that a sample took. Outputs that stay exactly equal are drawn at "
        "one place; those that stay nearly equal are not: the quarter of the samples whose outputs moved least is "
        f"drawn {still_step:.1%} of the picture's radius apart (median) between the first and the last round. Smaller "
        f"steps than that are no movement. Of the nearest neighbours in the fit, {self_neighbours:.1%} are the same "
        "sample at another moment; were it most of them, the picture would show identities instead of neighbourhoods."
    )
