"""SQL that picks the rows of a data set: narrow temporary tables of positions, no texts.

`picked_prompts` holds the prompts that may appear; `counted` the judgements that may make rows;
`picked` the rows, with `prompt` (position), `split`, `chat` (messages instead of text) and what
each kind adds. Texts are joined when the files are written. Everything runs on one cursor in one
transaction, so that all files of a data set show the store at the same moment.
"""

from __future__ import annotations

from rlhf_tui.dataset import aggregation
from rlhf_tui.dataset.aggregation import Aggregated
from rlhf_tui.dataset.judged import BY, IN, pick_judged, run
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.store.database import Connection

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
    WHERE e.kind NOT IN ('lease', 'release') AND {BY.format("e")}
    AND (len($runs::VARCHAR[]) = 0 OR e.task_id IN (
        SELECT u.task_id FROM (SELECT task_id, unnest(completion_ids) AS id FROM tasks) AS u
        JOIN completions c ON c.completion_id = u.id
        WHERE list_contains($runs::VARCHAR[], c.run_id)))"""

_SCORED = f"""
    CREATE TEMP TABLE picked AS
    SELECT q.position AS prompt, q.split, q.chat, c.position AS completion
    FROM completions c JOIN picked_prompts q USING (prompt_id)
    WHERE {IN.format("c")}"""

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
        run(con, _SCORED, given)
    elif spec.kind == "prompt-only":
        con.execute(_PROMPT_ONLY)
    elif spec.kind == "rankings":
        run(con, _RANKINGS, given)
    else:
        outcome = pick_judged(con, spec, given)
    if spec.limit:
        con.execute(
            "DELETE FROM picked WHERE prompt NOT IN"
            " (SELECT DISTINCT prompt FROM picked ORDER BY prompt LIMIT ?)",
            [spec.limit],
        )
    return outcome


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
        FROM considered x JOIN completions c USING (completion_id) WHERE {IN.format("c")}),
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
