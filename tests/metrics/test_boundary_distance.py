"""Distances to decision boundaries: against points that are moved onto them, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from cu_core.metrics.boundary import class_pair_plane, head_input, logit_gap, nearest_centroid_head, signed_distances

CLASSES, DIMENSIONS = 4, 6


@pytest.fixture
def layer() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, DIMENSIONS))
    weight, bias = rng.normal(size=(CLASSES, DIMENSIONS)), rng.normal(size=CLASSES)
    return points, weight, bias, rng.integers(0, CLASSES, 50)


def strongest_other(logits: np.ndarray, label: int) -> int:
    return max((c for c in range(len(logits)) if c != label), key=lambda c: logits[c])


def test_a_point_moved_by_its_distance_lies_on_the_boundary(layer) -> None:
    points, weight, bias, labels = layer
    logits = points @ weight.T + bias
    found = signed_distances(logits, weight, labels)
    assert (found > 0).any() and (found < 0).any()
    for point, answers, label, distance in zip(points, logits, labels, found, strict=True):
        other = strongest_other(answers, label)
        normal = weight[label] - weight[other]
        moved = weight @ (point - float(distance) * normal / np.linalg.norm(normal)) + bias
        assert moved[label] == pytest.approx(moved[other], abs=1e-5)
        # No shorter way: an optimiser that knows nothing of the formula comes to the same length.
        shortest = minimize(
            lambda step: step @ step,
            np.zeros(DIMENSIONS),
            constraints={
                "type": "eq",
                "fun": lambda step, p=point, a=label, b=other: (weight[a] - weight[b]) @ (p + step) + bias[a] - bias[b],
            },
        )
        assert abs(distance) == pytest.approx(np.sqrt(shortest.fun), abs=1e-4)


def test_the_sign_says_whether_the_prediction_is_the_label(layer) -> None:
    points, weight, bias, labels = layer
    logits = points @ weight.T + bias
    assert ((signed_distances(logits, weight, labels) > 0) == (logits.argmax(1) == labels)).all()
    assert ((logit_gap(logits, labels) > 0) == (logits.argmax(1) == labels)).all()


def test_distance_grows_by_one_per_unit_along_the_normal(layer) -> None:
    points, weight, bias, labels = layer
    step = 1e-3
    logits = points @ weight.T + bias
    before = signed_distances(logits, weight, labels).astype(float)
    for row, label in enumerate(labels):
        other = strongest_other(logits[row], label)
        normal = (weight[label] - weight[other]) / np.linalg.norm(weight[label] - weight[other])
        moved = (points[row] + step * normal) @ weight.T + bias
        if strongest_other(moved, label) == other:
            after = signed_distances(moved[None], weight, labels[[row]])[0]
            assert (after - before[row]) / step == pytest.approx(1, abs=5e-3)


def test_two_classes_are_scikit_learns_decision_function() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(40, 3)), rng.normal(size=(40, 3)) + 2])
    labels = np.repeat([0, 1], 40)
    machine = LinearSVC(random_state=0).fit(points, labels)
    weight = np.concatenate([-machine.coef_, machine.coef_])
    bias = np.concatenate([-machine.intercept_, machine.intercept_])
    margin = machine.decision_function(points) / np.linalg.norm(machine.coef_)
    found = signed_distances(points @ weight.T + bias, weight, labels)
    np.testing.assert_allclose(found, np.where(labels == 1, margin, -margin), rtol=1e-5, atol=1e-6)


def test_logit_gap_by_hand() -> None:
    logits = np.array([[3.0, 1.0, 2.5], [0.0, 4.0, -1.0]], np.float16)
    np.testing.assert_array_equal(logit_gap(logits, np.array([0, 2])), [0.5, -5.0])


def test_what_has_no_boundary_is_not_a_number() -> None:
    same = np.ones((3, 2))
    assert np.isnan(signed_distances(np.array([[1.0, 0.0, 0.0]]), same, np.array([0]))).all()
    assert np.isnan(signed_distances(np.ones((2, 1)), np.ones((1, 2)), np.zeros(2, int))).all()
    assert np.isnan(logit_gap(np.ones((2, 1)), np.zeros(2, int))).all()
    # The label's class has no centroid, and the only other class that has one is no boundary of it.
    logits, weight = np.array([[-np.inf, 0.0], [0.0, -np.inf]]), np.array([[0.0, 0.0], [1.0, 0.0]])
    assert np.isnan(signed_distances(logits, weight, np.array([0, 0]))).all()
    assert signed_distances(np.empty((0, 3)), same, np.empty(0, int)).shape == (0,)


@pytest.fixture
def cloud() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    labels = np.arange(90) % 3
    points = rng.normal(size=(90, 5)) + 2 * rng.normal(size=(3, 5))[labels]
    return points / np.linalg.norm(points, axis=1, keepdims=True), labels, np.arange(90) < 60


def test_nearest_centroid_head_predicts_like_scikit_learn(cloud) -> None:
    points, labels, retain = cloud
    weight, bias = nearest_centroid_head(points * 7, labels, retain, ~retain, 3)
    probe = NearestCentroid().fit(points[retain], labels[retain])
    assert ((points @ weight.T + bias).argmax(1) == probe.predict(points)).all()
    assert weight == pytest.approx(probe.centroids_, abs=1e-6)


def test_distance_to_the_bisecting_plane_of_two_centroids(cloud) -> None:
    points, labels, retain = cloud
    weight, bias = nearest_centroid_head(points, labels, retain, ~retain, 3)
    found = signed_distances(points @ weight.T.astype(float) + bias, weight, labels)
    for point, label, distance in zip(points, labels, found, strict=True):
        own = weight[label]
        other = min((weight[c] for c in range(3) if c != label), key=lambda m: np.linalg.norm(point - m))
        # From the middle of the way between both centroids, along that way.
        expected = (point - (own + other) / 2) @ (own - other) / np.linalg.norm(own - other)
        assert distance == pytest.approx(expected, abs=1e-5)


def test_a_class_without_retain_samples_is_where_its_forget_samples_are(cloud) -> None:
    points, labels, retain = cloud
    retain = retain & (labels != 1)
    forget = (labels == 1) & (np.arange(90) < 45)
    weight, bias = nearest_centroid_head(points, labels, retain, forget, 4)
    assert weight[1] == pytest.approx(points[forget].mean(0), abs=1e-6)
    assert weight[0] == pytest.approx(points[retain & (labels == 0)].mean(0), abs=1e-6)
    # Nobody is of class 3: nobody is ever given to it.
    assert bias[3] == -np.inf and not weight[3].any()


def test_class_pair_plane_against_distances_and_scikit_learns_axes(layer) -> None:
    points, weight, bias, _ = layer
    head = np.column_stack([weight, bias])
    plane = class_pair_plane(points, head, 2, 0)
    normal = (weight[2] - weight[0]) / np.linalg.norm(weight[2] - weight[0])
    gap = points @ weight.T + bias
    np.testing.assert_allclose(plane.across, (gap[:, 2] - gap[:, 0]) / np.linalg.norm(weight[2] - weight[0]), rtol=1e-4)
    rest = points - (points @ normal)[:, None] * normal
    axes = PCA().fit(rest)
    assert abs(plane.direction @ axes.components_[0]) == pytest.approx(1, abs=1e-6)
    assert plane.explained == pytest.approx(axes.explained_variance_ratio_[0])
    assert plane.direction @ normal == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(plane.along, points @ plane.direction, atol=1e-5)
    # The other way round the sides are swapped, and the picture is the same.
    back = class_pair_plane(points, head, 0, 2)
    np.testing.assert_allclose(back.across, -plane.across, atol=1e-6)
    np.testing.assert_allclose(back.along, plane.along, atol=1e-5)


def test_another_rounds_direction_is_kept_as_far_as_it_lies_in_the_boundary(layer) -> None:
    points, weight, bias, _ = layer
    asked = np.eye(DIMENSIONS)[3]
    plane = class_pair_plane(points, np.column_stack([weight, bias]), 1, 3, asked)
    normal = (weight[1] - weight[3]) / np.linalg.norm(weight[1] - weight[3])
    expected = asked - (asked @ normal) * normal
    np.testing.assert_allclose(plane.direction, expected / np.linalg.norm(expected), atol=1e-6)
    best = class_pair_plane(points, np.column_stack([weight, bias]), 1, 3).explained
    assert 0 < plane.explained < best


def test_class_pair_plane_refuses_classes_without_a_boundary() -> None:
    head = np.array([[1.0, 0.0, 0.5], [1.0, 0.0, 0.5], [0.0, 0.0, -np.inf]])
    for first, second in ((0, 1), (0, 0), (0, 2)):
        with pytest.raises(ValueError, match="no boundary"):
            class_pair_plane(np.ones((3, 2)), head, first, second)
    # All points are the same one: nothing varies along the boundary.
    assert class_pair_plane(np.ones((3, 2)), np.array([[1.0, 0, 0], [0, 0, 0]]), 0, 1).explained is None


def test_head_input() -> None:
    values = np.array([[-1.0, 2.0]], np.float16)
    assert head_input(values, "relu").tolist() == [[0, 2]] and head_input(values, "embedding").tolist() == [[-1, 2]]
    assert head_input(values, "relu").dtype == np.float32
    with pytest.raises(ValueError, match="tanh"):
        head_input(values, "tanh")
