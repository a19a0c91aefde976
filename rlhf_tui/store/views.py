"""What the log means now: current judgements, pairs and thumbs, as views over the events.

The rules:
- Of the judge, revise and retract events of one annotator on one task the last counts, and a
  retract leaves nothing: the task is open for that annotator again. Skips and flags are no
  judgements and change none.
- Judgements beyond the wanted overlap ("surplus") count like all others.
- A pair is two ranked completions of one ranking on different tiers, the lower tier chosen. Ties
  and unranked completions (NULL) make none; nor does a ranking marked unsure. Both-bad is no
  order: tiers given beside it count. A pair's weight is 1/(pairs of that ranking).
- A thumb may stand in a thumbs task or within a ranking; of one annotator's thumbs on one
  completion the last counts. One of a thumbs task that was marked unsure says nothing; a ranking's
  unsure is about its order, and its thumbs stand.
- Judgements of repeats (tasks that ask someone again) measure people: they are in `standing`
  only, and in nothing that a model learns from.
- Of the adjudicate and reopen events on one task, by whomever, the last counts. A task that is
  settled so counts as its adjudication says, and not as its voters; `judgements` keeps them.
- What was written with a judgement counts for as long as that judgement stands.
"""

from __future__ import annotations

import duckdb

VIEWS: dict[str, str] = {
    # Grouping narrow columns first is three times as fast as a window over whole rows.
    "standing": """
        SELECT * FROM events
        WHERE seq IN (
            SELECT max(seq) FROM events WHERE kind IN ('judge', 'revise', 'retract')
            GROUP BY task_id, annotator)
        AND kind <> 'retract'""",
    "judgements": """
        SELECT * FROM standing
        WHERE task_id NOT IN (SELECT task_id FROM tasks WHERE repeat_of IS NOT NULL)""",
    "settled": """
        SELECT * FROM events
        WHERE seq IN (
            SELECT max(seq) FROM events WHERE kind IN ('adjudicate', 'reopen') GROUP BY task_id)
        AND kind = 'adjudicate'
        AND task_id NOT IN (SELECT task_id FROM tasks WHERE repeat_of IS NOT NULL)""",
    "decided": """
        SELECT * FROM judgements WHERE task_id NOT IN (SELECT task_id FROM settled)
        UNION ALL SELECT * FROM settled""",
    "written": """
        SELECT seq, task_id, annotator, unnest(written).completion_id AS completion_id
        FROM (SELECT * FROM judgements UNION ALL SELECT * FROM settled)
        WHERE len(written) > 0""",
    "ranked": """
        SELECT * FROM (
            SELECT seq, event_id AS ranking_id, task_id, annotator,
                unnest(shown) AS completion_id, unnest(tiers) AS tier
            FROM decided WHERE NOT unsure AND len(tiers) > 0)
        WHERE tier IS NOT NULL AND completion_id IS NOT NULL""",
    "pairs": """
        WITH r AS MATERIALIZED (SELECT * FROM ranked)
        SELECT a.seq, a.ranking_id, a.task_id, a.annotator,
            a.completion_id AS chosen_id, b.completion_id AS rejected_id,
            a.tier AS chosen_tier, b.tier AS rejected_tier,
            1.0::DOUBLE / count(*) OVER (PARTITION BY a.seq) AS weight
        FROM r AS a JOIN r AS b ON a.seq = b.seq AND a.tier < b.tier""",
    "thumbs": """
        SELECT completion_id, annotator, max(seq) AS seq, arg_max(task_id, seq) AS task_id,
            arg_max(event_id, seq) AS event_id, arg_max(label, seq) AS label
        FROM (
            SELECT seq, event_id, task_id, annotator, unnest(shown) AS completion_id,
                unnest(thumbs) AS label
            FROM decided WHERE len(thumbs) > 0
            AND NOT (unsure AND task_id IN (SELECT task_id FROM tasks WHERE kind = 'thumbs')))
        WHERE label IS NOT NULL AND completion_id IS NOT NULL
        GROUP BY completion_id, annotator""",
    "open_skips": """
        SELECT task_id, annotator, max(seq) AS seq FROM events
        WHERE kind IN ('judge', 'revise', 'retract', 'skip')
        GROUP BY task_id, annotator
        HAVING arg_max(kind, seq) = 'skip'
        AND coalesce(arg_max(kind, seq) FILTER (kind <> 'skip'), 'retract') = 'retract'""",
}
"""Name → query, in the order in which they build on each other."""


def install(con: duckdb.DuckDBPyConnection) -> None:
    """Make the views as this version of the program means them; they hold no data.

    Writes only where they differ from those in the store: it must open on a full disk, too.
    """
    if dict(con.execute("SELECT name, query FROM view_texts").fetchall()) == VIEWS:
        return
    con.execute("BEGIN")
    con.execute("DELETE FROM view_texts")
    for name, query in VIEWS.items():
        con.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
        con.execute("INSERT INTO view_texts VALUES (?, ?)", [name, query])
    con.execute("COMMIT")
