"""Answers of an audience: each browser session once, without names, also where many answer at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cu_core.base.errors import BadInput, NotAllowed
from cu_core.base.home import Home
from cu_core.sharing.desk import Desk
from cu_core.sharing.lesson_answers import answers_folder, begin_anew, count_answer, counted_answers
from cu_core.sharing.rights import VIEWER, User


def test_every_session_counts_once_in_a_step(home: Home) -> None:
    assert count_answer(home, "l", "one", 3, "anna")
    assert not count_answer(home, "l", "one", 4, "anna")
    assert count_answer(home, "l", "one", 4, "ben")
    assert count_answer(home, "l", "two", 3, "anna")
    assert count_answer(home, "other", "one", 1, "anna")
    assert counted_answers(home, "l", "one") == {3: 1, 4: 1}
    assert counted_answers(home, "l", "none") == {}


def test_nothing_in_the_file_leads_to_who_answered(home: Home) -> None:
    for step in ("one", "two"):
        count_answer(home, "l", step, 3, "anna")
    lines = (answers_folder(home) / "l-1.jsonl").read_text().splitlines()
    assert "anna" not in "".join(lines)
    assert len({line.rpartition(",")[2] for line in lines}) == 2, "marks of two steps must differ"


def test_counting_anew_puts_the_earlier_answers_aside(home: Home) -> None:
    begin_anew(home, "l")
    count_answer(home, "l", "one", 3, "anna")
    begin_anew(home, "l")
    assert counted_answers(home, "l", "one") == {}
    assert count_answer(home, "l", "one", 5, "anna")
    assert counted_answers(home, "l", "one") == {5: 1}
    assert (answers_folder(home) / "l-1.jsonl").read_text().count("\n") == 1, "nothing is lost"


def test_lessons_whose_names_begin_alike_are_kept_apart(home: Home) -> None:
    count_answer(home, "l-2", "one", 3, "anna")
    count_answer(home, "l", "one", 4, "anna")
    assert counted_answers(home, "l", "one") == {4: 1}
    assert counted_answers(home, "l-2", "one") == {3: 1}


def test_a_room_that_answers_at_once_is_counted_in_full(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: count_answer(home, "l", "one", k % 3, f"voter {k % 40}"), range(80)))
    assert sum(counted_answers(home, "l", "one").values()) == 40


def test_damaged_lines_are_left_out(home: Home) -> None:
    count_answer(home, "l", "one", 3, "anna")
    with (answers_folder(home) / "l-1.jsonl").open("ab") as file:
        file.write(b'["one", "x", 3]\n[1]\n\xff\n{}\n["one", true, "m"]\n["one", 2')
    assert counted_answers(home, "l", "one") == {3: 1}


@pytest.mark.parametrize(("lesson", "step", "answer"), [("../x", "one", 1), ("l", "a/b", 1), ("l", "one", 99)])
def test_what_is_no_answer_is_refused(home: Home, lesson: str, step: str, answer: int) -> None:
    with pytest.raises(BadInput):
        count_answer(home, lesson, step, answer, "anna")


def test_a_viewer_answers_and_does_not_reset_and_a_stranger_does_neither(home: Home) -> None:
    viewer, stranger = Desk(home, User("vera", VIEWER)), Desk(home, None)
    assert viewer.answer("l", "one", 1, "v")
    with pytest.raises(NotAllowed):
        viewer.count_anew("l")
    with pytest.raises(NotAllowed):
        stranger.answer("l", "one", 1, "s")
