"""Title, tags and notes that people give a run: stored whole, found by the search, no part of the specification."""

from __future__ import annotations

import json

import pytest

from cu_core.base.errors import BadInput, NotAllowed
from cu_core.base.home import Home
from cu_core.runstore import layout
from cu_core.runstore.annotations import LONGEST_TITLE, MOST_TAGS, Annotations, annotate, read_annotations
from cu_core.runstore.index import reindex
from cu_core.runstore.mend import mend
from cu_core.runstore.reader import list_runs, open_run
from cu_core.runstore.rows import mentions
from cu_core.runstore.verify import verify
from cu_core.sharing.desk import Desk
from cu_core.sharing.rights import HOME_OWNER, User
from tests.madeup import MadeUp, write_run

RUN = "madeup-1"
WRITTEN = Annotations("The fives, gently", ("lecture", "week 3"), "Shown on Monday.\nAsk again in May.")


@pytest.fixture
def run(home: Home) -> Home:
    write_run(home, RUN, MadeUp())
    return home


def test_what_was_written_is_shown_searched_and_indexed_and_the_hash_stays(run: Home) -> None:
    before = open_run(run, RUN)
    spec_hash, own = before.spec.content_hash(), before.row().title
    annotate(run, RUN, WRITTEN)
    for _ in ("from the files", "from the index"):
        (row,) = list_runs(run)
        assert (row.title, row.tags, row.notes) == (WRITTEN.title, list(WRITTEN.tags), WRITTEN.notes)
        assert all(mentions(row, words) for words in ("GENTLY", "week lecture", "monday", RUN))
        reindex(run)
    assert open_run(run, RUN).spec.content_hash() == spec_hash and verify(run, RUN) == []
    annotate(run, RUN, Annotations())
    assert open_run(run, RUN).row().title == own and read_annotations(run.runs / RUN) == Annotations()


def test_texts_are_made_fit_to_be_shown(run: Home) -> None:
    annotate(run, RUN, Annotations(" a\u202eb\nc ", ("x", " x", "", "y\tz"), "one\n\u202etwo\n"))
    assert read_annotations(run.runs / RUN) == Annotations("ab c", ("x", "y z"), "one\ntwo")


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("title", Annotations("x" * (LONGEST_TITLE + 1))),
        ("notes", Annotations(notes="x" * 4001)),
        ("tags", Annotations(tags=tuple(map(str, range(MOST_TAGS + 1))))),
        ("tags", Annotations(tags=("x" * 41,))),
    ],
)
def test_what_is_too_long_is_refused_and_nothing_is_lost(run: Home, field: str, wanted: Annotations) -> None:
    annotate(run, RUN, WRITTEN)
    with pytest.raises(BadInput) as error:
        annotate(run, RUN, wanted)
    assert error.value.field == field and read_annotations(run.runs / RUN) == WRITTEN


def test_a_damaged_file_is_named_and_put_aside(run: Home) -> None:
    annotate(run, RUN, WRITTEN)
    path = run.runs / RUN / layout.ANNOTATIONS
    path.write_text(json.dumps(json.loads(path.read_text()) | {"title": "another"}))
    assert [problem.where for problem in verify(run, RUN)] == [layout.ANNOTATIONS]
    assert [done.where for done in mend(run, RUN)] == [layout.ANNOTATIONS]
    assert verify(run, RUN) == [] and open_run(run, RUN).state == "succeeded"
    for content in ("{", "[1]", '{"title": 5, "tags": "a", "notes": null}'):
        path.write_text(content)
        assert read_annotations(run.runs / RUN) == Annotations()


def test_only_the_owner_or_an_admin_writes(run: Home) -> None:
    for user in (User("vera", "viewer"), User("olga", "operator"), None):
        with pytest.raises(NotAllowed):
            Desk(run, user).annotate(RUN, WRITTEN)
    Desk(run, HOME_OWNER).annotate(RUN, WRITTEN)
    Desk(run, User("anna", "admin")).annotate(RUN, Annotations("By Anna"))
    assert json.loads((run.runs / RUN / layout.ANNOTATIONS).read_text())["by"] == "anna"
