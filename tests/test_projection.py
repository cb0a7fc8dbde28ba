"""The picture: one basis for all rounds, honest fidelity, alignment with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from cu_core.projection import align, fidelity, fit_basis


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
