"""SQL that picks the rows of a data set: narrow temporary tables of positions, no texts.

`picked_prompts` holds the prompts that may appear; `picked` the rows, with `prompt` (position),
`split`, `chat` (messages instead of text) and what each kind adds. Texts are joined when the
files are written. Everything runs on one cursor in one transaction, so that all files of a data
set show the store at the same moment.
"""

from __future__ import annotations

from typing import Any

from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Connection

_CONTENT = """
    texts AS (
        SELECT position, completion_id, prompt_id, run_id, origin, demonstration,
            hash(text, messages) AS content
        FROM completions)"""

_BY = "(len($annotators::VARCHAR[]) = 0 OR list_contains($annotators::VARCHAR[], {0}.annotator))"
_IN = "(len($runs::VARCHAR[]) = 0 OR list_contains($runs::VARCHAR[], {0}.run_id))"

_PREFERENCE = f"""
    CREATE TEMP TABLE found_pairs AS
    WITH {_CONTENT}
    SELECT p.seq, p.ranking_id, p.annotator, p.chosen_id, p.rejected_id,
        q.position AS prompt, q.split, q.chat,
        a.position AS chosen, b.position AS rejected, a.content = b.content AS same
    FROM pairs p
    JOIN texts a ON a.completion_id = p.chosen_id
    JOIN texts b ON b.completion_id = p.rejected_id
    JOIN picked_prompts q ON q.prompt_id = a.prompt_id
    WHERE {_BY.format("p")} AND {_IN.format("a")} AND {_IN.format("b")}"""

_ALL_PAIRS = """
    CREATE TEMP TABLE picked AS
    SELECT * EXCLUDE (same, chosen_id, rejected_id),
        1.0::DOUBLE / count(*) OVER (PARTITION BY seq) AS weight
    FROM found_pairs WHERE NOT same"""

# The draw is a hash of ids: the same pair every time, and no pair is favoured.
_ONE_PAIR = """
    CREATE TEMP TABLE picked AS
    SELECT * EXCLUDE (same, chosen_id, rejected_id), 1.0::DOUBLE AS weight
    FROM found_pairs WHERE NOT same
    QUALIFY row_number() OVER (
        PARTITION BY seq ORDER BY md5(ranking_id || chosen_id || rejected_id)) = 1"""

_UNPAIRED = f"""
    CREATE TEMP TABLE picked AS
    SELECT q.position AS prompt, q.split, q.chat, c.position AS completion,
        t.seq, t.annotator, t.label
    FROM thumbs t
    JOIN completions c ON c.completion_id = t.completion_id
    JOIN picked_prompts q ON q.prompt_id = c.prompt_id
    WHERE {_BY.format("t")} AND {_IN.format("c")}"""

# Liked completions need more voices for than against: one slip of a thumb teaches nothing.
_THUMBS_UP = f"""
    SELECT t.completion_id FROM thumbs t WHERE {_BY.format("t")}
    GROUP BY t.completion_id HAVING count(*) FILTER (label) > count(*) FILTER (NOT label)"""

_BEST_RANKED = f"""
    SELECT completion_id FROM (
        SELECT r.completion_id, r.tier,
            min(r.tier) OVER (PARTITION BY r.seq) AS best,
            max(r.tier) OVER (PARTITION BY r.seq) AS worst
        FROM ranked r
        WHERE {_BY.format("r")} AND r.seq NOT IN (SELECT seq FROM decided WHERE both_bad))
    WHERE best < worst
    GROUP BY completion_id HAVING 2 * count(*) FILTER (tier = best) > count(*)"""

_PROMPT_COMPLETION = f"""
    CREATE TEMP TABLE picked AS
    WITH {_CONTENT},
    liked AS ({{liked}}),
    candidates AS (
        SELECT prompt_id, position AS completion, content, origin,
            CASE WHEN demonstration THEN 0 ELSE 1 END AS place
        FROM texts
        WHERE demonstration OR (origin = 'edit' AND completion_id NOT IN (
            SELECT unnest(written).completion_id FROM events WHERE len(written) > 0))
        UNION ALL
        SELECT x.prompt_id, x.position, x.content, x.origin, 2
        FROM texts x JOIN written w USING (completion_id) JOIN tasks t USING (task_id)
        WHERE ($gold OR t.gold IS NULL) AND {_BY.format("w")}
        UNION ALL
        SELECT x.prompt_id, x.position, x.content, x.origin, 3
        FROM texts x JOIN liked USING (completion_id) WHERE {_IN.format("x")})
    SELECT q.position AS prompt, q.split, q.chat, c.completion, c.origin, c.place
    FROM candidates c JOIN picked_prompts q USING (prompt_id)
    QUALIFY row_number() OVER (
        PARTITION BY prompt_id, content ORDER BY place, completion) = 1"""

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


def pick(con: Connection, spec: DatasetSpec, *, scored: bool = False) -> None:
    """Fill `picked_prompts` and `picked` for this data set.

    Args:
        scored: instead of judgements, all completions of `spec.runs`.
    """
    given = {"annotators": spec.annotators, "runs": spec.runs, "gold": spec.gold}
    con.execute(
        """CREATE TEMP TABLE picked_prompts AS
        SELECT position, prompt_id, split, messages IS NOT NULL AS chat FROM prompts
        WHERE list_contains($splits::VARCHAR[], split)
        AND ($form = 'auto' OR (messages IS NOT NULL) = ($form = 'messages'))""",
        {"splits": spec.splits, "form": spec.form if spec.kind != "rankings" else "auto"},
    )
    if scored:
        _run(con, _SCORED, given)
    elif spec.kind == "preference":
        _run(con, _PREFERENCE, given)
        con.execute(_ALL_PAIRS if spec.pairs == "all" else _ONE_PAIR)
    elif spec.kind == "unpaired-preference":
        _run(con, _UNPAIRED, given)
    elif spec.kind == "prompt-completion":
        _run(con, _PROMPT_COMPLETION.format(liked=_liked(spec)), given)
    elif spec.kind == "prompt-only":
        con.execute(_PROMPT_ONLY)
    else:
        _run(con, _RANKINGS, given)
    if spec.limit:
        con.execute(
            "DELETE FROM picked WHERE prompt NOT IN"
            " (SELECT DISTINCT prompt FROM picked ORDER BY prompt LIMIT ?)",
            [spec.limit],
        )


def _run(con: Connection, query: str, given: dict[str, Any]) -> None:
    """Run with those of the named values that the query mentions: DuckDB refuses others."""
    con.execute(query, {name: value for name, value in given.items() if f"${name}" in query})


def _liked(spec: DatasetSpec) -> str:
    parts = []
    if "thumbs-up" in spec.include:
        parts.append(_THUMBS_UP)
    if "best-ranked" in spec.include:
        parts.append(_BEST_RANKED)
    return " UNION ".join(f"({part})" for part in parts) or "SELECT ''::VARCHAR AS completion_id"


LEFT_OUT = f"""
    WITH considered AS (
        SELECT j.seq, j.unsure, j.both_bad, unnest(j.shown) AS completion_id,
            unnest(j.tiers) AS tier
        FROM judgements j JOIN tasks t USING (task_id)
        JOIN picked_prompts q ON q.prompt_id = t.prompt_id
        WHERE t.kind = 'rank' AND {_BY.format("j")}
        AND ($last = 0 OR q.position <= $last)),
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
            AND seq NOT IN (SELECT seq FROM picked)) AS both_bad,
        (SELECT count(*) FROM found_pairs WHERE same AND ($last = 0 OR prompt <= $last)) AS same"""
"""What rankings held that makes no pair; `$last` is the last prompt under a limit, else 0."""
