"""Reading a JSON Lines file that grows, breaks off, is cut or replaced."""

from __future__ import annotations

import itertools
import json
import os

from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.runs.tail import JsonlTail


def row(number: int, **fields: object) -> bytes:
    return json.dumps({"step": number, **fields}, ensure_ascii=False).encode() + b"\n"


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def steps(rows):
    return [found["step"] for found in rows]


def test_no_file_yet_and_then_each_line_once(tmp_path):
    path = tmp_path / "m.jsonl"
    tail = JsonlTail(path)
    assert tail.read() == []
    append(path, row(1) + row(2))
    assert steps(tail.read()) == [1, 2]
    assert tail.read() == []
    append(path, row(3))
    assert steps(tail.read()) == [3]


def test_a_half_written_line_waits_for_its_other_half(tmp_path):
    path = tmp_path / "m.jsonl"
    tail = JsonlTail(path)
    line = row(2, text="größer")
    middle = line.index("ö".encode()) + 1
    append(path, row(1) + line[:middle])
    assert steps(tail.read()) == [1]
    assert tail.read() == []
    append(path, line[middle:])
    assert tail.read() == [{"step": 2, "text": "größer"}]
    assert tail.bad == 0


def test_broken_lines_are_counted_and_passed_over(tmp_path):
    path = tmp_path / "m.jsonl"
    append(path, row(1) + b'{"step": 2, "lo\n' + b"[1]\n\n" + b"\xff\xfe\n" + row(3))
    tail = JsonlTail(path)
    assert steps(tail.read()) == [1, 3]
    assert tail.bad == 3


def test_a_file_cut_short_is_read_anew(tmp_path):
    path = tmp_path / "m.jsonl"
    append(path, row(1) + row(2))
    tail = JsonlTail(path)
    tail.read()
    path.write_bytes(row(7))
    assert steps(tail.read()) == [7]
    assert tail.restarted
    assert tail.read() == []
    assert not tail.restarted


def test_a_file_cut_and_grown_past_the_place_is_read_anew(tmp_path):
    path = tmp_path / "m.jsonl"
    append(path, row(1) + row(2))
    tail = JsonlTail(path)
    tail.read()
    path.write_bytes(b"".join(row(n) for n in range(10, 20)))
    assert steps(tail.read()) == list(range(10, 20))
    assert tail.restarted


def test_a_replaced_file_is_read_anew(tmp_path):
    path, other = tmp_path / "m.jsonl", tmp_path / "other"
    append(path, row(1))
    tail = JsonlTail(path)
    tail.read()
    append(other, row(1) + row(5))
    other.replace(path)
    assert steps(tail.read()) == [1, 5]


def test_a_file_that_has_another_inode_at_each_look_is_read_to_its_end(tmp_path, monkeypatch):
    path = tmp_path / "m.jsonl"
    append(path, b"".join(row(n, text="x" * 90) for n in range(50)))
    inodes, real = itertools.count(1), os.fstat

    def fstat(descriptor):
        facts = list(real(descriptor))
        facts[1] = next(inodes)
        return os.stat_result(facts)

    monkeypatch.setattr(os, "fstat", fstat)
    tail = JsonlTail(path)
    found = []
    while rows := tail.read(max_bytes=1000):
        assert not tail.restarted
        found += steps(rows)
    assert found == list(range(50))
    path.write_bytes(b"".join(row(n, text="y" * 90) for n in range(60)))
    assert len(tail.read()) == 60, "another text is another file"


def test_a_long_file_can_be_read_in_pieces(tmp_path):
    path = tmp_path / "m.jsonl"
    append(path, b"".join(row(n, text="x" * 90) for n in range(50)))
    tail = JsonlTail(path)
    pieces = [steps(tail.read(max_bytes=1000)) for _ in range(9)]
    assert [n for piece in pieces for n in piece] == list(range(50))
    assert all(len(piece) <= 10 for piece in pieces)
    assert steps(JsonlTail(path).read(max_bytes=5)) == [0], "a line longer than the piece"


def test_a_line_that_never_ends_is_passed_over_in_pieces(tmp_path, monkeypatch):
    """As where a crash has left a file with gigabytes of zeros."""
    monkeypatch.setattr("rlhf_tui.runs.tail.LONGEST", 5000)
    path = tmp_path / "m.jsonl"
    append(path, row(1) + bytes(40_000) + b"\n" + row(2) + row(3, text="x" * 3000))
    tail = JsonlTail(path)
    found, places = [], [0]
    while True:
        found += steps(tail.read(max_bytes=1000))
        places.append(tail.offset)
        if not tail.more:
            break
    assert found == [1, 2, 3]
    assert tail.bad == 1
    assert max(b - a for a, b in itertools.pairwise(places)) < 7000
    append(path, b'{"step": 4')
    assert tail.read(max_bytes=1000) == []
    append(path, b"}\n")
    assert steps(tail.read(max_bytes=1000)) == [4]


@given(
    texts=st.lists(st.text(), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_any_cutting_into_writes_gives_every_row_once(tmp_path_factory, texts, cuts):
    path = tmp_path_factory.mktemp("tail") / "m.jsonl"
    data = b"".join(row(n, text=text) for n, text in enumerate(texts))
    tail = JsonlTail(path)
    seen = []
    places = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    for start, end in zip([0, *places], places, strict=False):
        append(path, data[start:end])
        seen += tail.read()
    assert seen == [{"step": n, "text": text} for n, text in enumerate(texts)]
    assert tail.bad == 0
