"""Good, bad and hostile files of every container."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.errors import InputError
from rlhf_tui.formats import Reject, jsonfile, read, reading, write_rejects
from rlhf_tui.formats.containers import rows
from rlhf_tui.formats.reading import annotator_of


def prompts(path, **options):
    """The texts of a file of prompts, and its rejects."""
    found = read(path, **options)
    texts = [p.prompt for batch in found.batches() for p in batch.prompts]
    return texts, [(r.line, r.reason) for r in found.rejects]


def put(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


# --- whole files that cannot be taken ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"\n\n  \n", "has no rows"),
        ("a.json", b" []", "has no rows"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\n", "has no header line"),
        ("a.csv", b"prompt,chosen\n", "has no rows"),
        ("a.csv", b"prompt,prompt\na,b\n", "names 'prompt' twice"),
        ("a.txt", b"\n \n", "has no rows"),
        ("a.jsonl", bytes(range(256)) * 20, "is a binary file"),
        ("a.txt", b"\x7fELF\0\0\0\0", "is a binary file"),
        ("a.parquet", b"not a table at all", "is not a whole Parquet file"),
        ("a.parquet", b"PAR1 cut off", "is not a whole Parquet file"),
        ("a.jsonl.gz", b'{"prompt": "not packed"}\n', "is not a whole .gz file"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.csv", "prompt\nä\n".encode("utf-16"), "is in UTF-16"),
        ("a.bin", b"hello there", "is of an unknown kind"),
        ("a.jsonl", b"hello\nthere\n", "No row of .* can be read; line 1: broken JSON"),
        ("a.json", b'{\n "prompt": "a"\n}\n', "No row of .* can be read; line 1: broken JSON"),
        ("a.jsonl", b'{"a": "\xff\xfa"}\n', "line 1: not valid UTF-8"),
        ("a.json", b'[{"prompt": "a"', "line 1: broken JSON"),
    ],
)
def test_a_file_that_cannot_be_taken_is_a_sentence(tmp_path, name, data, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(put(tmp_path, name, data))
    assert str(tmp_path / name) in caught.value.message


def test_no_file_a_directory_and_a_forbidden_one(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a directory"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"cannot be read: Not a dir"):
        read(put(tmp_path, "file", b"x") / "below.jsonl")


@pytest.mark.skipif(os.getuid() == 0, reason="root may open every file")
def test_a_file_without_permission(tmp_path):
    path = put(tmp_path, "a.jsonl", b"{}")
    path.chmod(0)
    with pytest.raises(InputError, match="you may not open it"):
        read(path)


# --- bad rows among good ones ------------------------------------------------------------------


def test_bad_lines_are_rejected_by_number_and_the_rest_is_taken(tmp_path):
    data = (
        b'\xef\xbb\xbf{"prompt": "one"}\r\n'
        b"\r\n"
        b'{"prompt": "br\n'
        b'{"prompt": "caf\xe9"}\n'
        b'["prompt"]\n'
        b'{"prompt": "\\ud800 alone"}\n'
        b'{"prompt": "a"} {"prompt": "b"}\n' + b"[" * 3000 + b"\n"
        b'{"prompt": 7}\n'
        b'{"prompt": "caf\xc3\xa9 \\u00e9 \\n"}'
    )
    texts, rejects = prompts(put(tmp_path, "a.jsonl", data))
    assert texts == ["one", "café é \n"]
    assert [line for line, _ in rejects] == [3, 4, 5, 6, 7, 8, 9]
    assert rejects[1][1] == "not valid UTF-8"
    assert rejects[2][1] == "not a JSON object"
    assert rejects[5][1] == "broken JSON: nested too deeply"
    assert all(reason.startswith("broken JSON") for _, reason in (rejects[0], *rejects[3:6]))


def test_a_jsonl_that_begins_with_a_bad_row_is_not_an_array(tmp_path):
    texts, rejects = prompts(put(tmp_path, "a.jsonl", b'[1]\n{"prompt": "a"}\n'))
    assert (texts, rejects) == (["a"], [(1, "not a JSON object")])


def test_an_array_is_known_whatever_its_name(tmp_path):
    for name in ("a.json", "a.jsonl", "a"):
        path = put(tmp_path, name, b'\n[{"prompt": "a"},\n {"prompt": "b"}\n]\n')
        assert prompts(path) == (["a", "b"], [])


@pytest.mark.parametrize(
    ("data", "texts", "rejected"),
    [
        (b'[{"prompt": "a"}, 5, {"prompt": "\xff"}, {"prompt": "d"}]', ["a", "d"], [2, 3]),
        (b'[{"prompt": "a"}, {"prompt": b}, {"prompt": "c"}]', ["a"], [2]),
        (b'[{"prompt": "a"} {"prompt": "b"}]', ["a"], [2]),
        (b'[{"prompt": "a"}, {"prompt": "b"}', ["a", "b"], [3]),
        (b'[{"prompt": "a"}, {"pro', ["a"], [2]),
        (b'[{"prompt": "a"},]', ["a"], []),
    ],
)
def test_broken_arrays_give_what_stands_before_the_break(tmp_path, data, texts, rejected):
    found, rejects = prompts(put(tmp_path, "a.json", data))
    assert (found, [line for line, _ in rejects]) == (texts, rejected)


def test_an_array_longer_than_its_window(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonfile, "CHUNK", 7)
    wanted = [f'{"ä" * n} \\ " ]}}, {n}' for n in range(40)]
    data = json.dumps([{"prompt": text} for text in wanted], ensure_ascii=False)
    assert prompts(put(tmp_path, "a.json", data.encode())) == (wanted, [])


def test_csv_values_may_hold_anything_quoted(tmp_path):
    data = b'id,prompt\r\n1,"two\nlines, ""quoted"""\r\n\r\n2,"  kept  "\r\n'
    data += b"3\r\n4,a,b\r\n5,\xff\r\n6,f"
    texts, rejects = prompts(put(tmp_path, "a.csv", data))
    assert texts == ['two\nlines, "quoted"', "  kept  ", "f"]
    assert rejects == [
        (6, "1 values for 2 columns"),
        (7, "3 values for 2 columns"),
        (8, "not valid UTF-8"),
    ]


def test_plain_text_is_a_prompt_a_line_kept_exactly(tmp_path):
    data = b"\xef\xbb\xbfOne \r\n\r\n  Two\n\xff\nThree, \xc3\xa4"
    found = read(put(tmp_path, "a.txt", data))
    assert found.format.name == "prompt-only"
    texts, rejects = prompts(found.path)
    assert texts == ["One ", "  Two", "Three, ä"]
    assert rejects == [(4, "not valid UTF-8")]


def test_a_damaged_gz_gives_what_stands_before_the_damage(tmp_path):
    texts = [os.urandom(40).hex() for _ in range(9000)]
    packed = gzip.compress("".join(f'{{"prompt": "{text}"}}\n' for text in texts).encode())
    texts, rejects = prompts(put(tmp_path, "a.jsonl.gz", packed[: len(packed) // 2]))
    assert 1000 < len(texts) < 9000
    assert len(rejects) == 1
    assert rejects[0][0] == len(texts) + 1
    assert "damaged from here on" in rejects[0][1]


def test_a_damaged_parquet_gives_what_stands_before_the_damage(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"prompt": [f"{n} {os.urandom(20).hex()}" for n in range(4000)]})
    pq.write_table(table, path, row_group_size=1000, compression="gzip", use_dictionary=False)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    texts, rejects = prompts(path)
    assert len(texts) >= 1000
    assert len(rejects) == 1
    assert "damaged from here on" in rejects[0][1]


def test_a_text_that_is_no_utf8_in_parquet_spoils_its_row_only(tmp_path):
    path = tmp_path / "a.parquet"
    broken = pa.array([b"one", b"\xff", b"three"]).view(pa.string())
    pq.write_table(pa.table({"prompt": broken}), path)
    assert prompts(path) == (["one", "three"], [(2, "not valid UTF-8")])


# --- size --------------------------------------------------------------------------------------

LONG = """
import resource, sys
from pathlib import Path
from rlhf_tui.formats import read
import pyarrow.parquet
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = read(path)
count = sum(len(b.prompts) for b in found.batches())
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(count, [(r.line, r.reason) for r in found.rejects], int(grown))
"""


@pytest.mark.parametrize(("name", "first"), [("a.jsonl", ""), ("a.csv", "prompt\n"), ("a.txt", "")])
def test_a_line_of_50_mb_is_rejected_in_bounded_memory(tmp_path, name, first):
    row = '{"prompt": "%s"}\n' if name == "a.jsonl" else "%s\n"
    path = tmp_path / name
    with path.open("w") as file:
        file.write(first + row % "one")
        file.write(row % ("x" * 50_000_000))
        file.write(row % "three")
    done = subprocess.run(
        [sys.executable, "-c", LONG, str(path)], capture_output=True, text=True, check=True
    )
    line = 3 if first else 2
    said, grown = done.stdout.rsplit(" ", 1)
    assert said == f"2 [({line}, 'longer than 16 MiB')]"
    assert int(grown) < 50, "more megabytes than the line has"


def test_batches_end_by_rows_and_by_size(tmp_path, monkeypatch):
    path = put(tmp_path, "a.txt", b"".join(b"%d\n" % n for n in range(1201)))
    assert [batch.rows for batch in read(path).batches()] == [500, 500, 201]
    monkeypatch.setattr(reading, "BATCH_BYTES", 1000)
    assert max(batch.rows for batch in read(path).batches()) < 400


def test_an_iterator_reads_no_further_than_asked(tmp_path):
    path = put(tmp_path, "a.jsonl", b'{"prompt": "a"}\n' * 200_000)
    found = rows(path)
    assert next(found).row == {"prompt": "a"}


# --- small things ------------------------------------------------------------------------------


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.lists(TEXT, min_size=1, max_size=20))
def test_any_text_comes_back_as_it_went_in(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("texts")
    wanted = list(dict.fromkeys(texts))
    lines = [json.dumps({"prompt": text}, ensure_ascii=False) for text in texts]
    (folder / "a.jsonl").write_bytes("\n".join(lines).encode())
    (folder / "a.json").write_bytes(f"[{','.join(lines)}]".encode())
    pq.write_table(pa.table({"prompt": texts}), folder / "a.parquet")
    for name in ("a.jsonl", "a.json", "a.parquet"):
        assert prompts(folder / name) == (wanted, [])


def test_rejects_are_written_as_lines(tmp_path):
    path = tmp_path / "a.rejects.jsonl"
    write_rejects(path, [Reject(3, "no prompt"), Reject(9, "ü")])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"line": 3, "reason": "no prompt"},
        {"line": 9, "reason": "ü"},
    ]


@pytest.mark.parametrize(
    ("name", "annotator"),
    [
        ("pairs.jsonl", "import:pairs"),
        ("pairs.jsonl.gz", "import:pairs"),
        ("a.b.parquet", "import:a.b"),
        ("no-suffix", "import:no-suffix"),
        ("tab\there.csv", "import:tab_here"),
        ("x" * 200 + ".csv", "import:" + "x" * 50),
    ],
)
def test_the_name_that_an_import_judges_under(tmp_path, name, annotator):
    assert annotator_of(tmp_path / name) == annotator


def test_importing_needs_neither_duckdb_nor_torch(tmp_path):
    path = put(tmp_path, "a.txt", b"one\n")
    code = (
        "import sys; from pathlib import Path; from rlhf_tui.formats import read;"
        f"list(read(Path({str(path)!r})).batches());"
        "print({'torch', 'duckdb', 'textual', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
