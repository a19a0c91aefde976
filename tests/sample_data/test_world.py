"""The grammar derives what it writes and nothing scrambled; the lexicon scores by words alone."""

from __future__ import annotations

import random
import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_tui.sample_data import world
from rlhf_tui.sample_data.grammar import Grammar, join

SEEDS = st.integers(0, 2**32 - 1)


@cache
def reviews(count: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [world.sample_review(rng) for _ in range(count)]


# The recogniser


@given(SEEDS)
def test_every_sentence_of_a_review_is_derivable(seed: int) -> None:
    review = world.sample_review(random.Random(seed))
    found = world.sentences(review)
    assert 2 <= len(found) <= 4
    assert " ".join(found) == review
    assert all(world.derivable(sentence) for sentence in found)


@given(SEEDS)
def test_a_sentence_with_its_words_in_reverse_is_not_derivable(seed: int) -> None:
    for sentence in world.sentences(world.sample_review(random.Random(seed))):
        body, mark = sentence[:-1], sentence[-1]
        assert not world.derivable(" ".join(reversed(body.split())) + mark)


@given(SEEDS, st.randoms(use_true_random=False))
def test_a_sentence_short_of_a_word_or_with_one_too_many_is_not_derivable(
    seed: int, rng: random.Random
) -> None:
    words = world.sentences(world.sample_review(random.Random(seed)))[0].split()
    at = rng.randrange(len(words))
    assert not world.derivable(" ".join([*words[:at], words[at], *words[at:]]))
    assert not world.derivable(" ".join(words[:-1]))
    assert not world.derivable(" ".join(words[1:]))


@given(SEEDS, st.integers(0, 60), st.sampled_from(" .,!xé\n"))
def test_a_stray_character_makes_a_sentence_underivable(seed: int, at: int, extra: str) -> None:
    sentence = world.sentences(world.sample_review(random.Random(seed)))[0]
    at = min(at, len(sentence))
    assert not world.derivable(sentence[:at] + extra + sentence[at:])


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The plot is dull and the cast is superb.", True),
        ("What a witty western!", True),
        ("What a witty western.", False),
        ("what a witty western!", False),
        ("The plot is dull and the cast is superb", False),
        ("The plot is is dull.", False),
        ("The second half by Anna Vexley is dull and slow.", True),
        ("The half second by Anna Vexley is dull and slow.", False),
        ("", False),
        ("  ", False),
        (".", False),
    ],
)
def test_sentences_judged_by_hand(sentence: str, expected: bool) -> None:
    assert world.derivable(sentence) is expected


@given(st.text(max_size=60))
def test_any_text_at_all_is_judged_without_an_error(text: str) -> None:
    world.sentiment(text)
    for sentence in world.sentences(text):
        world.derivable(sentence)


def test_a_grammar_of_two_rules_recognises_its_language_exactly() -> None:
    grammar = Grammar({"S": [(1.0, "A b"), (1.0, "A , A .")], "A": [(1.0, "x"), (1.0, "x x")]})
    assert grammar.derives("S", "x b")
    assert grammar.derives("S", "x x b")
    assert grammar.derives("S", "x x, x.")
    for wrong in ("x", "b", "x x x b", "x , x.", "x, x", "x,x."):
        assert not grammar.derives("S", wrong)
    assert grammar.before_punctuation == {"x"}
    assert grammar.words == {"x", "b"}
    assert join(["x", ",", "x", "."]) == "x, x."


# The lexicon


def test_the_lexicon_is_balanced_and_its_sums_are_exact() -> None:
    weights = world.LEXICON.values()
    assert all(weight * 2 == int(weight * 2) and 0 < abs(weight) <= 3 for weight in weights)
    assert sum(weight > 0 for weight in weights) == sum(weight < 0 for weight in weights)
    assert all(re.fullmatch("[a-z]+", word) for word in world.LEXICON)
    assert set(world.LEXICON) <= world.GRAMMAR.words


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("The plot is superb.", 3.0),
        ("SUPERB, but dull!", 1.5),
        ("Superb and horrible.", 0.0),
        ("The scenery.", 0.0),
        ("superbness", 0.0),
        ("", 0.0),
    ],
)
def test_scores_by_hand(text: str, score: float) -> None:
    assert world.sentiment(text) == score
    assert world.is_positive(text) is (score > 0)


@given(SEEDS, SEEDS)
def test_the_score_of_two_texts_is_the_sum_of_theirs(first: int, second: int) -> None:
    one = world.sample_review(random.Random(first))
    other = world.sample_review(random.Random(second))
    assert world.sentiment(f"{one} {other}") == world.sentiment(one) + world.sentiment(other)


# What reviews and prompts are like


def test_under_half_of_the_reviews_are_positive_and_few_are_neither() -> None:
    scores = [world.sentiment(review) for review in reviews(4000)]
    assert 0.38 <= sum(score > 0 for score in scores) / 4000 <= 0.50
    assert sum(score == 0 for score in scores) / 4000 <= 0.08


def test_a_review_can_hold_praise_and_blame() -> None:
    signs = [
        {
            world.sentiment(sentence) > 0
            for sentence in world.sentences(review)
            if world.sentiment(sentence)
        }
        for review in reviews(1000)
    ]
    assert sum(len(found) == 2 for found in signs) >= 150


def test_reviews_are_short_and_nearly_all_distinct() -> None:
    found = reviews(4000)
    lengths = [len(review.split()) for review in found]
    assert 20 <= sum(lengths) / len(lengths) <= 32
    assert min(lengths) >= 10
    assert max(lengths) <= 48
    assert len(set(found)) >= 0.97 * len(found)


def test_favourable_reviews_are_as_long_as_the_others_and_as_varied() -> None:
    found = reviews(4000)
    good = [review for review in found if world.is_positive(review)]
    bad = [review for review in found if not world.is_positive(review)]
    mean_good = sum(len(review.split()) for review in good) / len(good)
    mean_bad = sum(len(review.split()) for review in bad) / len(bad)
    assert mean_good == pytest.approx(mean_bad, rel=0.05)
    assert len(set(good[:600])) >= 0.95 * 600


def test_the_vocabulary_is_small() -> None:
    assert 400 <= len(world.GRAMMAR.words) <= 800


@given(SEEDS)
def test_a_prompt_is_a_few_whole_words_without_sentiment(seed: int) -> None:
    prompt = world.sample_prompt(random.Random(seed))
    words = prompt.split()
    assert 2 <= len(words) <= 8
    assert " ".join(words) == prompt
    assert {word.rstrip(",") for word in words} <= world.GRAMMAR.words
    assert prompt[-1].isalpha()
    assert world.sentiment(prompt) == 0


@given(SEEDS)
def test_a_completion_begins_with_a_space_and_joins_to_the_review(seed: int) -> None:
    review = world.sample_review(random.Random(seed))
    prompt, completion = world.split_review(review, random.Random(seed))
    assert prompt + completion == review
    assert re.match(r" \w", completion)


@given(SEEDS)
def test_no_review_goes_on_with_a_mark_where_a_prompt_may_end(seed: int) -> None:
    review = world.sample_review(random.Random(seed))
    for at in world.cut_points(review):
        assert review[:at].split()[-1] not in world.GRAMMAR.before_punctuation


def test_a_text_that_cannot_be_cut_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place to cut"):
        world.split_review("Superb.", random.Random(0))


def test_there_are_thousands_of_prompts() -> None:
    rng = random.Random(2)
    assert len({world.sample_prompt(rng) for _ in range(6000)}) >= 2500


def test_prompts_do_not_tell_how_the_review_goes_on() -> None:
    """Reviews that begin with the same word are as often positive as all are."""
    by_start: dict[str, list[bool]] = {}
    for review in reviews(8000):
        by_start.setdefault(" ".join(review.split()[:1]), []).append(world.is_positive(review))
    common = {start: found for start, found in by_start.items() if len(found) >= 400}
    assert len(common) >= 4
    for found in common.values():
        assert 0.36 <= sum(found) / len(found) <= 0.54
