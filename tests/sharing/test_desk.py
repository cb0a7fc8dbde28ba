"""The desk: rights, owners, quotas and paths are checked where things happen."""

from __future__ import annotations

import dataclasses
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cu_core.analysis.sweeps.sweep import Sweep, expand
from cu_core.base.errors import BadInput, NotAllowed, OverQuota
from cu_core.base.home import Home
from cu_core.catalogue import grid
from cu_core.catalogue.presets import DEFAULT_PRESET
from cu_core.catalogue.spec import MethodSpec, RunSpec, planned_epochs
from cu_core.jobs import submission
from cu_core.runstore import layout
from cu_core.runstore.reader import list_runs
from cu_core.sharing import quota, uploads
from cu_core.sharing.config import Quota
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import HOME_OWNER, User

SPEC = DEFAULT_PRESET.spec
VERA, OMAR, OLGA = User("vera", "viewer"), User("omar", "operator"), User("olga", "operator")
ANNA = User("anna", "admin")


def share(home: Home, more: str = "", top: str = "") -> None:
    (home.root / "sharing.toml").write_text(
        f'way = "oidc"\nhosts = ["a.org"]\n{top}\n[people]\nanna = "admin"\nomar = "operator"\nolga = "operator"\n'
        f'vera = "viewer"\n{more}\n'
    )


def changed(spec: RunSpec, **train: object) -> RunSpec:
    return dataclasses.replace(spec, train=dataclasses.replace(spec.train, **train))  # type: ignore[arg-type]


def test_a_run_carries_its_owner(home: Home) -> None:
    share(home)
    run_id = Desk(home, OMAR).launch(SPEC)
    assert [row.owner for row in list_runs(home)] == ["omar"]
    assert json.loads((home.runs / run_id / layout.INFO).read_text())["owner"] == "omar"
    own = submission.submit(SPEC, home)
    assert {row.run_id: row.owner for row in list_runs(home)}[own] == ""


@pytest.mark.parametrize("user", [VERA, OLGA, None])
def test_others_change_nothing_of_a_run(home: Home, user: User | None) -> None:
    share(home)
    run_id = Desk(home, OMAR).launch(SPEC)
    desk = Desk(home, user)
    for action in (desk.cancel, desk.resume, desk.delete):
        with pytest.raises(NotAllowed):
            action(run_id)
    Desk(home, OMAR).cancel(run_id)
    Desk(home, OMAR).delete(run_id)
    assert desk.erasable() == []
    with pytest.raises(NotAllowed):
        desk.restore(run_id)
    with pytest.raises(NotAllowed):
        desk.erase([run_id])
    assert [b.run_id for b in submission.binned(home)] == [run_id]


def test_owners_and_admins_do_all_of_it(home: Home) -> None:
    share(home)
    for user in (OMAR, ANNA, HOME_OWNER):
        run_id = Desk(home, OMAR).launch(SPEC)
        desk = Desk(home, user)
        assert desk.cancel(run_id) == "cancelled"
        desk.resume(run_id)
        desk.cancel(run_id)
        desk.delete(run_id)
        desk.restore(run_id)
        desk.delete(run_id)
        assert desk.erase(desk.erasable()) == 1


def test_viewers_and_strangers_start_nothing(home: Home) -> None:
    share(home)
    for user in (VERA, None):
        desk = Desk(home, user)
        with pytest.raises(NotAllowed):
            desk.launch(SPEC)
        with pytest.raises(NotAllowed):
            desk.keep(io.BytesIO(b"index\n1\n"), "a.csv", uploads.INDICES)
        with pytest.raises(NotAllowed):
            desk.prepare(SPEC.data)
        with pytest.raises(NotAllowed):
            desk.measure(SPEC)
    assert list_runs(home) == [] and list(home.uploads.iterdir()) == []


def test_the_number_of_runs_at_work_is_bounded_for_each_owner(home: Home) -> None:
    share(home, "[quota]\nactive_runs = 2")
    first = Desk(home, OMAR).launch(SPEC, token="a")
    assert Desk(home, OMAR).launch(SPEC, token="a") == first, "the same click twice is one run"
    Desk(home, OMAR).launch(SPEC)
    with pytest.raises(OverQuota, match="you may have 2"):
        Desk(home, OMAR).launch(SPEC)
    Desk(home, OLGA).launch(SPEC)
    submission.cancel(home, first)
    Desk(home, OMAR).launch(SPEC)
    with pytest.raises(OverQuota):
        Desk(home, OMAR).resume(first)
    for _ in range(3):
        Desk(home, ANNA).launch(SPEC)
    submission.submit(SPEC, home)


def test_a_run_that_waits_comes_out_of_the_bin_within_the_quota(home: Home) -> None:
    share(home, "[quota]\nactive_runs = 1")
    desk = Desk(home, OMAR)
    first = desk.launch(SPEC)
    desk.delete(first)
    second = desk.launch(SPEC)
    with pytest.raises(OverQuota, match="you may have 1"):
        desk.restore(first)
    Desk(home, ANNA).restore(first)
    desk.cancel(first)
    desk.delete(first)
    desk.restore(first)
    assert {row.run_id: row.state for row in list_runs(home)} == {first: "cancelled", second: "queued"}


def test_the_disk_of_ones_runs_is_bounded_and_the_bin_counts(home: Home) -> None:
    share(home, "[quota]\ndisk_gb = 0.001")
    run_id = Desk(home, OMAR).launch(SPEC)
    (home.runs / run_id / "weights.pt").write_bytes(bytes(1_100_000))
    assert quota.used_bytes(home, "omar") > 1_000_000
    for bring_about in (lambda: None, lambda: (submission.cancel(home, run_id), submission.delete(home, run_id))):
        bring_about()
        with pytest.raises(OverQuota, match=r"you may use 0\.001 GB"):
            Desk(home, OMAR).launch(SPEC)
    Desk(home, OLGA).launch(SPEC)
    Desk(home, OMAR).restore(run_id)
    with pytest.raises(OverQuota, match=r"you may use 0\.001 GB"):
        Desk(home, OMAR).resume(run_id)
    Desk(home, OMAR).delete(run_id)
    Desk(home, OMAR).erase([run_id])
    Desk(home, OMAR).launch(SPEC)


def test_the_length_of_a_run_is_bounded(home: Home) -> None:
    share(home, "[quota]\nepochs = 40\nrounds = 1000")
    alone = dataclasses.replace(SPEC, reference=0)
    with pytest.raises(OverQuota, match=r"41 epochs of training \(base model\)"):
        Desk(home, OMAR).launch(changed(alone, epochs=41))
    Desk(home, OMAR).launch(changed(alone, epochs=40))
    share(home, "[quota]\nrounds = 1")
    with pytest.raises(OverQuota, match="rounds"):
        Desk(home, OMAR).launch(SPEC)


def with_method(spec: RunSpec, method_id: str) -> RunSpec:
    return dataclasses.replace(spec, method=MethodSpec(method_id))


def test_all_the_training_of_a_run_is_counted(home: Home) -> None:
    alone = dataclasses.replace(SPEC, reference=0)
    five = changed(alone, epochs=5)
    assert planned_epochs(five) == 5
    assert planned_epochs(dataclasses.replace(five, reference=20)) == 105
    assert planned_epochs(with_method(five, "retrain")) == planned_epochs(with_method(five, "eu_k")) == 10
    long = dataclasses.replace(with_method(five, "retrain"), stop=dataclasses.replace(SPEC.stop, max_rounds=70))
    assert planned_epochs(long) == 75, "a round of retraining is an epoch"
    shards = with_method(changed(alone, epochs=5, shards=4), "sisa")
    assert planned_epochs(shards) == 40, "each of four shards, and each of them again"
    assert planned_epochs(dataclasses.replace(shards, reference=1)) == 60
    slices = changed(shards, slices=3)
    assert planned_epochs(slices) == 2 * 4 * sum(slices.train.stage_epochs)
    share(home, "[quota]\nepochs = 5")
    desk = Desk(home, OMAR)
    desk.launch(five)
    with pytest.raises(OverQuota, match=r"105 epochs of training \(base model, 20 references"):
        desk.launch(dataclasses.replace(five, reference=20))
    for spec in (with_method(five, "retrain"), changed(with_method(alone, "sisa"), epochs=2, shards=2)):
        with pytest.raises(OverQuota, match="epochs of training"):
            desk.launch(spec)
    Desk(home, ANNA).launch(dataclasses.replace(five, reference=20))


def test_each_run_of_a_grid_and_of_a_sweep_is_counted_as_it_is(home: Home) -> None:
    share(home, "[quota]\nepochs = 12")
    five = changed(SPEC, epochs=5)
    runs = grid.expand(five, {"reference": ["0", "1", "2"], "train.epochs": ["4", "6"]})
    swept = expand(Sweep(dataclasses.replace(five, reference=1), ("finetune", "retrain"), ("class:5",), (0, 1))).runs
    taken = set()
    for spec in (*runs, *swept):
        try:
            Desk(home, OMAR).launch(spec)
        except OverQuota:
            continue
        taken.add((spec.train.epochs, spec.reference, spec.method.id))
    method_id = five.method.id
    assert taken == {
        (4, 0, method_id), (4, 1, method_id), (4, 2, method_id), (6, 0, method_id), (6, 1, method_id),
        (5, 1, "finetune"),
    }  # fmt: skip


def test_of_many_submissions_at_once_exactly_the_quota_is_taken(home: Home) -> None:
    share(home, "[quota]\nactive_runs = 5\nuploads_mb = 0.001")

    def launch(number: int) -> bool:
        try:
            Desk(home, OMAR).launch(SPEC, token=f"t{number}")
        except OverQuota:
            return False
        return True

    def hand_in(number: int) -> bool:
        try:
            Desk(home, OMAR).keep(io.BytesIO(b"%03d\n" % number * 75), "a.csv", uploads.INDICES)
        except OverQuota:
            return False
        return True

    with ThreadPoolExecutor(36) as pool:
        assert sum(pool.map(launch, range(36))) == 5
        assert sum(pool.map(hand_in, range(36))) == 3, "of 300 bytes each"
    assert len(list_runs(home)) == 5


def test_uploads_are_bounded_and_counted_once(home: Home) -> None:
    share(home, "[quota]\nupload_mb = 0.001\nuploads_mb = 0.0015")
    desk = Desk(home, OMAR)
    with pytest.raises(OverQuota, match="one file"):
        desk.keep(io.BytesIO(b"1\n" * 600), "big.csv", uploads.INDICES)
    for _ in range(3):
        desk.keep(io.BytesIO(b"1\n" * 400), "some.csv", uploads.INDICES)
    assert quota.kept_bytes(home, "omar") == 800
    with pytest.raises(OverQuota, match="all your uploads"):
        desk.keep(io.BytesIO(b"2\n" * 400), "more.csv", uploads.INDICES)
    Desk(home, OLGA).keep(io.BytesIO(b"2\n" * 400), "more.csv", uploads.INDICES)
    assert not list(home.uploads.glob(".upload-*")), "what was refused leaves nothing behind"


def test_traffic_of_a_day() -> None:
    traffic = quota.Traffic()
    assert traffic.left("omar", Quota(), now=0.0) == float("inf")
    bound = Quota(upload_mb=1, uploads_mb=2)
    traffic.add("omar", 1_500_000, now=0.0)
    assert traffic.left("omar", bound, now=1.0) == 500_000
    assert traffic.left("olga", bound, now=1.0) == 1_000_000
    traffic.add("omar", 700_000, now=1.0)
    assert traffic.left("omar", bound, now=1.0) == -200_000, "two at once spend the same share"
    assert traffic.left("omar", bound, now=quota.DAY_SECONDS + 0.5) == 1_000_000
    assert traffic.left("omar", Quota(uploads_mb=2), now=quota.DAY_SECONDS + 2) == 2_000_000


def test_files_of_the_server_are_closed_to_people_in_browsers(home: Home, tmp_path: Path) -> None:
    opened, closed = tmp_path / "open", tmp_path / "closed"
    for folder in (opened, closed):
        folder.mkdir()
        (folder / "list.csv").write_text("1\n")
    (opened / "way-out").symlink_to(closed)
    share(home, top=f"data_folders = [{json.dumps(str(opened))}]")
    desk = Desk(home, OMAR)

    def with_list(path: Path) -> RunSpec:
        return dataclasses.replace(SPEC, forget=dataclasses.replace(SPEC.forget, select=f"indices:{path}"))

    desk.check(with_list(opened / "list.csv"))
    desk.check(with_list(desk.keep(io.BytesIO(b"1\n"), "mine.csv", uploads.INDICES)))
    for path in (closed / "list.csv", opened / ".." / "closed" / "list.csv", opened / "way-out" / "list.csv"):
        with pytest.raises(BadInput, match="only uploaded files"):
            desk.launch(with_list(path))
    sly = dataclasses.replace(SPEC, forget=dataclasses.replace(SPEC.forget, select=f" indices:{closed / 'list.csv'}"))
    for act in (desk.check, desk.launch, lambda spec: desk.prepare(spec.data, spec.forget.select)):
        with pytest.raises(BadInput, match="only uploaded files"):
            act(sly)
    for part, field in (("data", "dataset"), ("model", "weights")):
        value = f"folder:{closed}" if part == "data" else str(closed / "w.pt")
        spec = dataclasses.replace(SPEC, **{part: dataclasses.replace(getattr(SPEC, part), **{field: value})})
        with pytest.raises(BadInput, match="only uploaded files"):
            desk.check(spec)
        Desk(home, HOME_OWNER).check(spec)
    assert set(desk.foreign({"data.path": str(closed), "model.weights": "", "forget.file": "/etc/passwd"})) == {
        "data.path",
        "forget.file",
    }


def test_code_of_ones_own_is_for_the_machine_and_where_it_was_opened(home: Home, tmp_path: Path) -> None:
    opened = tmp_path / "open"
    opened.mkdir()
    for folder in (opened, tmp_path):
        (folder / "net.py").write_text("def build(num_classes): ...\n")

    def with_code(place: str) -> RunSpec:
        return dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, backbone=f"python:{place}"))

    inside, outside = with_code(f"{opened}/net.py:build"), with_code(f"{tmp_path}/net.py:build")
    folders = f"data_folders = [{json.dumps(str(opened))}]"
    share(home, top=folders)
    for user in (OMAR, ANNA):
        desk = Desk(home, user)
        assert not desk.may_bring_code()
        for spec in (inside, outside, with_code("os:getcwd"), with_code("nowhere:x")):
            for act in (desk.check, desk.launch, desk.measure, desk.check_weights):
                with pytest.raises(BadInput, match="which this dashboard does not run"):
                    act(spec)
        assert set(desk.foreign({"model.backbone": "python", "model.timm": "os:getcwd"})) == {"model.timm"}
        assert desk.foreign({"model.backbone": "timm", "model.timm": "resnet26"}) == {}
    Desk(home, HOME_OWNER).check(outside)
    assert Desk(home, HOME_OWNER).may_bring_code()
    share(home, top=f"{folders}\nown_code = true")
    desk = Desk(home, OMAR)
    assert desk.may_bring_code()
    desk.check(inside)
    desk.check(with_code("json:loads"))
    with pytest.raises(BadInput, match="only uploaded files"):
        desk.check(outside)
    assert desk.foreign({"model.backbone": "python", "model.timm": f"{opened}/net.py:build"}) == {}
    assert set(desk.foreign({"model.backbone": "python", "model.timm": f"{tmp_path}/net.py:build"})) == {"model.timm"}


def test_a_run_that_does_not_exist_is_said_to_be_missing(home: Home) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        Desk(home, ANNA).cancel("nothing")
    with pytest.raises(BadInput):
        Desk(home, ANNA).delete("../../etc")
