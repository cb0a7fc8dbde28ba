"""Linear pictures: one basis for all rounds, honest fidelity, alignment with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from cu_core.projections.common_motion import align
from cu_core.projections.fidelity import fidelity
from cu_core.projections.linear_axes import fit_basis, fit_discriminant


@pytest.fixture
def cloud():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 10)) * np.linspace(3, 0.1, 10)


def test_basis_is_the_principal_plane(cloud):
    basis = fit_basis(cloud)
    want = PCA(2, svd_solver="full").fit_transform(cloud)
    assert np.abs(basis.place(cloud)) == pytest.approx(np.abs(want), abs=1e-4)
    assert basis.explained.sum() == pytest.approx(PCA(2).fit(cloud).explained_variance_ratio_.sum(), abs=1e-6)


def test_a_sample_that_did_not_move_keeps_its_exact_place(cloud):
    basis = fit_basis(cloud)
    later = cloud.copy()
    later[:60] += 1
    first, second = basis.place(cloud), basis.place(later)
    assert (first[60:] == second[60:]).all()
    assert (first[:60] != second[:60]).any()
    assert (basis.place(cloud[7:8]) == first[7:8]).all()


def test_permuting_samples_permutes_coordinates(cloud):
    order = np.random.default_rng(1).permutation(len(cloud))
    basis = fit_basis(cloud)
    assert (basis.place(cloud[order]) == basis.place(cloud)[order]).all()


def test_fidelity_matches_sklearn_and_knows_a_perfect_and_a_random_picture(cloud):
    flat = np.random.default_rng(2).normal(size=(120, 2))
    perfect = fidelity(np.c_[flat, np.zeros((120, 3))], flat)
    assert perfect["trustworthiness"] == pytest.approx(1, abs=1e-6)
    assert perfect["continuity"] == pytest.approx(1, abs=1e-6)
    order = np.random.default_rng(0).permutation(120)
    got = fidelity(cloud, flat)
    assert got["trustworthiness"] == pytest.approx(
        trustworthiness(cloud[order].astype(np.float32), flat[order], n_neighbors=15)
    )
    assert got["trustworthiness"] < 0.7


def test_too_few_samples_have_no_fidelity():
    assert fidelity(np.eye(5), np.zeros((5, 2)))["trustworthiness"] is None


def test_alignment_undoes_a_rotation_and_reports_what_it_cannot(cloud):
    rotation = ortho_group.rvs(10, random_state=0)
    rotated = cloud @ rotation + 5
    anchor = np.arange(0, 120, 2)
    aligned, residual = align(rotated, cloud, anchor)
    assert aligned == pytest.approx(cloud, abs=1e-8)
    assert residual == pytest.approx(0, abs=1e-8)
    _, unrelated = align(np.random.default_rng(3).normal(size=cloud.shape), cloud, anchor)
    assert unrelated > 0.5


def test_one_dimensional_embeddings_get_a_flat_second_axis():
    basis = fit_basis(np.arange(5.0)[:, None])
    assert basis.place(np.arange(5.0)[:, None])[:, 1].tolist() == [0] * 5


def test_continuity_has_the_roles_swapped_and_large_probes_are_thinned():
    rng = np.random.default_rng(5)
    full = rng.normal(size=(1100, 6)).astype(np.float32)
    flat = full[:, :2] + 0.3 * rng.normal(size=(1100, 2)).astype(np.float32)
    for seed in (0, 3):
        rows = np.random.default_rng(seed).permutation(1100)[:1000]
        got = fidelity(full, flat, seed=seed)
        assert got["samples"] == 1000
        assert got["trustworthiness"] == pytest.approx(trustworthiness(full[rows], flat[rows], n_neighbors=15))
        assert got["continuity"] == pytest.approx(trustworthiness(flat[rows], full[rows], n_neighbors=15))
        assert abs(got["continuity"] - got["trustworthiness"]) > 0.01


def test_fidelity_starts_where_neighbourhoods_can_be_compared():
    rows = np.random.default_rng(6).normal(size=(32, 4))
    assert fidelity(rows[:31], rows[:31, :2]) == {"trustworthiness": None, "continuity": None, "samples": 31}
    assert fidelity(rows, rows[:, :2])["trustworthiness"] > 0


def test_only_the_anchors_decide_the_rotation(cloud):
    rotated = cloud @ ortho_group.rvs(10, random_state=1)
    anchor = np.arange(0, 120, 2)
    rotated[1::2] += np.random.default_rng(7).normal(5, 3, (60, 10))
    aligned, residual = align(rotated, cloud, anchor)
    assert aligned[anchor] == pytest.approx(cloud[anchor], abs=1e-8)
    assert residual == pytest.approx(0, abs=1e-8)
    assert np.abs(aligned - cloud).max() > 1


def test_residual_is_the_unexplained_share_of_the_spread(cloud):
    other = 3 * np.random.default_rng(8).normal(size=cloud.shape)
    a, b = (rows - rows.mean(0) for rows in (other, cloud))
    explained = np.linalg.svd(a.T @ b, compute_uv=False).sum()
    want = np.sqrt(((a**2).sum() + (b**2).sum() - 2 * explained) / (b**2).sum())
    assert align(other, cloud, np.arange(120))[1] == pytest.approx(want)


def test_a_cloud_without_any_spread_explains_nothing():
    with np.errstate(invalid="ignore"):
        basis = fit_basis(np.ones((5, 4)))
    assert basis.explained.tolist() == [0, 0]
    assert (basis.place(np.ones((5, 4))) == 0).all()


def test_discriminant_axes_hold_their_share_of_the_variance_between_classes():
    rng = np.random.default_rng(11)
    label = np.repeat([0, 1, 2], 200)
    # Class means on a plane, four times as far apart along the fourth dimension as along the second.
    means = np.zeros((3, 6))
    means[:, 3], means[:, 1] = [-8, 0, 8], [2, -4, 2]
    rows = means[label] + rng.normal(size=(600, 6))
    basis = fit_discriminant(rows, label)
    between = np.square(means - means.mean(0)).sum(0)
    assert basis.explained.sum() == pytest.approx(1, abs=0.01)
    assert basis.explained[0] == pytest.approx(between[3] / between.sum(), abs=0.05)
    alone = fit_discriminant(rows[:400], label[:400], n_components=3)
    assert (alone.axes[1:] == 0).all() and alone.explained[1:].tolist() == [0, 0]
