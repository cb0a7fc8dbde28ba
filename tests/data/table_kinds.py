"""Tables of file and label, arrays, and Parquet with pictures."""

from __future__ import annotations

import numpy as np

from tests.data.input_kinds import (
    ALL,
    BY_LIST,
    NAMES,
    NUMBERED,
    OF_NUMBERS,
    SPLIT,
    InputKind,
    hugging,
    inside,
    loose,
    npy,
    npz,
    numbers,
    parquet,
    picture,
    rows_of,
    stack,
    table,
    tree,
    zipped,
)

TABLE_KINDS = [
    InputKind(
        "CSV of file and label beside images/",
        tree(loose("a", 5), {"labels.csv": table([("filename", "label"), *rows_of("a", 5)])}),
        SPLIT,
        ("A table of files and labels: labels.csv",),
    ),
    InputKind(
        "CSV with a column of parts",
        tree(
            loose("a", 2),
            loose("b", 1),
            {"labels.csv": table([("image", "class", "split"), *rows_of("a", 2, "train"), *rows_of("b", 1, "val")])},
        ),
        ALL,
        ("those of the part val",),
    ),
    InputKind(
        "train.csv and test.csv",
        tree(
            loose("a", 2),
            loose("b", 1),
            {
                "train.csv": table([("file", "target"), *rows_of("a", 2)]),
                "test.csv": table([("file", "target"), *rows_of("b", 1)]),
            },
        ),
        ALL,
    ),
    InputKind(
        "CSV of ids without ending",
        tree(
            loose("a", 5),
            {
                "labels.csv": table(
                    [("id", "category"), *((f.removesuffix(".png"), label) for f, label in rows_of("a", 5))]
                )
            },
        ),
        SPLIT,
    ),
    InputKind(
        "CSV with paths of another machine and semicolons",
        tree(
            loose("a", 5),
            {
                "labels.csv": table(
                    [("path", "label"), *((f"C:\\data\\images\\{f}", label) for f, label in rows_of("a", 5))], ";"
                )
            },
        ),
        SPLIT,
    ),
    InputKind(
        "TSV", tree(loose("a", 5), {"labels.tsv": table([("file_name", "label"), *rows_of("a", 5)], "\t")}), SPLIT
    ),
    InputKind("a list without headers", tree(loose("a", 5, ""), {"list.txt": table(rows_of("a", 5), " ")}), SPLIT),
    InputKind(
        "CSV that is named itself",
        inside(
            tree(
                loose("a", 5), {"mine.csv": table([("file", "label"), *rows_of("a", 5)]), "other.csv": b"file,label\n"}
            ),
            "mine.csv",
        ),
        SPLIT,
    ),
    InputKind(
        "CSV in a zip", zipped(loose("a", 5), {"labels.csv": table([("file", "label"), *rows_of("a", 5)])}), SPLIT
    ),
    InputKind(
        "CSV in UTF-16",
        tree(loose("a", 5), {"labels.csv": table([("file", "label"), *rows_of("a", 5)], encoding="utf-16")}),
        SPLIT,
    ),
    InputKind(
        "Parquet of file and label",
        tree(
            loose("a", 5),
            {
                "labels.parquet": parquet(
                    {"file": [r[0] for r in rows_of("a", 5)], "label": [r[1] for r in rows_of("a", 5)]}
                )
            },
        ),
        SPLIT,
    ),
    InputKind(
        "CSV with images that no row names",
        tree(
            loose("a", 5),
            {
                "images/more.png": picture("red"),
                "labels.csv": table([("file", "label"), *rows_of("a", 5), ("a_red_0.png", "red")]),
            },
        ),
        SPLIT,
        ("images that labels.csv does not name: 1", "rows that say again what one before them says: 1"),
    ),
    InputKind(
        "npz of images and labels",
        npz(images=stack(5), labels=numbers(5)),
        {k: (4, 1) for k in OF_NUMBERS},
        ("NumPy arrays",),
        OF_NUMBERS,
    ),
    InputKind(
        "npz of x_train, y_train, x_test, y_test",
        npz(x_train=stack(2), y_train=numbers(2), x_test=stack(1), y_test=numbers(1)),
        NUMBERED,
        ("those of x_test.npy",),
        OF_NUMBERS,
    ),
    InputKind(
        "npz as MedMNIST has it",
        npz(
            train_images=stack(2),
            train_labels=numbers(2)[:, None],
            val_images=stack(3),
            val_labels=numbers(3)[:, None],
            test_images=stack(1),
            test_labels=numbers(1)[:, None],
        ),
        NUMBERED,
        ("images of val, because test is the unseen part: 9",),
        OF_NUMBERS,
    ),
    InputKind(
        "npz, channels first, 0 to 1",
        npz(images=stack(5, "float32", 1 / 255, True), labels=numbers(5)),
        {k: (4, 1) for k in OF_NUMBERS},
        ("0 to 1",),
        OF_NUMBERS,
    ),
    InputKind(
        "npz of 16 bits",
        npz(images=stack(5, "uint16", 257), labels=numbers(5)),
        {k: (4, 1) for k in OF_NUMBERS},
        ("0 to 65535",),
        OF_NUMBERS,
    ),
    InputKind(
        "npz with one column per class",
        npz(images=stack(5), labels=np.eye(3)[numbers(5)]),
        {k: (4, 1) for k in OF_NUMBERS},
        (),
        OF_NUMBERS,
    ),
    InputKind(
        "npz with names of classes",
        npz(images=stack(5), labels=numbers(5), class_names=np.array(NAMES)),
        {name: (4, 1) for name in NAMES},
    ),
    InputKind("npz with labels as text", npz(images=stack(5), labels=np.array(NAMES)[numbers(5)]), SPLIT),
    InputKind(
        "npz under the ending .zip",
        npz("set.zip", images=stack(5), labels=numbers(5)),
        {k: (4, 1) for k in OF_NUMBERS},
        (),
        OF_NUMBERS,
    ),
    InputKind(
        "npy with labels beside it",
        inside(tree({"mine.npy": npy(stack(5)), "mine_labels.npy": npy(numbers(5))}), "mine.npy"),
        {k: (4, 1) for k in OF_NUMBERS},
        (),
        OF_NUMBERS,
    ),
    InputKind(
        "a folder of npy",
        tree(
            {
                "X_train.npy": npy(stack(2)),
                "y_train.npy": npy(numbers(2)),
                "X_test.npy": npy(stack(1)),
                "y_test.npy": npy(numbers(1)),
            }
        ),
        NUMBERED,
        (),
        OF_NUMBERS,
    ),
    InputKind(
        "Parquet as Hugging Face stores images",
        tree(
            {
                "README.md": b"x",
                "data/train-00000-of-00001.parquet": hugging(2),
                "data/test-00000-of-00001.parquet": hugging(1),
            }
        ),
        BY_LIST,
        ("those of the part test", "as the set's own list has them"),
    ),
    InputKind(
        "its validation shard, and test without labels",
        tree(
            {
                "train-00000-of-00001.parquet": hugging(2),
                "validation-00000-of-00001.parquet": hugging(1),
                "test-00000-of-00001.parquet": hugging(1, False),
            }
        ),
        BY_LIST,
        ("those of the part validation", "test has no labels and is not used"),
    ),
    InputKind(
        "one Parquet file of pictures",
        inside(tree({"mine.parquet": hugging(5)}), "mine.parquet"),
        {name: (4, 1) for name in NAMES},
    ),
    InputKind(
        "that in a zip", zipped({"data/train-00000-of-00001.parquet": hugging(5)}), {name: (4, 1) for name in NAMES}
    ),
]
