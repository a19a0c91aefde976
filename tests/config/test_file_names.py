"""Names of people in files' names, and the name of an account that has none."""

from __future__ import annotations

import os
import pwd

import pytest

from rlhf_tui.config.file_names import LONGEST, file_name, own_name


def test_who_has_no_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert own_name() == f"uid-{os.getuid()}"
    monkeypatch.setenv("LOGNAME", "anna")
    assert own_name() == "anna"


def test_names_of_files_differ_and_fit() -> None:
    names = ["Anna B", "a/b", "a%2Fb", "é" * 100, "é" * 101, "..", "x" * LONGEST]
    files = [file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert all("/" not in file and len(file) <= LONGEST for file in files)
