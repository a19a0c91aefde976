"""Which container a file is, by its name and, where that says nothing, by its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf_tui.errors import InputError
from rlhf_tui.formats.csvfile import csv_rows
from rlhf_tui.formats.jsonfile import json_array, json_lines
from rlhf_tui.formats.parquetfile import parquet_rows
from rlhf_tui.formats.source import Item, check_file, check_is_text
from rlhf_tui.formats.textfile import text_rows

LINES = (".jsonl", ".ndjson")
KNOWN = "Known are JSON Lines (.jsonl, also .gz), JSON (.json), CSV, Parquet and .txt."


def rows(path: Path) -> Iterator[Item]:
    """The file's rows.

    Raises:
        InputError: no such file, no file, empty, binary junk, or of an unknown kind.
    """
    check_file(path)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    with path.open("rb") as file:
        magic = file.read(4)
    if suffix == ".parquet" or magic == b"PAR1":
        return parquet_rows(path)
    head = check_is_text(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    if suffix in (".txt", ".text"):
        return text_rows(path)
    if suffix in (".csv", ".tsv"):
        return csv_rows(path, "\t" if suffix == ".tsv" else ",")
    # A list of objects is an array whatever its name; a .jsonl may begin with a bad row.
    if head.startswith(b"[") and (suffix not in LINES or head[1:].lstrip()[:1] in (b"{", b"]")):
        return json_array(path)
    if head.startswith(b"{") or suffix in (*LINES, ".json"):
        return json_lines(path)
    raise InputError(f"{path} is of an unknown kind.", hint=KNOWN)
