"""Sentences for people on a data set: what is in it, and what was left out and why."""

from __future__ import annotations

from rlhf_tui.counting import count
from rlhf_tui.dataset import queries
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Connection


def listed(parts: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def notes(con: Connection, spec: DatasetSpec, kind: str) -> list[str]:
    """What `picked` holds, as sentences; the first one is the summary."""
    found = _NOTES[kind](con, spec)
    if spec.form != "auto" and kind != "rankings":
        other = "text" if spec.form == "messages" else "messages"
        number = _one(
            con,
            "SELECT count(*) FROM prompts WHERE list_contains(?::VARCHAR[], split)"
            " AND (messages IS NOT NULL) = ?",
            [spec.splits, other == "messages"],
        )
        if number:
            found.append(f"{count(number, 'prompt')} in the form of {other} left out.")
    return found


def _one(con: Connection, query: str, values: list[object] | None = None) -> int:
    return int(con.execute(query, values or []).fetchall()[0][0])


def _preference(con: Connection, spec: DatasetSpec) -> list[str]:
    last = last_prompt(con, spec)
    # Rankings and people are those that rows rest on: of an aggregated row, all of its item.
    pairs, rankings, people = con.execute(
        "SELECT count(*), count(DISTINCT seq), count(DISTINCT annotator) FROM picked"
        if spec.aggregate == "all"
        else """SELECT (SELECT count(*) FROM picked), count(DISTINCT seq),
            count(DISTINCT annotator) FROM votes WHERE task IN (SELECT item FROM picked)"""
    ).fetchall()[0]
    ties, unranked, unsure, both_bad, same = con.execute(
        queries.LEFT_OUT, {"runs": spec.runs, "last": last}
    ).fetchall()[0]
    left = [
        count(number, *words)
        for number, words in (
            (ties, ("tie",)),
            (unranked, ("unranked completion",)),
            (unsure, ("unsure ranking",)),
            (both_bad, ("both-bad ranking",)),
            (same, ("pair of identical texts", "pairs of identical texts")),
        )
        if number
    ]
    summary = (
        f"{count(pairs, 'pair')} from {count(rankings, 'ranking')} by {count(people, 'annotator')}"
    )
    return [f"{summary}; {listed(left)} left out." if left else f"{summary}."]


def last_prompt(con: Connection, spec: DatasetSpec) -> int:
    """The last prompt under a limit, else 0."""
    return _one(con, "SELECT coalesce(max(prompt), 0) FROM picked") if spec.limit else 0


def _unpaired(con: Connection, spec: DatasetSpec) -> list[str]:
    who = "annotator" if spec.aggregate == "all" else "unnest(annotators)"
    up, down, people = con.execute(
        f"""SELECT count(*) FILTER (label), count(*) FILTER (NOT label),
            (SELECT count(DISTINCT who) FROM (SELECT {who} AS who FROM picked)) FROM picked"""
    ).fetchall()[0]
    found = [
        f"{count(up + down, 'thumb')} by {count(people, 'annotator')}: {up:,} up, {down:,} down."
    ]
    if (up == 0) != (down == 0):
        found.append(
            f"Every thumb is {'up' if up else 'down'}: a model learns nothing from one side alone."
        )
    return found


def _prompt_completion(con: Connection, spec: DatasetSpec) -> list[str]:
    demonstrations, edits, liked = con.execute(
        """SELECT count(*) FILTER (place = 0), count(*) FILTER (place IN (1, 2)),
            count(*) FILTER (place = 3) FROM picked"""
    ).fetchall()[0]
    parts = [count(demonstrations, "demonstration"), count(edits, "edit")]
    if spec.include:
        parts.append(count(liked, "liked completion"))
    return [f"{listed(parts)}."]


def _prompt_only(con: Connection, spec: DatasetSpec) -> list[str]:
    return [f"{count(_one(con, 'SELECT count(*) FROM picked'), 'prompt')}."]


def _scored(con: Connection, spec: DatasetSpec) -> list[str]:
    number = _one(con, "SELECT count(*) FROM picked")
    return [f"{count(number, 'completion')} of {listed(spec.runs)}."]


def _rankings(con: Connection, spec: DatasetSpec) -> list[str]:
    events, people = con.execute(
        "SELECT count(*), count(DISTINCT annotator) FROM picked"
    ).fetchall()[0]
    kinds = con.execute("SELECT kind, count(*) FROM picked GROUP BY kind ORDER BY kind").fetchall()
    detail = ", ".join(f"{number:,} {kind}" for kind, number in kinds)
    return [
        f"{count(events, 'event')} by {count(people, 'annotator')} ({detail}), with all that they"
        " refer to; what nobody has judged or skipped is not in it."
    ]


_NOTES = {
    "preference": _preference,
    "unpaired-preference": _unpaired,
    "prompt-completion": _prompt_completion,
    "prompt-only": _prompt_only,
    "rankings": _rankings,
    "scored": _scored,
}
