"""What the sidebar says of a cluster."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from cu_core.base.process import identity

SCRIPT = "from pages._frame.sidebar import machine\nmachine()"


def sidebar():
    """The captions, without the marks that keep an address from becoming a link."""
    page = AppTest.from_string(SCRIPT).run(timeout=60)
    assert not page.exception
    return "\n".join(caption.value for caption in page.caption).replace("\u2060", "").replace("\\", "")


def test_the_cluster_of_the_environment_is_named(home, monkeypatch):
    assert "Ray" not in sidebar()
    monkeypatch.setenv("CU_LAUNCHER", "ray")
    monkeypatch.setenv("CU_LAUNCHER_ADDRESS", "http://head:8265")
    assert "Ray http://head:8265 · up to 16 runs at a time" in sidebar()
    monkeypatch.setenv("CU_LAUNCHER_ADDRESS", "head")
    assert "is not where a Ray head listens" in sidebar()


def test_what_keeps_runs_waiting_is_told(home):
    about = {"launcher": "ray", "where": "http://head:8265", "slots": ["ray-0"], "waits": "the head does not answer"}
    (home.root / "dispatcher.json").write_text(json.dumps(identity() | about))
    said = sidebar()
    assert "Ray http://head:8265 · up to 1 run at a time" in said
    assert "Runs wait: the head does not answer" in said
