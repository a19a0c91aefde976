"""Every version of the guidelines that annotators were shown."""

from __future__ import annotations

import time

from rlhf_tui.store.database import Store


def save_guidelines(store: Store, version: str, text: str) -> None:
    """Keep a version; a known one changes nothing."""
    with store.transaction() as transaction:
        transaction.con.execute(
            "INSERT INTO guidelines SELECT $version, $text, $now"
            " WHERE NOT EXISTS (SELECT 1 FROM guidelines WHERE version = $version)",
            {"version": version, "text": text, "now": time.time_ns() // 1_000_000},
        )


def guidelines_of(store: Store, version: str) -> str | None:
    """The text of a version; None for one that nobody was shown."""
    with store.reading() as con:
        found = con.execute("SELECT text FROM guidelines WHERE version = ?", [version]).fetchone()
    return str(found[0]) if found else None
