"""Sentences on what became of several people's judgements, and on the control share."""

from __future__ import annotations

from rlhf_tui.counting import count
from rlhf_tui.dataset.aggregation import MODELS, NAMES, Aggregated, decides
from rlhf_tui.dataset.notes import last_prompt, listed
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Connection

MOST_NAMED = 8
"""People whose reliability is told by name: the least reliable, which one may act on."""

# Items that the rows of a kind could come from, by the tables that `queries` has filled.
_TASKS = {
    "preference": "SELECT task FROM found_pairs WHERE $last = 0 OR prompt <= $last",
    "unpaired-preference": """
        SELECT k.task FROM counted k JOIN thumbs t USING (seq)
        WHERE $last = 0 OR k.prompt <= $last""",
}


def notes(con: Connection, spec: DatasetSpec, kind: str, outcome: Aggregated) -> list[str]:
    """Empty where nobody judged what another judged, and nothing was left out."""
    if kind not in ("preference", "unpaired-preference", "prompt-completion"):
        return []
    last = last_prompt(con, spec)
    found = []
    if kind in _TASKS:
        found += _items(con, spec, kind, last)
    if decides(spec) and (kind in _TASKS or spec.include):
        found += _left_out(con, spec, kind, last)
    if spec.aggregate in MODELS and (kind in _TASKS or spec.include):
        found.append(_reliability(spec, outcome))
    if spec.validation == "control":
        found += _control(con, spec)
    return found


def _items(con: Connection, spec: DatasetSpec, kind: str, last: int) -> list[str]:
    items, several, settled = con.execute(
        f"""SELECT count(*), count(*) FILTER (n > 1), count(*) FILTER (settled) FROM (
            SELECT task, count(*) AS n, bool_or(settled) AS settled FROM counted
            WHERE task IN ({_TASKS[kind]}) GROUP BY task)""",
        {"last": last},
    ).fetchall()[0]
    found = []
    if several:
        what = {
            "all": "each judgement counts by itself",
            "majority": "the majority decides",
            "unanimous": "they decide where they are unanimous",
            "dawid-skene": "weighed by reliability, after Dawid and Skene",
            "bradley-terry": "weighed by reliability, after Bradley and Terry",
        }[spec.aggregate]
        were = "was" if several == 1 else "were"
        found.append(
            f"{several:,} of {count(items, 'item')} {were} judged by several people: {what}."
        )
    if settled:
        found.append(
            f"{count(settled, 'item')} {'is' if settled == 1 else 'are'} settled, and"
            f" {'counts as its' if settled == 1 else 'count as their'} adjudication says."
        )
    return found


def _left_out(con: Connection, spec: DatasetSpec, kind: str, last: int) -> list[str]:
    """What others' votes kept out; of a pair or completion that no one decided there is no word."""
    one, more = ("pair", "pairs") if kind == "preference" else ("completion", "completions")
    counted = dict(
        con.execute(
            "SELECT left_out, count(*) FROM decisions"
            " WHERE left_out <> '' AND ($last = 0 OR prompt <= $last) GROUP BY left_out",
            {"last": last},
        ).fetchall()
    )
    parts = [
        f"{count(counted[reason], one, more)} {words}"
        for reason, words in (
            ("even", "evenly split"),
            ("divided", "without unanimity"),
            ("few", f"decided by fewer than {spec.min_judgements}"),
            ("disagreed", f"with an agreement below {spec.min_agreement:g}"),
        )
        if reason in counted
    ]
    return [f"Left out for what others said: {listed(parts)}."] if parts else []


def _reliability(spec: DatasetSpec, outcome: Aggregated) -> str:
    if outcome.reliability is None:
        return "Nobody decided what another had decided, so nobody's reliability was estimated."
    worst = sorted(outcome.reliability.items(), key=lambda entry: (entry[1], entry[0]))
    named = ", ".join(f"{name} {value:.2f}" for name, value in worst[:MOST_NAMED])
    more = len(worst) - MOST_NAMED
    others = f" and {more:,} more reliable" if more > 0 else ""
    return f"Reliability after {NAMES[spec.aggregate]}: {named}{others}."


def _control(con: Connection, spec: DatasetSpec) -> list[str]:
    aside = con.execute("SELECT count(*) FROM set_aside").fetchall()[0][0]
    if not aside:
        return []
    left = con.execute("SELECT count(*) FROM picked WHERE split <> 'train'").fetchall()[0][0]
    splits: list[str] = [split for split in spec.splits if split != "train"]
    hold = f"{listed(splits).capitalize()} {'holds' if len(splits) == 1 else 'hold'}"
    return [
        f"{hold} no judgements of items that were chosen as most informative:"
        f" {aside:,} left out, {count(left, 'row')} left."
    ]
