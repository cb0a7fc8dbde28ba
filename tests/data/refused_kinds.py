"""What is refused, with the words that say what to do instead."""

from __future__ import annotations

import tarfile

import numpy as np

from tests.data.input_kinds import (
    CODED,
    USUAL,
    InputKind,
    cut,
    folders,
    hugging,
    inside,
    linked,
    loose,
    npy,
    npz,
    numbers,
    picture,
    rows_of,
    stack,
    table,
    tarred,
    tree,
    zipped,
)

REFUSED_KINDS = [
    InputKind("test/ without train/", tree(folders("test", 2)), None, ("no train/ folder", "none to train on")),
    InputKind(
        "images without labels",
        tree({f"{n}.png": picture("red", n) for n in range(3)}),
        None,
        ("without labels", "a CSV or Parquet of file and label"),
    ),
    InputKind(
        "a single folder of images",
        tree({f"cats/{n}.png": picture("red", n) for n in range(3)}),
        None,
        ("cats/ would be a single class, and at least two are needed",),
    ),
    InputKind(
        "two entries of one name in a tar",
        tarred(*USUAL, {"./train/red/1.png": picture("blue")}),
        None,
        ("the tar holds two entries of the name 'train/red/1.png'",),
    ),
    InputKind(
        "two entries of one name in a zip",
        zipped(*USUAL, {"train\\red\\1.png": picture("blue")}),
        None,
        ("the zip holds two entries of the name 'train/red/1.png'",),
    ),
    InputKind(
        "a file and a link of one name in a zip",
        zipped(*USUAL, links={"train/red/1.png": "0.png"}),
        None,
        ("the zip holds two entries of the name 'train/red/1.png'",),
    ),
    InputKind(
        "images and a table with a line that is too long",
        tree(loose("x", 2), {"labels.csv": b"file,label\n" + b"x" * 140_000 + b",red\n"}),
        None,
        ("labels.csv line 2: field larger than field limit",),
    ),
    InputKind("an empty folder", tree(), None, ("found: nothing",)),
    InputKind("a single class", tree(folders("train", 3, ("red",))), None, ("a single class, 'red'",)),
    InputKind(
        "a class folder without images",
        tree(*USUAL, empty=("train/white",)),
        None,
        ("class 'white' in train/ has no images",),
    ),
    InputKind(
        "a class that is unseen only",
        tree(*USUAL, {"test/white/1.png": picture("red")}),
        None,
        ("different classes (only in test/: white)",),
    ),
    InputKind(
        "an image beside the class folders",
        tree(*USUAL, {"train/1.png": picture("red")}),
        None,
        ("train/1.png lies outside of a class folder",),
    ),
    InputKind(
        "Train/ and train/", tree(*USUAL, folders("Train", 1)), None, ("Train and train are two names of one part",)
    ),
    InputKind(
        "two folders of one name after accents",
        tree(folders("train", 1, {"cafe\u0301": "red", "caf\u00e9": "red", "the": "green"})),
        None,
        ("train/ has two folders named",),
    ),
    InputKind(
        "two classes of one title",
        tree(*CODED, {"classes.txt": b"n01 crane\nn02 crane\nn03 blue\n"}),
        None,
        ("gives 'n01' and 'n02' the same title 'crane'",),
    ),
    InputKind(
        "a file of titles that is not there",
        tree(*USUAL),
        None,
        ("there is no file 'mine.txt'",),
        settings={"titles": "mine.txt"},
    ),
    InputKind(
        "a link that leads out",
        linked(*USUAL, links={"train/red/9.png": "../../../outside/0.png"}),
        None,
        ("train/red/9.png is a link that leads out",),
    ),
    InputKind(
        "a link that leads out of a tar",
        tarred(*USUAL, links={"train/red/9.png": (tarfile.SYMTYPE, "/etc/passwd")}),
        None,
        ("leads out of it",),
    ),
    InputKind(
        "a path that leads out of a tar",
        tarred(*USUAL, {"../evil.png": picture("red")}),
        None,
        ("which leads out of it",),
    ),
    InputKind("a tar.gz that is cut off", lambda f: cut(tarred(*USUAL)(f)), None, ("damaged",)),
    InputKind(
        "a CSV that names lost files",
        tree(loose("a", 2), {"labels.csv": table([("file", "label"), *rows_of("a", 3)])}),
        None,
        ("3 of 9 rows name files that are not there",),
    ),
    InputKind(
        "a CSV with two labels of one file",
        tree(loose("a", 2), {"labels.csv": table([("file", "label"), *rows_of("a", 2), ("a_red_0.png", "blue")])}),
        None,
        ("says 'blue' of a_red_0.png, which was 'red' before",),
    ),
    InputKind(
        "a CSV without a column of labels",
        inside(tree(loose("a", 2), {"labels.csv": table([("file", "age"), ("a_red_0.png", "3")])}), "labels.csv"),
        None,
        ("has no columns of files and of labels",),
    ),
    InputKind(
        "two CSV that could be meant",
        tree(loose("a", 2), {f"{n}.csv": table([("file", "label"), *rows_of("a", 2)]) for n in "ab"}),
        None,
        ("several tables name files and labels: a.csv, b.csv",),
    ),
    InputKind(
        "npz that names two classes alike",
        npz(x_train=stack(2), y_train=numbers(2), class_names=np.array(["crane", "crane", "dog"])),
        None,
        ("several classes", "crane"),
    ),
    InputKind(
        "npz of test images without labels",
        npz(x_train=stack(2), y_train=numbers(2), x_test=stack(1), test_answers=numbers(1)),
        None,
        ("x_test", "has no labels"),
    ),
    InputKind("npz of other lengths", npz(images=stack(2), labels=numbers(1)), None, ("6 images", "3 labels")),
    InputKind(
        "npz of flat rows", npz(images=np.zeros((6, 192)), labels=numbers(2)), None, ("no arrays of images and labels",)
    ),
    InputKind(
        "npz of Python objects",
        npz(images=stack(2), labels=np.array([{}] * 6, dtype=object)),
        None,
        ("Python objects",),
    ),
    InputKind(
        "npz with NaN",
        npz(images=np.where(stack(2) > 100, np.nan, stack(2)), labels=numbers(2)),
        None,
        ("no finite numbers",),
    ),
    InputKind(
        "npy without labels", inside(tree({"mine.npy": npy(stack(2))}), "mine.npy"), None, ("has no labels beside it",)
    ),
    InputKind(
        "a Parquet file that is cut off",
        inside(tree({"mine.parquet": hugging(2)[:-20]}), "mine.parquet"),
        None,
        ("cannot be read as Parquet",),
    ),
    InputKind(
        "a pickle",
        inside(tree({"mine.pkl": b"\x80\x04x"}), "mine.pkl"),
        None,
        ("a pickle, which is a program", "numpy.savez"),
    ),
    InputKind("7z", inside(tree({"mine.7z": b"7z\xbc\xaf\x27\x1cxx"}), "mine.7z"), None, ("a 7z archive; unpack it",)),
    InputKind("a single picture", inside(tree({"1.png": picture("red")}), "1.png"), None, ("a single image",)),
    InputKind(
        "what save_to_disk of Hugging Face wrote",
        tree({"dataset_dict.json": b"{}", "train/data-00000-of-00001.arrow": b"x"}),
        None,
        ("to_parquet",),
    ),
    InputKind("images/ and masks/", tree(folders("images", 1), folders("masks", 1)), None, ("no other layout fits",)),
]
