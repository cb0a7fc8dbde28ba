"""Forget sets of the launch page that need a look at the images: files, memorised labels, duplicates, selections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cu_core.base.home import Home
from cu_core.catalogue.spec_parts import DataSpec
from cu_core.catalogue.spec_recording import StopSpec
from cu_core.data.forget import resolve
from cu_core.data.memorisation import memorisation
from cu_core.data.prepared import dataset_key, open_prepared
from cu_core.data.sample_names import write_names
from cu_core.jobs import background, dispatcher
from cu_core.runstore.reader import list_runs, open_run
from pages._launch.forget_wish import KEY, Wish
from pages._selection.selection_state import Picked
from tests.madeup import MadeUp, write_dataset, write_run
from tests.pages.page_helpers import SHELL, open_page, texts
from tests.pages.test_launch_page import button, widget

ImageData = Any


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, home: Home) -> ImageData:
    """The prepared dataset; no process is started."""
    monkeypatch.setattr(dispatcher, "ensure_dispatcher", lambda where: True)
    write_dataset(home, DataSpec())
    return open_prepared(DataSpec(), home)


def choose(kind: str, **values: Any) -> AppTest:
    app = open_page("launch.py")
    widget(app, "forget.kind").set_value(kind).run()
    for name, value in values.items():
        widget(app, f"forget.{name}").set_value(value)
    app.run()
    assert not app.exception, app.exception
    return app


def launched(app: AppTest, home: Home) -> str:
    before = {row.run_id for row in list_runs(home)}
    app = button(app, "Launch").click().run()
    assert not app.exception, app.exception
    (new,) = {row.run_id for row in list_runs(home)} - before
    return open_run(home, new).spec.forget.select


def test_duplicates_are_previewed_and_launched(home: Home, data: ImageData) -> None:
    app = choose("duplicates", sample=17, near=4)
    chosen = resolve("duplicates:17:4", data, 0)
    words = texts(app)
    assert "**5 of 600** training images" in words and "Sample 17 (seven) and its 4 nearest others" in words
    assert app.dataframe[0].value["Forget"].sum() == len(chosen.indices) == 5
    assert launched(app, home) == "duplicates:17:4"


def test_a_sample_that_does_not_exist_is_named_before_launching(data: ImageData) -> None:
    app = choose("duplicates", sample=600)
    assert "There is no training sample 600. Allowed: 0 to 599" in texts(app)
    assert button(app, "Launch").disabled


def test_memorised_labels_are_scored_in_the_background_and_then_shown(
    home: Home, data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(background, "start_prepare", lambda spec, where, select="": started.append((spec, select)))
    app = choose("memorised", memorised=12)
    assert {spec for spec, _ in started} == {DataSpec()} and started[-1][1] == "memorised:12"
    assert "samples have to be scored" in texts(app)
    found = memorisation(data, home.scores)
    app.run()
    assert "**12 of 600** training images" in texts(app)
    chosen = found.highest(12)
    assert app.dataframe[0].value["Forget"].sum() == 12
    right = (found.scores < 0).mean(), (found.scores[chosen] < 0).mean()
    assert f"for {right[0]:.0%} of all training images, and for {right[1]:.0%} of these" in texts(app)
    assert launched(app, home) == "memorised:12"


def test_too_many_memorised_labels_are_refused_before_anything_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(background, "start_prepare", lambda spec, where, select="": started.append(select))
    app = choose("memorised", memorised=600)
    assert "memorised:600" not in started
    assert "600 of 600 training samples leaves nothing to retain" in texts(app)
    assert button(app, "Launch").disabled


def test_a_list_of_forget_sets_is_checked_one_by_one() -> None:
    app = open_page("launch.py")
    widget(app, "grid").set_value(True).run()
    widget(app, "axes").set_value(["forget.select"]).run()
    widget(app, "grid.forget.select").set_value("random:20; random:99999").run()
    assert not app.exception, app.exception
    assert "99999 of 600 training samples leaves nothing to retain" in texts(app)
    assert not [b for b in app.button if b.label.startswith("Launch") and not b.disabled]


def test_an_encoder_knows_no_label_by_heart() -> None:
    app = choose("memorised")
    app.get_by_key("new:train.objective").set_value("moco").run()
    assert "encoder is trained without labels, so there is none that it knows by heart" in texts(app)


def csv(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.csv"
    file.write_text(text)
    return str(file)


def with_file(path: str) -> AppTest:
    app = open_page("launch.py")
    app.session_state["new:forget.file"] = path
    widget(app, "forget.kind").set_value("indices").run()
    assert not app.exception, app.exception
    return app


def test_a_file_is_shown_with_pictures_and_counts(home: Home, tmp_path: Path) -> None:
    app = with_file(csv(tmp_path, "index\n5\n15\n5\n7\n"))
    assert "**3 of 600** training images" in texts(app) and "1 repeated entry of the file was dropped" in texts(app)
    assert app.dataframe[0].value[["Class", "Forget"]].values.tolist() == [["five", 2], ["seven", 1]]
    assert app.get("image")


def test_wrong_lines_are_listed_before_launching_and_the_others_shown(tmp_path: Path) -> None:
    app = with_file(csv(tmp_path, "index\n5\n600\n-1\nfive\n15\n"))
    assert button(app, "Launch").disabled
    assert "3 of 5 lines name no training image" in texts(app)
    assert app.dataframe[0].value.values.tolist() == [
        [3, "600 is out of range"],
        [4, "\u2060-1 is out of range"],  # no formula where the browser hands its table out
        [5, "'five' is not a whole number"],
    ]
    assert "**2 of 600** training images" in texts(app) and app.get("image")
    app = with_file(csv(tmp_path, "index\n999\n"))
    assert "No line of this file names a training image (1 in all)." in texts(app) and not app.get("image")


def test_a_wish_fills_a_copy_of_the_run(home: Home, tmp_path: Path) -> None:
    write_run(home, made=MadeUp(spec={"stop": StopSpec(rule="class"), "name": "Five goes"}))
    path = csv(tmp_path, "index\n3\n13\n")
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    app.query_params["clone"] = "madeup-1"
    app.session_state[KEY] = Wish("madeup-1", path, "2 samples selected there")
    app.switch_page("launch.py").run()
    assert not app.exception, app.exception
    assert "A copy of madeup-1 that forgets the 2 samples selected there; change what you like." in texts(app)
    assert widget(app, "forget.kind").value == "indices" and widget(app, "stop.rule").value == "auto"
    assert "**2 of 600** training images" in texts(app)
    assert KEY not in app.session_state
    assert launched(app, home) == f"indices:{path}"


def test_a_wish_about_another_run_is_dropped(home: Home) -> None:
    write_run(home)
    app = AppTest.from_file(str(SHELL), default_timeout=200)
    app.query_params["clone"] = "madeup-1"
    app.session_state[KEY] = Wish("other", "/nowhere.csv", "2 samples selected there")
    app.switch_page("launch.py").run()
    assert "A copy of madeup-1; change what you like." in texts(app)
    assert widget(app, "forget.kind").value == "class"


def panel() -> None:
    from cu_core.runstore.reader import open_run  # noqa: PLC0415 - runs as a file of its own
    from pages._selection.forget_instead import forget_instead  # noqa: PLC0415
    from pages._selection.selection_state import selection_of  # noqa: PLC0415
    from pages._shared.server_home import home  # noqa: PLC0415

    view = open_run(home(), "madeup-1")
    forget_instead(view, selection_of(view).rows)


def test_unseen_samples_alone_cannot_be_forgotten(home: Home) -> None:
    write_run(home)
    app = AppTest.from_function(panel, default_timeout=200).run()
    assert app.button(key="forget_instead_button").disabled
    app.session_state["selection madeup-1"] = Picked(np.array([135, 140]), 1, "Drift")
    app.run()
    app.button(key="forget_instead_button").click().run()
    assert "Only unseen samples are selected" in texts(app) and not list(home.uploads.iterdir())


def with_copies(home: Home, pairs: dict[int, int]) -> None:
    """Noise in place of the images, so that none is like another, and some of them twice."""
    folder = home.datasets / dataset_key(DataSpec())
    rng = np.random.default_rng(0)
    for split, count in (("train", 600), ("test", 200)):
        images = rng.integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
        if split == "train":
            for place, of in pairs.items():
                images[place] = images[of]
            images[9] = np.clip(images[5] * 0.8 + 20, 0, 255)
        np.save(folder / f"{split}_images.npy", images)
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | {"sha256": f"copies {sorted(pairs.items())}"}))


def test_copies_of_forgotten_images_are_said_and_forgotten_with_one_click(home: Home) -> None:
    with_copies(home, {11: 5, 16: 15})
    app = choose("class", classes=["five"])
    words = texts(app)
    assert "Among the retained images are 2 exact copies and 1 near copy of forgotten ones" in words
    assert "the forget set is a list of samples and not a class any more" in words
    app = button(app, "Forget the exact copies, too").click().run()
    assert not app.exception and widget(app, "forget.kind").value == "indices"
    assert "**62 of 600** training images" in texts(app)
    assert "Among the retained images is 1 near copy of forgotten ones" in texts(app)
    app = button(app, "Forget all these copies, too").click().run()
    assert "**63 of 600** training images" in texts(app)
    assert "No retained image is a copy of one of these, nor looks like one." in texts(app)
    file = Path(launched(app, home).removeprefix("indices:"))
    assert file.parent == home.uploads
    assert file.read_text().split()[1:] == [str(i) for i in range(600) if i % 10 == 5 or i in (9, 11, 16)]


def test_without_copies_that_is_said(home: Home) -> None:
    with_copies(home, {})
    app = choose("random", count=20)
    assert "No retained image is a copy of one of these" in texts(app)
    assert not [b for b in app.button if "copies" in b.label]


def test_samples_are_chosen_by_name(home: Home) -> None:
    folder = home.datasets / dataset_key(DataSpec())
    write_names(folder, "train", [f"train/{'cat' if n < 4 else 'dog'}/{n}.png" for n in range(600)])
    app = choose("names")
    assert "Say which names" in texts(app) and button(app, "Launch").disabled
    widget(app, "forget.names").set_value("cat/*, dog/77.png").run()
    assert "**5 of 600** training images" in texts(app)
    widget(app, "forget.names").set_value("cow/*").run()
    assert (
        "'cow/*' names no training sample; the nearest are" in texts(app).replace("\\", "")
        and button(app, "Launch").disabled
    )
    widget(app, "forget.names").set_value("*/7?.png").run()
    assert launched(app, home) == "names:*/7?.png"


def test_an_array_of_indices_is_taken(home: Home, tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", np.array([3, 13, 600]))
    app = with_file(str(tmp_path / "mine.npy"))
    assert "1 of 3 values name no training image" in texts(app)
    assert app.dataframe[0].value.values.tolist() == [[3, "600 is out of range"]]
    np.save(tmp_path / "mine.npy", np.array([3, 13]))
    app = with_file(str(tmp_path / "mine.npy"))
    assert "**2 of 600** training images" in texts(app)
