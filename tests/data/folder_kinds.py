"""Directories and archives with a folder per class."""

from __future__ import annotations

import json
import tarfile

from tests.data.input_kinds import (
    ALL,
    BY_LIST,
    CODED,
    JUNK,
    NAMES,
    OF_NUMBERS,
    SPLIT,
    TITLES,
    USUAL,
    InputKind,
    folders,
    linked,
    picture,
    tarred,
    tree,
    unmarked,
    zipped,
)

FOLDER_KINDS = [
    InputKind("train/ and test/ with a folder per class", tree(*USUAL), ALL, ("those in test/",)),
    InputKind("the same as zip", zipped(*USUAL), ALL),
    InputKind(
        "zip whose paths have backslashes", zipped({k.replace("/", "\\"): v for f in USUAL for k, v in f.items()}), ALL
    ),
    InputKind("zip under another ending", zipped(*USUAL, name="set.bin"), ALL),
    InputKind("tar", tarred(*USUAL, name="set.tar", mode="w"), ALL),
    InputKind("tar.gz", tarred(*USUAL), ALL),
    InputKind(
        "tgz, wrapped, paths begin with ./",
        tarred(*({f"./x/{k}": v for k, v in f.items()} for f in USUAL), name="set.tgz"),
        ALL,
    ),
    InputKind("tar.bz2", tarred(*USUAL, name="set.tar.bz2", mode="w:bz2"), ALL),
    InputKind("tar.xz", tarred(*USUAL, name="set.tar.xz", mode="w:xz"), ALL),
    InputKind("train/ and val/", tree(folders("train", 2), folders("val", 1)), ALL, ("those in val/",)),
    InputKind(
        "Train/ and Validation/", tree(folders("Train", 2), folders("Validation", 1)), ALL, ("those in Validation/",)
    ),
    InputKind("training/ and valid/", tree(folders("training", 2), folders("valid", 1)), ALL, ("those in valid/",)),
    InputKind("TRAIN/ and DEV/", tree(folders("TRAIN", 2), folders("DEV", 1)), ALL, ("those in DEV/",)),
    InputKind(
        "train/, val/ and test/",
        tree(*USUAL, folders("val", 3)),
        ALL,
        ("those in test/", "images of val/, because test/ is the unseen part: 9"),
    ),
    InputKind(
        "test/ without class folders, and val/",
        tree(folders("train", 2), folders("val", 1), {"test/1.png": picture("red")}),
        ALL,
        ("those in val/", "test/ has no class folders, so its 1 images have no labels"),
    ),
    InputKind("train/ alone", tree(folders("train", 5)), SPLIT, ("20% are set apart as unseen, class by class",)),
    InputKind(
        "a folder per class, no parts", tree(folders("", 5)), SPLIT, ("20% are set apart as unseen, class by class",)
    ),
    InputKind("a folder per class in a zip", zipped(folders("", 5)), SPLIT),
    InputKind(
        "one wrapping folder",
        lambda folder: tree(*USUAL, root="outer/inner")(folder).parent,
        ALL,
    ),
    InputKind("two wrapping folders in a zip", zipped(*({f"a/b/{k}": v for k, v in f.items()} for f in USUAL)), ALL),
    InputKind(
        "a wrapping folder with junk beside it",
        tree(*({f"data/{k}": v for k, v in f.items()} for f in USUAL), {"README.md": b"x", "__MACOSX/data/._x": b"x"}),
        ALL,
    ),
    InputKind(
        "files of systems, disks and NAS between them",
        tree(*USUAL, JUNK),
        ALL,
        ("network storage and systems (#recycle, $RECYCLE.BIN, .DS_Store, ._*, …): 11",),
    ),
    InputKind(
        "the same in a zip",
        zipped(*USUAL, JUNK),
        ALL,
        ("network storage and systems (#recycle, $RECYCLE.BIN, .DS_Store, ._*, …): 11",),
    ),
    InputKind(
        "other files between them",
        tree(*USUAL, {"train/red/notes.txt": b"x", "train/red/a.heic": b"x"}),
        ALL,
        ("files that are no pictures: 1", ".heic files, a kind that is not read: 1"),
    ),
    InputKind(
        "pictures without an ending",
        tree(folders("train", 2), {k.removesuffix(".png"): v for k, v in folders("test", 1).items()}),
        ALL,
    ),
    InputKind(
        "deeper folders inside a class",
        tree(*USUAL, {"train/red/2020/may/1.png": picture("red")}),
        ALL | {"red": (3, 1)},
    ),
    InputKind(
        "a class without unseen images",
        tree(folders("train", 2), folders("test", 1, ("red", "green"))),
        ALL | {"blue": (2, 0)},
        ("1 class lacks unseen images: blue",),
    ),
    InputKind(
        "folders that are numbers",
        tree(folders("train", 2, {"10": "red", "9": "green", "1": "blue"})),
        {"1": (1, 1), "9": (1, 1), "10": (1, 1)},
        ("numbered by size (1, 9, 10); programs that sort folders as text",),
        {"1": "blue", "9": "green", "10": "red"},
    ),
    InputKind(
        "accents stored in two ways",
        tree(
            folders("train", 2, {"cafe\u0301": "red", "the": "green"}),
            folders("test", 1, {"caf\u00e9": "red", "the": "green"}),
        ),
        {"caf\u00e9": (2, 1), "the": (2, 1)},
        (),
        {"caf\u00e9": "red", "the": "green"},
    ),
    InputKind(
        "names of a zip of macOS",
        unmarked(zipped(*(folders(part, 1, {"caf\u00e9": "red", "the": "green"}) for part in ("train", "test")))),
        {"caf\u00e9": (1, 1), "the": (1, 1)},
        (),
        {"caf\u00e9": "red", "the": "green"},
    ),
    InputKind(
        "links to pictures and folders inside",
        linked(folders("pool", 2), links={f"{p}/{n}": f"../pool/{n}" for p in ("train", "test") for n in NAMES}),
        {name: (2, 2) for name in sorted(NAMES)},
    ),
    InputKind(
        "a link to a folder above it",
        linked(*USUAL, links={"train/red/again": "../../train"}),
        ALL,
        ("links to a folder above them: 1",),
    ),
    InputKind(
        "links inside a tar",
        tarred(
            *USUAL,
            links={
                "train/red/9.png": (tarfile.SYMTYPE, "0.png"),
                "train/blue/9.png": (tarfile.LNKTYPE, "train/blue/0.png"),
            },
        ),
        {"blue": (3, 1), "green": (2, 1), "red": (3, 1)},
    ),
    InputKind("links inside a zip", zipped(*USUAL, links={"train/red/9.png": "0.png"}), ALL | {"red": (3, 1)}),
    InputKind(
        "titles in classes.txt",
        tree(*CODED, {"classes.txt": b"n01 red\nn02 green\nn03 blue\n"}),
        BY_LIST,
        ("Titles of classes come from classes.txt",),
    ),
    InputKind(
        "classes.txt with the folders' own names in another order",
        tree(*USUAL, {"classes.txt": b"red\ngreen\nblue\n"}),
        ALL,
        ("it names the classes themselves, and its order is not taken.",),
    ),
    InputKind(
        "numbers of classes, by their names",
        tree(*USUAL, {"labels.json": b'{"red": 7, "green": 8, "blue": 9}'}),
        ALL,
        ("it names the classes themselves, with numbers that are not taken.",),
    ),
    InputKind(
        "a table with a line that is too long, beside class folders",
        tree(folders("", 5), {"notes.csv": b"file,label\n" + b"x" * 140_000 + b",red\n"}),
        SPLIT,
        ("A file was passed over: notes.csv line 2: field larger than field limit",),
    ),
    InputKind(
        "a table in another encoding, beside class folders",
        tree(folders("", 5), {"notes.csv": b"file,label\ncaf\xe9.png,red\n"}),
        SPLIT,
        ("A file was passed over: notes.csv is not a text in UTF-8",),
    ),
    InputKind(
        "a damaged Parquet file beside class folders",
        tree(folders("", 5), {"notes.parquet": b"PAR1" + b"x" * 50 + b"PAR1"}),
        SPLIT,
        ("A file was passed over: notes.parquet cannot be read as Parquet",),
    ),
    InputKind(
        "titles in labels.json",
        tree(*CODED, {"labels.json": json.dumps(TITLES).encode()}),
        BY_LIST,
        ("come from labels.json",),
    ),
    InputKind(
        "titles in class_names.csv",
        tree(*CODED, {"class_names.csv": b"folder,title\nn01,red\nn02,green\nn03,blue\n"}),
        BY_LIST,
    ),
    InputKind(
        "titles by number, in order",
        tree(folders("train", 2, OF_NUMBERS), folders("test", 1, OF_NUMBERS), {"labels.txt": b"red\ngreen\nblue\n"}),
        BY_LIST,
    ),
    InputKind(
        "titles by name of a class, in JSON",
        tree(
            folders("train", 2, OF_NUMBERS),
            folders("test", 1, OF_NUMBERS),
            {"class_index.json": b'{"red": 0, "green": 1, "blue": 2}'},
        ),
        BY_LIST,
    ),
    InputKind(
        "a file of titles that is named",
        tree(*CODED, {"mine.txt": b"n01: red\nn02: green\nn03: blue\n"}),
        BY_LIST,
        settings={"titles": "mine.txt"},
    ),
    InputKind(
        "titles that leave out a class",
        tree(*CODED, {"classes.txt": b"n01 red\n"}),
        {"n01": (2, 1), "n02": (2, 1), "n03": (2, 1)},
        ("classes.txt was not used for titles of classes: it has no title for n02, n03",),
        TITLES,
    ),
]
