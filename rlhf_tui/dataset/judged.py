"""SQL that makes rows of judgements: preference, unpaired preference, liked completions.

`counted` holds the judgements that may make rows. Where several people's judgements of one thing
decide about its row, aggregation.py takes the decisions.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rlhf_tui.dataset import aggregation
from rlhf_tui.dataset.aggregation import Aggregated
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Connection

BY = "(len($annotators::VARCHAR[]) = 0 OR list_contains($annotators::VARCHAR[], {0}.annotator))"
"""Of these annotators; `{0}` is the alias of a table with the column."""
IN = "(len($runs::VARCHAR[]) = 0 OR list_contains($runs::VARCHAR[], {0}.run_id))"
"""Of these generate runs, likewise."""

_CONTENT = """
    texts AS (
        SELECT position, completion_id, prompt_id, run_id, origin, demonstration,
            hash(text, messages) AS content
        FROM completions)"""

# Judgements that may make rows. The strength is that of a pair: with more on the screen it has no
# two that it lies between.
_COUNTED = f"""
    CREATE TEMP TABLE counted AS
    WITH informative AS (
        SELECT DISTINCT task_id, annotator FROM events
        WHERE selection = 'informative' AND kind IN ('judge', 'revise'))
    SELECT d.seq, d.kind = 'adjudicate' AS settled, d.both_bad, t.position AS task,
        q.position AS prompt, q.split,
        CASE WHEN len(d.shown) = 2 THEN d.strength END AS strength,
        (d.task_id, d.annotator) IN (SELECT (task_id, annotator) FROM informative)
            OR (d.kind = 'adjudicate' AND d.task_id IN (SELECT task_id FROM informative))
            AS informative
    FROM decided d
    JOIN tasks t USING (task_id)
    JOIN picked_prompts q ON q.prompt_id = t.prompt_id
    WHERE ($gold OR t.gold IS NULL) AND {BY.format("d")}"""

# What was chosen because a reward model was unsure of it is harder than what comes by itself.
_SET_ASIDE = """
    CREATE TEMP TABLE set_aside AS SELECT * FROM counted
    WHERE informative AND split <> 'train'"""
_KEEP_CONTROL = "DELETE FROM counted WHERE seq IN (SELECT seq FROM set_aside)"

_PREFERENCE = f"""
    CREATE TEMP TABLE found_pairs AS
    WITH {_CONTENT}
    SELECT p.seq, p.ranking_id, p.annotator, p.chosen_id, p.rejected_id,
        q.position AS prompt, q.split, q.chat, k.task,
        a.position AS chosen, b.position AS rejected, a.content = b.content AS same,
        k.strength::DOUBLE AS strength
    FROM pairs p
    JOIN counted k USING (seq)
    JOIN texts a ON a.completion_id = p.chosen_id
    JOIN texts b ON b.completion_id = p.rejected_id
    JOIN picked_prompts q ON q.prompt_id = a.prompt_id
    WHERE {IN.format("a")} AND {IN.format("b")}"""

# Rows of judgements by themselves, where one is left out for what others say of the same.
_ENOUGH = """
    DELETE FROM found_pairs WHERE EXISTS (
        SELECT 1 FROM decisions d
        WHERE d.first = least(chosen, rejected) AND d.second = greatest(chosen, rejected)
        AND d.left_out <> '')"""

_ALL_PAIRS = """
    CREATE TEMP TABLE picked AS
    SELECT * EXCLUDE (same, chosen_id, rejected_id, task),
        1.0::DOUBLE / count(*) OVER (PARTITION BY seq) AS weight
    FROM found_pairs WHERE NOT same"""

# The draw is a hash of ids: the same pair every time, and no pair is favoured.
_ONE_PAIR = """
    CREATE TEMP TABLE picked AS
    SELECT * EXCLUDE (same, chosen_id, rejected_id, task), 1.0::DOUBLE AS weight
    FROM found_pairs WHERE NOT same
    QUALIFY row_number() OVER (
        PARTITION BY seq ORDER BY md5(ranking_id || chosen_id || rejected_id)) = 1"""

_UNPAIRED = f"""
    CREATE TEMP TABLE picked AS
    SELECT q.position AS prompt, q.split, q.chat, c.position AS completion,
        t.seq, t.annotator, t.label
    FROM thumbs t
    JOIN counted k USING (seq)
    JOIN completions c ON c.completion_id = t.completion_id
    JOIN picked_prompts q ON q.prompt_id = c.prompt_id
    WHERE {IN.format("c")}"""

_ENOUGH_THUMBS = """
    DELETE FROM picked WHERE completion IN (SELECT first FROM decisions WHERE left_out <> '')"""

_LIKED_BY = {"thumbs-up": aggregation.VOTES_OF_THUMBS, "best-ranked": aggregation.VOTES_OF_BEST}

_LIKED = """
    CREATE TEMP TABLE liked AS
    SELECT first AS position, arg_max(up, agreement) AS votes_for,
        arg_max(down, agreement) AS votes_against, max(agreement) AS agreement
    FROM decisions WHERE left_out = '' AND first_wins GROUP BY first"""

_NOBODY_LIKED = """
    CREATE TEMP TABLE liked AS
    SELECT -1 AS position, 0 AS votes_for, 0 AS votes_against, 1.0 AS agreement WHERE false"""

_PROMPT_COMPLETION = f"""
    CREATE TEMP TABLE picked AS
    WITH {_CONTENT},
    candidates AS (
        SELECT prompt_id, position AS completion, content, origin,
            CASE WHEN demonstration THEN 0 ELSE 1 END AS place,
            NULL AS votes_for, NULL AS votes_against, NULL AS agreement
        FROM texts
        WHERE demonstration OR (origin = 'edit' AND completion_id NOT IN (
            SELECT unnest(written).completion_id FROM events WHERE len(written) > 0))
        UNION ALL
        SELECT x.prompt_id, x.position, x.content, x.origin, 2, NULL, NULL, NULL
        FROM texts x JOIN written w USING (completion_id) JOIN tasks t USING (task_id)
        WHERE ($gold OR t.gold IS NULL) AND {BY.format("w")}
        UNION ALL
        SELECT x.prompt_id, x.position, x.content, x.origin, 3,
            l.votes_for, l.votes_against, l.agreement
        FROM texts x JOIN liked l USING (position))
    SELECT q.position AS prompt, q.split, q.chat, c.* EXCLUDE (prompt_id, content)
    FROM candidates c JOIN picked_prompts q USING (prompt_id)
    QUALIFY row_number() OVER (
        PARTITION BY prompt_id, content ORDER BY place, completion, agreement DESC) = 1"""


def pick_judged(con: Connection, spec: DatasetSpec, given: dict[str, Any]) -> Aggregated:
    """Fill `picked` from judgements."""
    run(con, _COUNTED, given)
    if spec.validation == "control":
        con.execute(_SET_ASIDE)
        con.execute(_KEEP_CONTROL)
    if spec.kind == "preference":
        return _pairs(con, spec, given)
    if spec.kind == "unpaired-preference":
        return _thumbs(con, spec, given)
    outcome = _like(con, spec)
    run(con, _PROMPT_COMPLETION, given)
    return outcome


def _pairs(con: Connection, spec: DatasetSpec, given: dict[str, Any]) -> Aggregated:
    run(con, _PREFERENCE, given)
    if not aggregation.decides(spec):
        con.execute(_ALL_PAIRS if spec.pairs == "all" else _ONE_PAIR)
        return Aggregated()
    outcome = aggregation.decide(con, spec, aggregation.VOTES_OF_PAIRS)
    if spec.aggregate == "all":
        con.execute(_ENOUGH)
        con.execute(_ALL_PAIRS if spec.pairs == "all" else _ONE_PAIR)
        return outcome
    con.execute(aggregation.PREFERENCE.format(factor=aggregation.factor(outcome)))
    if spec.pairs == "one-per-ranking":
        con.execute(aggregation.ONE_A_RANKING)
    return outcome


def _thumbs(con: Connection, spec: DatasetSpec, given: dict[str, Any]) -> Aggregated:
    if not aggregation.decides(spec):
        run(con, _UNPAIRED, given)
        return Aggregated()
    outcome = aggregation.decide(con, spec, aggregation.VOTES_OF_THUMBS)
    if spec.aggregate == "all":
        run(con, _UNPAIRED, given)
        con.execute(_ENOUGH_THUMBS)
        return outcome
    con.execute(aggregation.UNPAIRED.format(factor=aggregation.factor(outcome)))
    return outcome


def _like(con: Connection, spec: DatasetSpec) -> Aggregated:
    """Fill `liked` with the completions that `include` says, and the votes on them.

    A text is learnt from once however many like it, so that `all` is the same as `majority`:
    one slip of a thumb teaches nothing.
    """
    if spec.aggregate == "all":
        spec = msgspec.structs.replace(spec, aggregate="majority")
    outcome = Aggregated()
    tables: list[str] = []
    for name in dict.fromkeys(spec.include):
        tables.append(f"decisions_{len(tables)}")
        found = aggregation.decide(con, spec, _LIKED_BY[name], tables[-1])
        outcome = found if outcome.reliability is None else outcome
    if not tables:
        con.execute(_NOBODY_LIKED)
        return outcome
    parts = " UNION ALL ".join(f"SELECT * FROM {table}" for table in tables)
    con.execute(f"CREATE TEMP TABLE decisions AS {parts}")
    con.execute(_LIKED)
    return outcome


def run(con: Connection, query: str, given: dict[str, Any]) -> None:
    """Run with those of the named values that the query mentions: DuckDB refuses others."""
    con.execute(query, {name: value for name, value in given.items() if f"${name}" in query})
