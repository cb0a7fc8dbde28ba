"""Made-up scenes: forget samples walk from their class to another one, the others stay exactly where they are."""

from __future__ import annotations

import numpy as np

from cu_core.figures.scene import Scene, SceneAxis, SceneSamples, SceneState

CLASSES = ("cat", "dog", "ship", "truck")


def moments_of(rounds: int, beside: int = 0) -> tuple[SceneState, ...]:
    """Rounds, a reference, and rounds of a second run."""
    return (
        *(SceneState(f"Round {k}" if k else "Before (round 0)", k) for k in range(rounds)),
        SceneState("Reference (retrained)", None, "reference"),
        *(SceneState(f"Other, round {k}", k, "other") for k in range(beside)),
    )


def made_up_scenes(count: int, rounds: int, beside: int = 0) -> tuple[dict[str, Scene], SceneSamples]:
    """The views "boundary", "map" and "space" (three axes) of the same samples, and who they are.

    The first fifth of the samples is forgotten, the last one unseen. Row k of the probe is sample k - 10.
    A second run goes half as far.
    """
    rng = np.random.default_rng(0)
    states = moments_of(rounds, beside)
    group = np.repeat([0, 1, 2], [count // 5, count - 2 * (count // 5), count // 5])
    label = np.where(group == 0, 0, rng.integers(0, 4, count))
    angles = label * np.pi / 2
    start = 3 * np.column_stack([np.cos(angles), np.sin(angles), np.sin(2 * angles + 1)])
    start = start + 0.6 * rng.normal(size=(count, 3))
    goal = start + np.array([-4.0, 3.0, 1.0])
    shares = [*np.linspace(0, 1, rounds), 1.0, *np.linspace(0, 0.5, beside)]
    clouds = [
        np.where((group == 0)[:, None], start + share * (goal - start), start).astype(np.float32) for share in shares
    ]
    margin = np.abs(rng.normal(5, 1.5, count))
    exact = []
    for share in shares:
        far = np.where(group == 0, margin - 12 * share, margin)
        cosine = np.where(group == 0, 1 - 0.8 * share * rng.beta(5, 2, count), 1.0)
        exact.append(np.column_stack([far, cosine]).astype(np.float32))
    stray = [(group == 0) & (share > 0.6) & (np.arange(count) % 7 == 0) for share in shares]
    ends = [(float(min(c[:, k].min() for c in clouds)), float(max(c[:, k].max() for c in clouds))) for k in range(3)]
    maps = tuple(SceneAxis(f"Map axis {k + 1} (no unit)", f"Map {k + 1}", *ends[k]) for k in range(3))
    lines = (
        SceneAxis("Signed distance to the decision boundary", "Distance", -10.0, 12.0, 0.0, "decision boundary"),
        SceneAxis("Cosine to the own embedding of round 0", "Cosine", -0.1, 1.0),
    )
    scenes = {
        "boundary": Scene("boundary", lines, states, exact),
        "map": Scene("map", maps[:2], states, [cloud[:, :2] for cloud in clouds], equal=True, stray=stray),
        "space": Scene("space", maps, states, clouds, equal=True, stray=stray),
    }
    predictions = [np.where((group == 0) & (share > 0.4), 1, label) for share in shares]
    top3 = np.tile([0.9, 0.07, 0.03], (count, 1))
    samples = SceneSamples(
        row=np.arange(count) + 10,
        sample=np.arange(count) * 3,
        test=group == 2,
        group=group,
        label=label,
        truth=label,
        classes=CLASSES,
        states=states,
        prediction=predictions,
        top3_class=[np.column_stack([p, (p + 1) % 4, (p + 2) % 4]) for p in predictions],
        top3=[top3 for _ in shares],
        loss=[np.where(group == 0, 0.1 + 4 * share, 0.1) for share in shares],
        cosine=[view[:, 1] for view in exact],
        boundary=[view[:, 0] for view in exact],
    )
    return scenes, samples
