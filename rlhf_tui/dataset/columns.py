"""Which columns each kind of data set has, and how its texts are written.

The columns are TRL's (https://huggingface.co/docs/trl/dataset_formats), and behind them ours:
ids, weight, annotator, split. TRL's trainers leave columns alone that they do not know. What
people said of the strength of a preference is called so, and not `margin`: TRL's reward trainer
would take that as a difference of rewards to be reached.
"""

from __future__ import annotations


def _completion(alias: str, chat: bool) -> str:
    """A completion in the form of its prompt, whichever it was stored in."""
    if chat:
        return f"coalesce({alias}.messages, [{{'role': 'assistant', 'content': {alias}.text}}])"
    return (
        f"coalesce({alias}.text, array_to_string([m.content FOR m IN {alias}.messages], '\\n\\n'))"
    )


VOTES = "k.votes_for, k.votes_against, k.agreement"


def select(kind: str, *, chat: bool, aggregated: bool = False) -> str:
    """The SELECT list and joins of a kind, over `picked` as k; no WHERE, no ORDER.

    Args:
        kind: a DatasetKind, or 'scored'.
        chat: all rows are messages; else all are text.
        aggregated: a row is what several people came to, with their votes; else one person's.
    """
    prompt = "q.messages" if chat else "q.text"
    base = "FROM picked k JOIN prompts q ON q.position = k.prompt"
    if kind == "preference":
        who = f"{VOTES}, k.votes_tied, k.annotators" if aggregated else "k.annotator"
        return f"""
            SELECT {prompt} AS prompt, {_completion("a", chat)} AS chosen,
                {_completion("b", chat)} AS rejected, k.weight, k.ranking_id, q.prompt_id,
                {who}, k.strength, a.completion_id AS chosen_id, b.completion_id AS rejected_id,
                k.split
            {base}
            JOIN completions a ON a.position = k.chosen
            JOIN completions b ON b.position = k.rejected"""
    if kind == "unpaired-preference":
        who = f"{VOTES}, k.annotators, k.weight" if aggregated else "k.annotator"
        return f"""
            SELECT {prompt} AS prompt, {_completion("c", chat)} AS completion, k.label,
                q.prompt_id, {who}, c.completion_id, k.split
            {base} JOIN completions c ON c.position = k.completion"""
    if kind == "prompt-completion":
        who = f"{VOTES}, " if aggregated else ""
        return f"""
            SELECT {prompt} AS prompt, {_completion("c", chat)} AS completion, q.prompt_id,
                k.origin, {who}k.split
            {base} JOIN completions c ON c.position = k.completion"""
    if kind == "scored":
        return f"""
            SELECT c.completion_id, q.prompt_id, {prompt} AS prompt,
                {_completion("c", chat)} AS completion, c.finish_reason, k.split
            {base} JOIN completions c ON c.position = k.completion"""
    if kind == "prompt-only":
        return f"SELECT {prompt} AS prompt, q.prompt_id, k.split {base}"
    return _RANKINGS


# Every field of every record that an event refers to, so that the store can be built from it
# again; values that differ in shape from row to row are JSON texts, as a column has one type.
_RANKINGS = """
    SELECT e.event_id, e.kind, e.task_id, e.annotator, a.kind AS annotator_kind,
        e.shown, e.tiers, e.thumbs, e.both_bad, e.unsure, e.strength, e.aspects, e.critique,
        e.tags, e.guidelines, e.selection, e.reason, e.written, e.active_ms, e.wall_ms,
        e.supersedes, e.client, e.created_ms, e.expires_ms, e.surplus, e.acting_uid, e.seq,
        {'kind': t.kind, 'completion_ids': t.completion_ids, 'overlap': t.overlap,
            'priority': t.priority, 'run_id': t.run_id, 'gold': t.gold,
            'repeat_of': t.repeat_of, 'assignee': t.assignee} AS task,
        q.prompt_id, q.text AS prompt_text, q.messages AS prompt_messages,
        q.source, q.split, q.meta,
        s.completions
    FROM picked k
    JOIN prompts q ON q.position = k.prompt
    JOIN events e ON e.seq = k.seq
    JOIN tasks t ON t.position = k.task
    JOIN picked_completions s ON s.task = k.task
    LEFT JOIN annotators a ON a.name = e.annotator"""

COMPLETIONS_OF_TASKS = """
    CREATE TEMP TABLE picked_completions AS
    SELECT x.task, list({'completion_id': c.completion_id, 'text': c.text,
        'messages': c.messages, 'origin': c.origin, 'model': c.model, 'run_id': c.run_id,
        'parameters': c.parameters, 'tokens': c.tokens, 'finish_reason': c.finish_reason,
        'parent': c.parent, 'demonstration': c.demonstration} ORDER BY x.place) AS completions
    FROM (
        SELECT position AS task, unnest(completion_ids) AS completion_id,
            generate_subscripts(completion_ids, 1) AS place
        FROM tasks WHERE position IN (SELECT task FROM picked)) AS x
    JOIN completions c USING (completion_id)
    GROUP BY x.task"""
"""The completions of the tasks of a rankings export, in the tasks' order."""
