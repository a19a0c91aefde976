"""A workspace is a directory: where its files lie, how it is found, and how it is made."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf_tui.errors import UsageError

CONFIG = "rlhf.toml"
VARIABLE = "RLHF_TUI_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace; `root` is absolute."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / CONFIG

    @property
    def store(self) -> Path:
        return self.root / "store.duckdb"

    @property
    def lock(self) -> Path:
        return self.root / "store.lock"

    @property
    def socket(self) -> Path:
        return self.root / "hub.sock"

    @property
    def hub_file(self) -> Path:
        return self.root / "hub.json"

    @property
    def hub_log(self) -> Path:
        return self.root / "hub.log"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def exports(self) -> Path:
        return self.root / "exports"

    @property
    def guidelines(self) -> Path:
        """What annotators are to go by, in Markdown; there may be none."""
        return self.root / "guidelines.md"

    @property
    def imports(self) -> Path:
        """Rejected rows of imports, one file an import."""
        return self.root / "imports"


def find_workspace(option: Path | None = None) -> Workspace:
    """The workspace that a command works on.

    The option, else $RLHF_TUI_WORKSPACE, else the nearest parent directory with rlhf.toml.

    Raises:
        UsageError: there is none; the hint names `init`.
    """
    named = option if option is not None else _from_environment()
    if named is not None:
        root = named.expanduser().absolute()
        if not (root / CONFIG).is_file():
            raise UsageError(
                f"{root} is not a workspace: it holds no {CONFIG}.",
                hint=f"Make one there with: rlhf-tui init {named}",
            )
        return Workspace(root.resolve())
    here = Path.cwd()
    found = enclosing(here)
    if found is not None:
        return Workspace(found)
    raise UsageError(
        f"There is no workspace in {here} or above it.",
        hint="Make one with: rlhf-tui init DIR, or name one with -w DIR.",
    )


def has_workspace(directory: Path) -> bool:
    """True when the directory is in a workspace."""
    return enclosing(directory) is not None


def init_workspace(
    directory: Path,
    *,
    name: str = "",
    seed: int = 0,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Workspace:
    """Make a workspace: the directory, rlhf.toml with every setting commented, runs/, exports/.

    Args:
        name: shown in titles; the directory's name when empty.
        settings: further settings to write, by table of rlhf.toml; with `shared` in [workspace]
            the directory's group may reach the hub there.

    Raises:
        UsageError: there is a workspace already, or the directory cannot be written.
    """
    from rlhf_tui.config.settings import TABLES, convert_fields
    from rlhf_tui.config.template import template

    root = directory.expanduser().absolute()
    tables: dict[str, dict[str, Any]] = {table: dict(v) for table, v in (settings or {}).items()}
    first = {"name": name or root.name, "seed": seed} | tables.pop("workspace", {})
    tables = {"workspace": first, **tables}
    for table, values in tables.items():
        convert_fields(TABLES[table], values, where=f"[{table}]")
    try:
        root.mkdir(parents=True, exist_ok=True)
        workspace = Workspace(root.resolve())
        if workspace.config.exists():
            raise UsageError(
                f"{root} is a workspace already.", hint=f"Open it with: rlhf-tui -w {directory}"
            )
        for part in (workspace.runs, workspace.exports):
            part.mkdir(exist_ok=True)
        # Last, and at once: a directory without rlhf.toml is no workspace yet.
        aside = workspace.root / f".{CONFIG}.{os.getpid()}"
        aside.write_text(template(tables), encoding="utf-8")
        if first.get("shared"):
            _open_to_group(workspace, aside)
        aside.replace(workspace.config)
    except OSError as error:
        raise UsageError(f"Cannot make a workspace in {root}: {error.strerror}.") from None
    return workspace


def _open_to_group(workspace: Workspace, config: Path) -> None:
    """Let the group read the settings and come as far as the hub's socket.

    No further: the store and the runs say who judged what and which model wrote what, and who
    may write in the directory could put another socket, settings or models in their place.
    """
    mode = workspace.root.stat().st_mode
    workspace.root.chmod((mode & ~stat.S_IWGRP) | stat.S_ISGID | stat.S_IRGRP | stat.S_IXGRP)
    for part in (workspace.runs, workspace.exports):
        part.chmod(stat.S_IRWXU)
    config.chmod(config.stat().st_mode | stat.S_IRGRP)


def enclosing(directory: Path) -> Path | None:
    """The workspace that a directory is in: itself, or the nearest parent that holds rlhf.toml."""
    for candidate in (directory, *directory.parents):
        if (candidate / CONFIG).is_file():
            return candidate
    return None


def _from_environment() -> Path | None:
    value = os.environ.get(VARIABLE, "")
    return Path(value) if value else None
