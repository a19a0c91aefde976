"""One row of the table of keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One row of the table."""

    id: str
    """Unique, `screen.what`; the name under which a person's keymap may move it."""
    keys: str
    """Textual key names, comma-separated; the first one is shown in the footer."""
    action: str
    """The screen's action. `{key}` stands for the key pressed: one binding a key is made."""
    description: str
    """For the help and the README."""
    screen: str
    """everywhere | home | label (rank and thumbs alike) | rank | thumbs | ask | aspects |
    dashboard | launch | history | statistics."""
    group: str
    """The help's heading."""
    footer: str = ""
    """Its word in the footer; empty: not shown there. Earlier rows are kept longer when the
    terminal is narrow."""

    @property
    def per_key(self) -> bool:
        """Each key means something of its own, as the digits do."""
        return "{key}" in self.action
