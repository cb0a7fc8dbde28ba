"""What the benchmarks of work share: ratios, sides in processes of their own, shares of time, exponents."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from benchmarks.attack_memory import bound_mb
from benchmarks.gpu_share import IDLE, OTHER, report, time_shares
from benchmarks.growth import COLOURS, PARTS, exponent, exponents, panes_of
from benchmarks.growth_picture import Style, picture
from benchmarks.measuring import Ratio, Side, quartiles, table, write_out
from benchmarks.train_step import difference_words


def test_ratio_is_the_median_of_neighbours_in_time() -> None:
    # The machine was three times slower in the last turn, for both sides.
    ratio = Ratio.of([1.0, 1.0, 3.0], [2.0, 2.2, 6.0])
    assert (ratio.median, ratio.turns, ratio.mine, ratio.other) == (2.0, 3, 1.0, 2.2)
    assert (ratio.low, ratio.high) == pytest.approx((2.0, 2.1))
    assert ratio.words() == "2.00 (2.00-2.10)"
    assert quartiles([4.0]) == (4.0, 4.0, 4.0)
    for mine, other in (([], []), ([1.0], [1.0, 2.0])):
        with pytest.raises(ValueError, match="turns"):
            Ratio.of(mine, other)


def test_a_side_answers_piece_by_piece_and_tells_how_it_failed() -> None:
    with Side(iter, [3, 4]) as side:
        assert [side.next(), side.next()] == [3, 4]
        with pytest.raises(RuntimeError, match="StopIteration"):
            side.next()


def test_time_shares_know_kernels_by_their_names() -> None:
    kernels = [("sm90_xmma_fprop_implicit_gemm", 0.5), ("bn_fw_tr_1C11", 0.1), ("Memcpy HtoD", 0.1), ("mystery", 0.05)]
    shares = time_shares(kernels, 1.0)
    assert next(iter(shares)) == "convolutions and matrix products"
    assert shares["batch normalisation"] == pytest.approx(0.1) and shares["copies"] == pytest.approx(0.1)
    assert shares[OTHER] == pytest.approx(0.05) and shares[IDLE] == pytest.approx(0.25)
    assert sum(shares.values()) == pytest.approx(1)
    assert time_shares([("gemm", 2.0)], 1.0)[IDLE] == 0


def test_without_a_gpu_the_share_of_its_peak_is_skipped_in_words() -> None:
    found = report(None, None, None, "auto", torch.device("cpu"))
    assert found.numbers is None and "Skipped" in found.words and "CUDA" in found.words


def test_exponents_tell_linear_from_square() -> None:
    assert exponent([10, 100, 1000], [1, 10, 100]) == pytest.approx(1)
    assert exponent([10, 100], [1, 100]) == pytest.approx(2)
    assert math.isnan(exponent([10, 100], [0, 1])) and math.isnan(exponent([10], [1]))
    sizes = [10, 100, 1000]
    # Ten seconds that are always there hide the square at first.
    points = [dict.fromkeys(PARTS, 10 + (n / 100) ** 2) for n in sizes]
    slopes = exponents(sizes, points)[PARTS[0]]
    assert slopes["last"] == pytest.approx(1, abs=0.05) and slopes["all"] < slopes["last"]
    panes = panes_of({name: {"sizes": sizes, "points": points} for name in ("samples", "rounds")})
    figure = picture(panes, {part: Style(colour) for part, colour in zip(PARTS, COLOURS, strict=True)})
    assert [trace.name for trace in figure.data if trace.showlegend] == ["linear", *PARTS]


def test_a_difference_is_judged_by_the_noise_between_seeds() -> None:
    assert "within" in difference_words([0.70, 0.74], [0.71, 0.75])
    assert "-20.0 points, beyond" in difference_words([0.50, 0.51], [0.70, 0.71])
    assert "one seed" in difference_words([0.5], [0.5])


def test_bound_is_linear_in_the_input() -> None:
    small, middle, large = (bound_mb("attacks", size) for size in (0, 100, 200))
    assert large - middle == middle - small > 0


def test_output_is_markdown_and_json(tmp_path: Path) -> None:
    assert table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | --- |\n| 1 | x |"
    write_out(tmp_path / "out.json", {"a": [1]})
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": [1]}
    write_out(None, {})
