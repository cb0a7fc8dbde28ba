"""Forget sets: what each form selects, and every reason to refuse one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cu_core.base.errors import BadInput
from cu_core.catalogue.selections import Selection, parse_selection
from cu_core.data.forget import ClassCount, counts_per_class, resolve
from cu_core.data.images import ImageData

LABELS = np.array([0, 1, 2, 1, 0, 2, 2, 1, 0, 1])


def data_of(labels, classes, truth=None) -> ImageData:
    labels = np.asarray(labels, dtype=np.int64)
    empty = np.zeros((len(labels), 1, 2, 2), np.uint8)
    truth = labels if truth is None else np.asarray(truth, dtype=np.int64)
    return ImageData(empty, labels, empty, labels, classes, (0.0,), (1.0,), truth, "")


@st.composite
def datasets(draw):
    classes = draw(st.integers(3, 6))
    labels = [*range(classes), *draw(st.lists(st.integers(0, classes - 1), min_size=10, max_size=60))]
    return data_of(draw(st.permutations(labels)), tuple(f"kind {c}" for c in range(classes)))


def check(chosen, data):
    assert chosen.indices.dtype == np.int64
    assert np.all(np.diff(chosen.indices) > 0)
    assert chosen.indices[0] >= 0 and chosen.indices[-1] < len(data.train_labels)


@given(datasets(), st.data())
def test_class_selects_exactly_the_samples_of_the_classes(data, draws):
    kept = 2
    labels = draws.draw(st.sets(st.integers(0, len(data.classes) - 1), min_size=1, max_size=len(data.classes) - kept))
    names = [draws.draw(st.sampled_from([str(c), data.classes[c]])) for c in labels]
    chosen = resolve("class:" + ", ".join(names), data, 0)
    check(chosen, data)
    assert (chosen.task, chosen.classes) == ("class", tuple(sorted(labels)))
    assert chosen.indices.tolist() == [i for i, label in enumerate(data.train_labels) if label in labels]


def test_a_class_whose_name_has_a_comma_is_one_class():
    data = data_of([*LABELS, 3], ("red,blue", "red", "blue", "green"))
    assert resolve("class:red,blue", data, 0).classes == resolve('class:"red,blue"', data, 0).classes == (0,)
    assert resolve('class:red,"red,blue"', data, 0).classes == (0, 1)
    assert resolve('class:"red",blue', data, 0).classes == (1, 2)


def test_folders_called_by_numbers_are_named_by_them():
    data = data_of(LABELS, ("1", "2", "3"))
    assert resolve("class:1", data, 0).classes == (0,)
    with pytest.raises(BadInput, match="no class '0' .its classes are called by numbers"):
        resolve("class:0,1", data, 0)


@given(datasets(), st.integers(0, 2**31 - 1), st.data())
def test_random_draws_so_many_and_depends_on_the_seed_alone(data, seed, draws):
    count = draws.draw(st.integers(1, len(data.train_labels) // 4))
    chosen = resolve(f"random:{count}", data, seed)
    check(chosen, data)
    assert len(chosen.indices) == count and (chosen.task, chosen.classes) == ("sample", ())
    np.testing.assert_array_equal(chosen.indices, resolve(f"random:{count}", data, seed).indices)


@given(datasets(), st.floats(0.001, 0.3))
def test_fraction_draws_the_rounded_share_but_at_least_one(data, share):
    chosen = resolve(f"fraction:{share}", data, 0)
    check(chosen, data)
    assert len(chosen.indices) == max(1, round(share * len(data.train_labels)))


def test_another_seed_draws_others():
    data = data_of(np.arange(300) % 3, ("a", "b", "c"))
    assert not np.array_equal(resolve("random:30", data, 0).indices, resolve("random:30", data, 1).indices)


def test_random_draws_are_uniform():
    data = data_of(np.arange(30) % 3, ("a", "b", "c"))
    counts = sum(np.bincount(resolve("random:10", data, seed).indices, minlength=30) for seed in range(600))
    # 600 draws of 10 in 30: 200 each with standard deviation 11.5.
    assert np.abs(counts - 200).max() < 5 * 11.5


def test_mislabelled_are_the_noisy_ones():
    truth = LABELS.copy()
    truth[[2, 5]] = 0
    chosen = resolve("mislabelled", data_of(LABELS, ("a", "b", "c"), truth), 0)
    assert chosen.indices.tolist() == [2, 5] and chosen.task == "sample"


def test_class_follows_the_label_that_is_trained_on():
    truth = LABELS.copy()
    truth[2] = 0
    chosen = resolve("class:2", data_of(LABELS, ("a", "b", "c"), truth), 0)
    assert 2 in chosen.indices


def test_indices_from_a_file_relative_to_a_base(tmp_path):
    (tmp_path / "mine.csv").write_text("7\n2\n7\n0\n")
    chosen = resolve("indices:mine.csv", data_of(LABELS, ("a", "b", "c")), 0, tmp_path)
    assert chosen.indices.tolist() == [0, 2, 7]
    assert (chosen.duplicates, chosen.task) == (1, "sample")
    absolute = resolve(f"indices:{tmp_path / 'mine.csv'}", data_of(LABELS, ("a", "b", "c")), 0)
    np.testing.assert_array_equal(absolute.indices, chosen.indices)


def test_counts_per_class():
    data = data_of(LABELS, ("a", "b", "c"))
    assert counts_per_class(resolve("class:b", data, 0), data) == [
        ClassCount(0, "a", 0, 3),
        ClassCount(1, "b", 4, 4),
        ClassCount(2, "c", 0, 3),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class:5", Selection("class", ("5",))),
        (" class: 5 , cat ", Selection("class", ("5 , cat",))),
        ("random:500", Selection("random", ("500",))),
        ("fraction:0.1", Selection("fraction", ("0.1",))),
        ("indices:C:\\a,b.csv", Selection("indices", ("C:\\a,b.csv",))),
        ("mislabelled", Selection("mislabelled")),
    ],
)
def test_parse(text, expected):
    parsed = parse_selection(text)
    assert parsed == expected
    assert parsed.task == ("class" if text.strip().startswith("class") else "sample")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a forget set"),
        ("5", "is not a forget set"),
        ("klass:5", "is not a forget set"),
        ("class", "needs a value"),
        ("class:", "needs a value"),
        ("random:", "needs a value"),
        ("random:0", "not a whole number"),
        ("random:-3", "not a whole number"),
        ("random:1.5", "not a whole number"),
        ("random:²", "not a whole number"),
        ("random:" + "9" * 5000, "not a whole number"),
        ("random:many", "not a whole number"),
        ("fraction:0", "not a share"),
        ("fraction:1", "not a share"),
        ("fraction:-0.1", "not a share"),
        ("fraction:nan", "not a share"),
        ("fraction:inf", "not a share"),
        ("fraction:10%", "not a share"),
        ("indices:", "needs a value"),
        ("mislabelled:3", "takes nothing"),
    ],
)
def test_form_errors_name_the_field_and_what_is_allowed(text, reason):
    with pytest.raises(BadInput, match=reason) as caught:
        parse_selection(text)
    assert caught.value.field == "forget.select" and caught.value.allowed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("class:7", "no class '7' .*0 to 2, a, b, c"),
        ("class:dog", "no class 'dog'"),
        ("class:1,,2", "has an empty name"),
        ("class:a,0", "class 'a' is named twice, as 'a' and as '0'"),
        ("class:-1", "no class '-1'"),
        ("class:a,b,c", "all classes would be forgotten"),
        ("class:0,1,2", "all classes would be forgotten"),
        ("class:a,b", "only class 'c' would be left to retain; with a single class"),
        ("random:10", "leaves nothing to retain"),
        ("random:999999999999999999", "leaves nothing to retain"),
        ("fraction:0.99", "leaves nothing to retain"),
        ("mislabelled", "no label of this dataset is known to be wrong"),
        ("indices:gone.csv", r"gone\.csv cannot be read \(No such file"),
        ("indices:.", "cannot be read"),
        ("indices:a\0b.csv", "cannot be read"),
        ("indices:~nobody-of-this-name/a.csv", "cannot be read"),
        ("class:" + "9" * 5000, "no class"),
    ],
)
def test_refusals(tmp_path, text, reason):
    with pytest.raises(BadInput, match=reason) as caught:
        resolve(text, data_of(LABELS, ("a", "b", "c")), 0, tmp_path)
    assert caught.value.field == "forget.select"


def test_a_file_may_not_select_everything(tmp_path):
    (tmp_path / "all.csv").write_text("\n".join(map(str, range(10))))
    with pytest.raises(BadInput, match="all 10 training samples are selected; nothing would be left"):
        resolve("indices:all.csv", data_of(LABELS, ("a", "b", "c")), 0, tmp_path)


def test_samples_that_leave_a_single_class_are_refused(tmp_path):
    (tmp_path / "most.csv").write_text("\n".join(str(i) for i in np.flatnonzero(LABELS != 1)))
    with pytest.raises(BadInput, match="only class 'b' would be left"):
        resolve("indices:most.csv", data_of(LABELS, ("a", "b", "c")), 0, tmp_path)


def test_a_class_without_training_samples_is_nothing_to_forget():
    with pytest.raises(BadInput, match="there is nothing to forget"):
        resolve("class:d", data_of(LABELS, ("a", "b", "c", "d")), 0)


@given(st.text(max_size=30))
def test_any_text_is_understood_or_refused_in_words(text):
    try:
        resolve(text, data_of(LABELS, ("a", "b", "c")), 0)
    except BadInput as error:
        assert error.reason


@given(st.sampled_from(["class", "random", "fraction", "indices"]), st.text(max_size=20))
def test_any_value_is_understood_or_refused_in_words(kind, value):
    try:
        resolve(f"{kind}:{value}", data_of(LABELS, ("a", "b", "c")), 0)
    except BadInput as error:
        assert error.field == "forget.select"


def pictures(count: int = 40) -> ImageData:
    rng = np.random.default_rng(3)
    labels = np.arange(count) % 3
    shapes = rng.integers(0, 256, (3, 1, 8, 8))
    images = np.clip(shapes[labels] + rng.normal(0, 20, (count, 1, 8, 8)), 0, 255).astype(np.uint8)
    labels[[4, 11]] = (labels[[4, 11]] + 1) % 3
    return ImageData(images, labels, images, labels, ("a", "b", "c"), (0.0,), (1.0,), labels, "pictures")


def test_memorised_takes_the_labels_that_others_contradict(tmp_path):
    data = pictures()
    chosen = resolve("memorised:2", data, 0, scores=tmp_path)
    check(chosen, data)
    assert chosen.indices.tolist() == [4, 11] and chosen.task == "sample"
    # The same without what was kept, and for any seed.
    np.testing.assert_array_equal(resolve("memorised:2", data, 9).indices, chosen.indices)
    assert resolve("memorised:1", data, 0, scores=tmp_path).indices[0] in (4, 11)


def test_duplicates_are_the_sample_and_so_many_others():
    data = pictures()
    chosen = resolve("duplicates: 5 : 3", data, 0)
    check(chosen, data)
    assert len(chosen.indices) == 4 and 5 in chosen.indices
    assert len(resolve("duplicates:5", data, 0).indices) == 11
    assert parse_selection("duplicates:5") == parse_selection("duplicates:5:10") == Selection("duplicates", ("5", "10"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("memorised", "needs a value"),
        ("memorised:0", "whole number"),
        ("memorised:40", "leaves nothing to retain"),
        ("duplicates:x", "does not name a sample"),
        ("duplicates:3:", "does not say how many"),
        ("duplicates:3:0", "does not say how many"),
        ("duplicates:40", r"no training sample 40 \(allowed: 0 to 39\)"),
        ("duplicates:3:39", "leaves nothing to retain"),
    ],
)
def test_wrong_numbers_of_memorised_and_duplicates_are_refused(text, says):
    with pytest.raises(BadInput, match=says):
        resolve(text, pictures(), 0)
