"""Finding and making a workspace."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rlhf_tui.config.settings import load_settings
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import find_workspace, init_workspace


def test_a_new_workspace_holds_what_the_readme_says(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "a" / "b", seed=7)
    assert {path.name for path in workspace.root.iterdir()} == {"rlhf.toml", "runs", "exports"}
    settings = load_settings(workspace, {})
    assert (settings.workspace.name, settings.workspace.seed) == ("b", 7)


def test_a_name_with_quotes_and_lines_survives(tmp_path: Path) -> None:
    name = 'of "Anna"\nand \\ Bo\t\x7f'
    workspace = init_workspace(tmp_path / "w", name=name)
    assert load_settings(workspace, {}).workspace.name == name


def test_option_environment_and_parents_in_this_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, named, option = (init_workspace(tmp_path / name) for name in ("here", "env", "option"))
    deep = here.root / "runs" / "deep"
    deep.mkdir()
    monkeypatch.chdir(deep)
    assert find_workspace().root == here.root
    monkeypatch.setenv("RLHF_TUI_WORKSPACE", str(named.root))
    assert find_workspace().root == named.root
    assert find_workspace(option.root).root == option.root


def test_none_found_names_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="rlhf-tui init"):
        find_workspace()
    with pytest.raises(UsageError, match="rlhf-tui init other"):
        find_workspace(Path("other"))


def test_a_workspace_is_not_made_twice(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "w")
    before = workspace.config.read_text()
    with pytest.raises(UsageError, match="already"):
        init_workspace(tmp_path / "w", name="other")
    assert workspace.config.read_text() == before


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("not a directory")
    with pytest.raises(UsageError, match="Cannot make a workspace"):
        init_workspace(tmp_path / "w")


def test_bad_settings_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="validation"):
        init_workspace(tmp_path / "w", settings={"workspace": {"validation": 2.0}})
    assert not (tmp_path / "w").exists()


def test_a_shared_workspace_lets_its_group_reach_the_hub_and_nothing_else(tmp_path: Path) -> None:
    workspace = init_workspace(tmp_path / "w", settings={"workspace": {"shared": True}})
    mode = workspace.root.stat().st_mode
    assert mode & stat.S_ISGID
    assert mode & stat.S_IRWXG == stat.S_IRGRP | stat.S_IXGRP
    assert workspace.config.stat().st_mode & stat.S_IRGRP
    for directory in (workspace.runs, workspace.exports):
        assert not directory.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
