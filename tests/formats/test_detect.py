"""Telling a file's format from its rows."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from formats.examples import EXAMPLES, GOOD, USER
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.formats import FORMATS, read
from rlhf_tui.formats.base import Format, Import, Records, Row
from rlhf_tui.formats.detect import candidates, detect
from rlhf_tui.formats.making import make_prompt

OTHER = st.sampled_from(["id", "score", "lang", "source_url", "margin", "turns"])


@given(st.sampled_from(EXAMPLES), st.dictionaries(OTHER, st.integers() | st.none()))
def test_further_columns_change_nothing(example, more):
    name, row = example
    assert [f.name for f in candidates(row | more, FORMATS)] == [name]


@given(st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=30), st.randoms())
def test_the_format_of_most_rows_is_the_files(examples, random):
    name, row = examples[0]
    rows = [row] * (len(examples) + 1) + [other for _, other in examples]
    random.shuffle(rows)
    assert detect("f", rows, FORMATS).name == name


@given(
    st.sampled_from(EXAMPLES), st.sets(st.sampled_from(sorted({c for _, r in EXAMPLES for c in r})))
)
def test_columns_that_are_there_but_empty_change_nothing(example, columns):
    name, row = example
    assert detect("f", [dict.fromkeys(columns) | row], FORMATS).name == name


def test_no_two_formats_ask_for_the_same_unless_values_tell_them_apart():
    for one, other in itertools.combinations(FORMATS, 2):
        if one.required == other.required:
            rows = [row for name, row in EXAMPLES if name in (one.name, other.name)]
            assert all(one.looks_right(row) != other.looks_right(row) for row in rows)


def test_an_unknown_file_names_its_columns_the_formats_and_what_may_be_misspelt(write):
    with pytest.raises(InputError) as caught:
        read(write([{"promt": "a", "answer": "b"}]))
    text = str(caught.value)
    assert "data.jsonl is not known. Columns found: answer, promt." in text
    assert "Is 'promt' meant to be 'prompt'?" in text
    assert "preference (chosen, prompt, rejected)" in text
    assert all(f.name in text for f in FORMATS)


def test_an_ambiguous_file_names_the_choices(write):
    row = {"prompt": "a", "messages": [USER, GOOD]}
    with pytest.raises(InputError, match=r"could be messages or prompt-only.*Columns found: mess"):
        read(write([row]))
    assert read(write([row]), "messages").format.name == "messages"


def test_a_file_of_several_formats_names_them(write):
    pair, sft = {"prompt": "a", "chosen": "b", "rejected": "c"}, {"input_text": "b"}
    three = [pair, sft, {"what": "d"}]
    with pytest.raises(InputError, match=r"several formats: course-prompts, none .*, preference"):
        read(write(three))
    reading = read(write(three), "preference")
    list(reading.batches())
    assert reading.rows == 1
    assert [(r.line, r.reason) for r in reading.rejects] == [
        (2, "no chosen, prompt, rejected"),
        (3, "no chosen, prompt, rejected"),
    ]


def test_a_few_rows_of_another_kind_are_rejected_one_by_one(write):
    rows = [{"prompt": "a", "completion": "b"}, {"prompt": "c"}, {"prompt": "d", "completion": "e"}]
    reading = read(write(rows))
    list(reading.batches())
    assert reading.format.name == "prompt-completion"
    assert [(r.line, r.reason) for r in reading.rejects] == [(2, "no completion")]


def test_an_unknown_format_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'preference'"):
        read(Path("x"), "prefrence")
    with pytest.raises(UsageError, match="Did you mean 'hh-rlhf'"):
        read(Path("x"), "hh")


def test_columns_without_use_are_told(write):
    row = {"prompt": "a", "chosen": "b", "rejected": "c", "margin": 0.4, "id": 7}
    assert read(write([row])).unread == ["id", "margin"]


def test_a_new_format_is_one_small_definition(write):
    def convert(row: Row, context: Import) -> Records:
        return Records([make_prompt(row["question"], context)])

    new = Format("stack", "Questions", frozenset({"question", "qid"}), convert)
    reading = read(write([{"qid": 1, "question": "Why?"}]), formats=(*FORMATS, new))
    (batch,) = reading.batches()
    assert reading.format is new
    assert batch.prompts[0].prompt == "Why?"
