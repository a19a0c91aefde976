"""What each format's rows become."""

from __future__ import annotations

import json

import msgspec
import pytest
from formats.examples import BAD, EXAMPLES, GOOD, RANKING, TALK, USER

from rlhf_tui.formats import FORMATS, Batch, read
from rlhf_tui.hub.messages import Ingest
from rlhf_tui.records import Message, Written, plain, prompt_id


def one(path, **options) -> Batch:
    """All records of a file that has no bad rows."""
    reading = read(path, **options)
    batches = list(reading.batches())
    assert reading.rejects == []
    assert len(batches) == 1
    return batches[0]


def pair(batch: Batch) -> tuple[str, str, str]:
    """Prompt, chosen and rejected of the only judgement, as plain text."""
    (event,), (prompt,) = batch.events, batch.prompts
    texts = {c.completion_id: plain(c.completion) for c in batch.completions}
    by_tier = dict(zip(event.tiers, event.shown, strict=True))
    assert set(by_tier) == {1, 2}
    return plain(prompt.prompt), texts[by_tier[1]], texts[by_tier[2]]


def rejected(path, **options) -> list[tuple[int, str]]:
    reading = read(path, **options)
    list(reading.batches())
    return [(reject.line, reject.reason) for reject in reading.rejects]


def test_every_format_has_an_example():
    assert {name for name, _ in EXAMPLES} == {f.name for f in FORMATS}


@pytest.mark.parametrize(("name", "row"), EXAMPLES)
@pytest.mark.parametrize("container", ["jsonl", "json", "parquet", "jsonl.gz"])
def test_each_is_told_by_its_columns_in_every_container(write, name, row, container):
    reading = read(write([row, row], f"data.{container}"))
    batches = list(reading.batches())
    assert reading.format.name == name
    assert (reading.rows, reading.rejects) == (2, [])
    assert len(batches[0].prompts) == 1
    assert reading.unread == []


@pytest.mark.parametrize(("name", "row"), EXAMPLES)
def test_a_batch_is_an_ingest_whose_references_hold(write, name, row):
    batch = one(write([row]))
    Ingest(
        prompts=batch.prompts,
        completions=batch.completions,
        tasks=batch.tasks,
        events=batch.events,
        annotators=batch.annotators,
        split=batch.split,
    )
    prompts = {p.prompt_id for p in batch.prompts}
    completions = {c.completion_id for c in batch.completions}
    tasks = {t.task_id: set(t.completion_ids) for t in batch.tasks}
    assert {c.prompt_id for c in batch.completions} <= prompts
    assert {t.prompt_id for t in batch.tasks} <= prompts
    assert all(ids <= completions for ids in tasks.values())
    assert all(set(e.shown) <= tasks[e.task_id] for e in batch.events)
    assert {e.annotator for e in batch.events} <= {a.name for a in batch.annotators}


@pytest.mark.parametrize(("name", "row"), EXAMPLES)
def test_the_same_rows_give_the_same_records_again(write, name, row):
    first, again = one(write([row], "data.jsonl")), one(write([row, row], "data.json"))
    fields = ("completions", "tasks", "events", "annotators")
    assert [getattr(first, f) for f in fields] == [getattr(again, f) for f in fields]
    assert [p.prompt_id for p in first.prompts] == [p.prompt_id for p in again.prompts]


def test_a_preference_is_a_ranking_of_two_that_the_import_judged(write):
    batch = one(write([{"prompt": "The sky is", "chosen": " blue.", "rejected": " green."}]))
    assert pair(batch) == ("The sky is", " blue.", " green.")
    (task,), (event,) = batch.tasks, batch.events
    assert (task.kind, task.overlap) == ("rank", 1)
    assert (event.kind, event.task_id, event.annotator) == ("judge", task.task_id, "import:data")
    assert (batch.annotators[0].name, batch.annotators[0].kind) == ("import:data", "human")
    assert {c.origin for c in batch.completions} == {"model"}
    assert batch.prompts[0].source == "data.jsonl"
    assert batch.prompts[0].prompt_id == prompt_id("The sky is")


def test_the_annotator_can_be_named(write):
    row = {"prompt": "a", "chosen": "b", "rejected": "c"}
    named, other = one(write([row]), annotator="crowd"), one(write([row]))
    assert named.events[0].annotator == named.annotators[0].name == "crowd"
    assert named.events[0].event_id != other.events[0].event_id
    assert named.tasks == other.tasks


def test_opposite_judgements_are_two_events_on_one_task(write):
    rows = [
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"prompt": "a", "chosen": "c", "rejected": "b"},
    ]
    batch = one(write(rows))
    assert len(batch.tasks) == 1
    assert len({e.event_id for e in batch.events}) == 2
    assert batch.events[0].shown == batch.events[1].shown
    assert [e.tiers for e in batch.events] in ([[1, 2], [2, 1]], [[2, 1], [1, 2]])


@pytest.mark.parametrize(
    ("chosen", "rejected_", "prompt"),
    [
        ("The sky is blue.", "The sky is bluish.", "The sky is"),
        ("The sky is", "The sky is green", "The sky"),
        ("One two\nthree", "One two\nfour", "One two"),
        ("Is it? Yes", "Is it? No", "Is it?"),
    ],
)
def test_an_implicit_prompt_ends_at_a_word_and_loses_nothing(write, chosen, rejected_, prompt):
    found = pair(one(write([{"chosen": chosen, "rejected": rejected_}])))
    assert found == (prompt, chosen[len(prompt) :], rejected_[len(prompt) :])


def test_implicit_messages_share_all_but_what_differs(write):
    first = {"role": "assistant", "content": "Let me think."}
    batch = one(write([{"chosen": [USER, first, GOOD], "rejected": [USER, first, BAD]}]))
    assert batch.prompts[0].prompt == [Message(**USER), Message(**first)]
    longer = one(write([{"chosen": [USER, GOOD], "rejected": [USER, GOOD, USER, BAD]}]))
    assert longer.prompts[0].prompt == [Message(**USER)]


def test_hh_rlhf_becomes_messages(write):
    row = {"chosen": f"{TALK} It is 4.\n", "rejected": f"{TALK} It is 5."}
    batch = one(write([row]))
    assert batch.prompts[0].prompt == [
        Message("user", "Hello"),
        Message("assistant", "Hi!"),
        Message("user", "What is 2 + 2?"),
    ]
    assert pair(batch)[1:] == ("assistant: It is 4.", "assistant: It is 5.")


def test_hh_rlhf_rows_that_cannot_be_a_pair_are_rejected_by_line(write):
    good = {"chosen": f"{TALK} It is 4.", "rejected": f"{TALK} It is 5."}
    rows = [
        good,
        {"chosen": f"{TALK} 4", "rejected": f"{TALK} 4"},
        {"chosen": f"{TALK} 4", "rejected": "\n\nHuman: Other\n\nAssistant: 5"},
        {"chosen": f"{TALK} 4\n\nHuman: Sure?\n\nAssistant: Yes", "rejected": f"{TALK} 5"},
        {"chosen": f"{TALK} 4", "rejected": "5"},
        {"chosen": f"{TALK} 4", "rejected": None},
        {"chosen": f"{TALK} 4 ", "rejected": f"{TALK} 4"},
        good,
    ]
    part = "chosen and rejected part before their last turn"
    assert rejected(write(rows)) == [
        (2, "both sides are the same"),
        (3, part),
        (4, part),
        (5, part),
        (6, "no rejected"),
        (7, "both sides are the same"),
    ]


def test_thumbs_are_thumbs(write):
    batch = one(write([{"prompt": "a", "completion": "b", "label": False}]))
    assert (batch.tasks[0].kind, batch.events[0].thumbs) == ("thumbs", [False])
    assert batch.events[0].tiers == []


@pytest.mark.parametrize(("text", "value"), [("True", True), ("0", False), ("FALSE", False)])
def test_labels_as_csv_writes_them(write, text, value):
    batch = one(write([{"prompt": "a", "completion": "b", "label": text}], "data.csv"))
    assert batch.events[0].thumbs == [value]


def test_demonstrations_are_human_and_wait_for_no_judgement(write):
    batch = one(write([{"prompt": "a", "completion": " b"}]))
    (learnt,) = batch.completions
    assert (learnt.origin, learnt.demonstration, learnt.completion) == ("human", True, " b")
    assert batch.tasks == batch.events == []


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("one two three four five six seven eight nine ten\n" * 3, "eight"),
        ("  one\ttwo", "one"),
        ("one two three four five", "two"),
    ],
)
def test_a_text_is_cut_after_its_first_words_and_stays_whole(write, text, cut):
    batch = one(write([{"text": text}]))
    prompt, completion = batch.prompts[0].prompt, batch.completions[0].completion
    assert prompt + completion == text
    assert prompt.endswith(cut)
    assert batch.completions[0].demonstration


def test_the_last_answer_of_messages_is_learnt(write):
    batch = one(write([{"messages": [USER, BAD, USER, GOOD]}]))
    assert batch.completions[0].completion == [Message(**GOOD)]
    assert len(batch.prompts[0].prompt) == 3


def test_the_course_keeps_the_order_shown(write):
    row = {"input_text": "Sum up:", "candidate_0": " A", "candidate_1": " B", "choice": 1}
    batch = one(write([row]))
    assert pair(batch) == ("Sum up:", " B", " A")
    assert batch.events[0].tiers == [2, 1]
    as_text = one(write([row | {"choice": "0"}], "data.csv"))
    assert pair(as_text) == ("Sum up:", " A", " B")


def test_completions_are_put_up_for_ranking_and_thumbs(write):
    row = {"prompt": "a", "completions": ["b", "c", "b"], "model": "m", "temperature": 0.5}
    batch = one(write([row]), overlap=3, thumbs_overlap=2)
    assert [c.completion for c in batch.completions] == ["b", "c"]
    assert {(c.model, c.parameters["temperature"]) for c in batch.completions} == {("m", 0.5)}
    assert [(t.kind, len(t.completion_ids), t.overlap) for t in batch.tasks] == [
        ("rank", 2, 3),
        ("thumbs", 1, 2),
        ("thumbs", 1, 2),
    ]
    assert batch.events == []


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"prompt": "a", "completion": "b", "label": True},
    ],
)
def test_more_people_can_be_wanted_for_what_a_file_holds_a_judgement_of(write, row):
    unasked = one(write([row]), overlap=3, thumbs_overlap=3)
    assert [(t.overlap, len(unasked.events)) for t in unasked.tasks] == [(1, 1)]
    asked = one(write([row]), judged_overlap=3)
    assert [(t.overlap, len(asked.events)) for t in asked.tasks] == [(3, 1)]


@pytest.mark.parametrize(("count", "sizes"), [(1, []), (9, [9]), (10, [5, 5]), (20, [7, 7, 6])])
def test_more_completions_than_a_ranking_holds_make_several(write, count, sizes):
    batch = one(write([{"prompt": "a", "completions": [str(n) for n in range(count)]}]))
    assert [len(t.completion_ids) for t in batch.tasks if t.kind == "rank"] == sizes
    assert sum(t.kind == "thumbs" for t in batch.tasks) == count


def test_the_ranking_record_comes_back_whole(write):
    batch = one(write([RANKING]))
    assert batch.split == "validation"
    (prompt,), (task,), (event,) = batch.prompts, batch.tasks, batch.events
    assert (prompt.prompt_id, prompt.prompt, prompt.meta) == ("p-1", "Once", {"topic": "tales"})
    assert (prompt.source, prompt.split) == ("a.txt", "validation")
    told = msgspec.structs.asdict(task)
    assert told == RANKING["task"] | {
        "task_id": "t-1",
        "prompt_id": "p-1",
        "gold": {"c-1": 1, "c-2": 2},
    }
    told = msgspec.structs.asdict(event)
    assert told.pop("written") == [
        Written("c-w", " better", "c-1"),
        Written("c-n", [Message("assistant", "new")]),
    ]
    assert told.pop("aspects") == {"c-1": {"style": 4}}
    assert told == {name: RANKING[name] for name in told}
    assert batch.annotators[0].kind == "ai"
    second = batch.completions[1]
    assert second.completion == " upon 2"
    assert second.parameters == {"temperature": 0.7}
    assert (second.tokens, second.finish_reason) == (4, "eos")


def test_ranking_records_keep_their_splits_apart(write):
    other = json.loads(json.dumps(RANKING)) | {"split": "test", "prompt_id": "p-2"}
    reading = read(write([RANKING, other, RANKING]))
    assert {b.split: b.rows for b in reading.batches()} == {"validation": 2, "test": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": 5}, "prompt is a number, neither text nor a list of messages"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": []}, "prompt is an empty list of messages"),
        ({"prompt": ["hi"]}, "prompt holds text where a message should be"),
        ({"prompt": True}, "prompt is true or false, neither text nor a list of messages"),
        ({"prompt": [{"role": "boss", "content": "x"}]}, "a message of role 'boss'"),
        ({"prompt": [{"role": "user", "content": []}]}, "content is a list, not text"),
        ({"prompt": [USER | {"tool_calls": [1]}]}, "a message with tool_calls, which is not"),
        ({"prompt": None}, "no prompt"),
        ({"prompt": "a", "completion": [GOOD]}, "prompt and completion mix text and messages"),
        ({"prompt": "a", "completion": "b", "label": "maybe"}, "label is 'maybe', neither"),
        ({"prompt": "a", "completion": "b", "label": 2}, "label is 2, neither true nor false"),
        ({"chosen": "abc", "rejected": "xyz"}, "share no beginning that could be their prompt"),
        ({"chosen": "a b", "rejected": [GOOD]}, "chosen and rejected mix text and messages"),
        ({"text": "word"}, "fewer than two words"),
        ({"messages": [USER]}, "no turn of the assistant"),
        ({"messages": [GOOD]}, "begin with their only answer"),
        ({"messages": "hello"}, "messages is text, not a list"),
        ({"prompt": "a", "completions": "b"}, "completions is not a list of completions"),
        ({"prompt": "a", "completions": ["b", 3]}, "completion 2 is a number"),
        ({"input_text": "", "output_text": "b"}, "input_text is empty"),
        (
            {"input_text": "a", "candidate_0": "b", "candidate_1": "c", "choice": 2},
            "choice is '2'; it must be 0 or 1",
        ),
        (RANKING | {"tiers": ["first"]}, "not a row of a rankings export"),
        (RANKING | {"kind": "lease"}, "a lease is no judgement"),
    ],
)
def test_wrong_values_are_rejected_with_a_reason(write, row, reason):
    name = next(
        (f.name for f in sorted(FORMATS, key=lambda f: -len(f.required)) if f.required <= set(row)),
        "",
    )
    (found,) = rejected(write([row]), format=name)
    assert found[0] == 1
    assert reason in found[1]
