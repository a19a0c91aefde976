"""SQL that picks the rows of a data set: narrow temporary tables of positions, no texts.

`picked_prompts` holds the prompts that may appear; `counted` the judgements that may make rows;
`picked` the rows, with `prompt` (position), `split`, `chat` (messages instead of text) and what
each kind adds. Texts are joined when the files are written. Everything runs on one cursor in one
transaction, so that all files of a data set show the store at the same moment.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rlhf_tui.dataset import aggregation
from rlhf_tui.dataset.aggregation import Aggregated
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Connection

_CONTENT = """
    texts AS (
        SELECT position, completion_id, prompt_id, run_id, origin, demonstration,
            hash(text, messages) AS content
        FROM completions)"""

_BY = "(len($annotators::VARCHAR[]) = 0 OR list_contains($annotators::VARCHAR[], {0}.annotator))"
_IN = "(len($runs::VARCHAR[]) = 0 OR list_contains($runs::VARCHAR[], {0}.run_id))"

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
    WHERE ($gold OR t.gold IS NULL) AND {_BY.format("d")}"""

# What was chosen because a reward model was unsure of it is harder than what comes by itself.
_SET_ASIDE = """
    CREATE TEMP TABLE set_aside AS SELECT * FROM counted
    WHERE informative AND split = 'validation'"""
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
    WHERE {_IN.format("a")} AND {_IN.format("b")}"""

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
    WHERE {_IN.format("c")}"""

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
        WHERE ($gold OR t.gold IS NULL) AND {_BY.format("w")}
        UNION ALL
        SELECT x.prompt_id, x.position, x.content, x.origin, 3,
            l.votes_for, l.votes_against, l.agreement
        FROM texts x JOIN liked l USING (position))
    SELECT q.position AS prompt, q.split, q.chat, c.* EXCLUDE (prompt_id, content)
    FROM candidates c JOIN picked_prompts q USING (prompt_id)
    QUALIFY row_number() OVER (
        PARTITION BY prompt_id, content ORDER BY place, completion, agreement DESC) = 1"""

_PROMPT_ONLY = """
    CREATE TEMP TABLE picked AS
    SELECT position AS prompt, split, chat FROM picked_prompts"""

_RANKINGS = f"""
    CREATE TEMP TABLE picked AS
    SELECT q.position AS prompt, q.split, q.chat, e.seq, e.kind, e.annotator,
        t.position AS task
    FROM events e
    JOIN tasks t USING (task_id)
    JOIN picked_prompts q USING (prompt_id)
    WHERE e.kind NOT IN ('lease', 'release') AND {_BY.format("e")}
    AND (len($runs::VARCHAR[]) = 0 OR e.task_id IN (
        SELECT u.task_id FROM (SELECT task_id, unnest(completion_ids) AS id FROM tasks) AS u
        JOIN completions c ON c.completion_id = u.id
        WHERE list_contains($runs::VARCHAR[], c.run_id)))"""

_SCORED = f"""
    CREATE TEMP TABLE picked AS
    SELECT q.position AS prompt, q.split, q.chat, c.position AS completion
    FROM completions c JOIN picked_prompts q USING (prompt_id)
    WHERE {_IN.format("c")}"""

ORDER: dict[str, str] = {
    "preference": "prompt, seq, chosen, rejected",
    "unpaired-preference": "prompt, completion, seq",
    "prompt-completion": "prompt, place, completion",
    "prompt-only": "prompt",
    "rankings": "seq",
    "scored": "prompt, completion",
}
"""The order of the rows in a file, by kind: that of the import, and always the same."""


def order(kind: str, aggregated: bool) -> str:
    """What the rows of a kind are sorted by; aggregated thumbs are one a completion."""
    if aggregated and kind == "unpaired-preference":
        return "prompt, completion"
    return ORDER[kind]


def pick(con: Connection, spec: DatasetSpec, *, scored: bool = False) -> Aggregated:
    """Fill `picked_prompts`, `counted` and `picked` for this data set.

    Args:
        scored: instead of judgements, all completions of `spec.runs`.

    Raises:
        UsageError: decisions are asked of a kind that takes none.
        HubError, InputError: the reliability of annotators could not be computed.
    """
    aggregation.check(spec)
    given = {"annotators": spec.annotators, "runs": spec.runs, "gold": spec.gold}
    con.execute(
        """CREATE TEMP TABLE picked_prompts AS
        SELECT position, prompt_id, split, messages IS NOT NULL AS chat FROM prompts
        WHERE list_contains($splits::VARCHAR[], split)
        AND ($form = 'auto' OR (messages IS NOT NULL) = ($form = 'messages'))""",
        {"splits": spec.splits, "form": spec.form if spec.kind != "rankings" else "auto"},
    )
    outcome = Aggregated()
    if scored:
        _run(con, _SCORED, given)
    elif spec.kind == "prompt-only":
        con.execute(_PROMPT_ONLY)
    elif spec.kind == "rankings":
        _run(con, _RANKINGS, given)
    else:
        outcome = _judged(con, spec, given)
    if spec.limit:
        con.execute(
            "DELETE FROM picked WHERE prompt NOT IN"
            " (SELECT DISTINCT prompt FROM picked ORDER BY prompt LIMIT ?)",
            [spec.limit],
        )
    return outcome


def _judged(con: Connection, spec: DatasetSpec, given: dict[str, Any]) -> Aggregated:
    """Fill `picked` from judgements."""
    _run(con, _COUNTED, given)
    if spec.validation == "control":
        con.execute(_SET_ASIDE)
        con.execute(_KEEP_CONTROL)
    if spec.kind == "preference":
        return _pairs(con, spec, given)
    if spec.kind == "unpaired-preference":
        return _thumbs(con, spec, given)
    outcome = _like(con, spec)
    _run(con, _PROMPT_COMPLETION, given)
    return outcome


def _pairs(con: Connection, spec: DatasetSpec, given: dict[str, Any]) -> Aggregated:
    _run(con, _PREFERENCE, given)
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
        _run(con, _UNPAIRED, given)
        return Aggregated()
    outcome = aggregation.decide(con, spec, aggregation.VOTES_OF_THUMBS)
    if spec.aggregate == "all":
        _run(con, _UNPAIRED, given)
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


def _run(con: Connection, query: str, given: dict[str, Any]) -> None:
    """Run with those of the named values that the query mentions: DuckDB refuses others."""
    con.execute(query, {name: value for name, value in given.items() if f"${name}" in query})


LEFT_OUT = f"""
    WITH considered AS (
        SELECT j.seq, j.unsure, j.both_bad, unnest(j.shown) AS completion_id,
            unnest(j.tiers) AS tier
        FROM decided j JOIN counted k USING (seq) JOIN tasks t USING (task_id)
        JOIN picked_prompts q ON q.prompt_id = t.prompt_id
        WHERE t.kind = 'rank' AND ($last = 0 OR q.position <= $last)),
    entries AS (
        SELECT x.seq, x.unsure, x.both_bad, x.tier,
            bool_or(x.tier IS NOT NULL) OVER (PARTITION BY x.seq) AS ranked
        FROM considered x JOIN completions c USING (completion_id) WHERE {_IN.format("c")}),
    tiers AS (
        SELECT seq, tier, count(*) AS n FROM entries
        WHERE NOT unsure AND tier IS NOT NULL GROUP BY seq, tier)
    SELECT
        (SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM tiers)::BIGINT AS ties,
        (SELECT count(*) FROM entries WHERE ranked AND NOT unsure AND tier IS NULL) AS unranked,
        (SELECT count(DISTINCT seq) FROM entries WHERE unsure) AS unsure,
        (SELECT count(DISTINCT seq) FROM entries WHERE both_bad AND NOT unsure
            AND seq NOT IN (SELECT seq FROM found_pairs)) AS both_bad,
        (SELECT count(*) FROM found_pairs WHERE same AND ($last = 0 OR prompt <= $last)) AS same"""
"""What rankings held that makes no pair; `$last` is the last prompt under a limit, else 0."""
