"""The spool file: what is in it after crashes, and between two programs."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from rlhf_tui.errors import HubError
from rlhf_tui.hub.spool import Spool, spool_path
from rlhf_tui.records import Event
from rlhf_tui.workspace import Workspace


def event(number: int) -> Event:
    return Event(f"e-{number}", "judge", "t-1", shown=["c-1"], tiers=[1], critique="ü\n" * number)


def test_events_come_back_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new" / "spool.jsonl")
    assert spool.read() == []
    events = [event(number) for number in range(5)]
    assert [spool.append(e) for e in events] == [events[:n] for n in range(1, 6)]
    assert Spool(spool.path).read() == events
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    assert spool.forget(events[:3]) == events[3:]
    assert spool.read() == events[3:]


def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.jsonl")
    spool.append(event(1))
    with spool.path.open("ab") as file:
        file.write(b'{"event_id":"e-2","kind":"jud')
    assert spool.read() == [event(1)]
    spool.append(event(3))
    assert spool.read() == [event(1), event(3)]


def test_what_cannot_be_read_or_was_refused_is_kept_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.jsonl")
    spool.append(event(1))
    with spool.path.open("ab") as file:
        file.write(b"\xff not json\n")
    spool.append(event(2))
    assert spool.read() == [event(1), event(2)]
    assert spool.forget([event(1), event(2)], rejected=[event(2)]) == []
    aside = spool.path.with_suffix(".rejected.jsonl").read_bytes()
    assert b"not json" in aside
    assert b"e-2" in aside
    assert b"e-1" not in aside


def test_two_programs_of_one_person_share_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"

    def work(first: int) -> None:
        spool = Spool(path)
        for number in range(first, first + 20):
            spool.append(event(number))
            if number % 5 == 0:
                spool.forget([event(number)])

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = {e.event_id for e in Spool(path).read()}
    expected = {n for first in (0, 100, 200) for n in range(first, first + 20) if n % 5}
    assert kept == {f"e-{n}" for n in expected}


def test_each_person_and_workspace_has_its_own(tmp_path: Path, isolated: Path) -> None:
    first, second = Workspace(tmp_path / "a"), Workspace(tmp_path / "b")
    names = ["ann", "bob", "a b", "ä" * 64, "李" * 64]
    paths = {spool_path(w, name) for w in (first, second) for name in names}
    assert len(paths) == 10
    assert all(len(path.name.encode()) < 255 for path in paths)
    assert all(path.is_relative_to(isolated) for path in paths)


def test_a_disk_that_cannot_take_it_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HubError, match="cannot take the judgement"):
        Spool(tmp_path / "file" / "spool.jsonl").append(event(1))
