"""The world of the sample reviews: a grammar that writes them and a lexicon that judges them.

A review has two to four short sentences and a tone. Its sentences are favourable, unfavourable,
divided ('superb, but the plot is dull') or neutral, most of them after the tone. Favourable and
unfavourable sentences share their templates, so how a review begins says nothing of where it goes.
"""

import random
import re
from typing import Final

from rlhf_tui.sample_data import words
from rlhf_tui.sample_data.grammar import Grammar, draw, join

LEXICON: Final[dict[str, float]] = words.lexicon()
"""Sentiment word (lower case) to its weight: a multiple of 0.5 from -3.0 to 3.0, never 0."""

# In a template `~` stands for the tone of the sentence and `^` for the opposite one. The first
# group opens a review, the second goes on; sentences of either tone are about equally long, so
# that a model steered by sentiment gains nothing by writing longer or shorter ones.
_OPENING_TONED = (
    "This GENRE about a TRAIT PERSON in CITY is ADJ~ .",
    "This GENRE with NAME as a PERSON was ADJ~ for me .",
    "The ASPECT of this GENRE set in CITY is ADJ~ .",
    "The ASPECT in this FILM about a TRAIT PERSON is ADJ~ .",
    "I watched this GENRE with my KIN WHEN and VERB~ it .",
    "My KIN and I VERB~ this GENRE about a TRAIT PERSON .",
    "My KIN took me to this FILM WHEN and we VERB~ it .",
    "NAME plays a TRAIT PERSON in this ADJ~ GENRE .",
    "NAME directs this GENRE about a THING and the ASPECT is ADJ~ .",
    "A TRAIT PERSON DOES a THING in this ADJ~ GENRE by NAME .",
    "For a GENRE about a PERSON from CITY , this is ADJ~ .",
    "The first GENRE by NAME is a NOUN~ .",
)
_OPENING_DIVIDED = (
    "This GENRE set in CITY has a ADJ~ ASPECT but a ADJ^ ASPECT .",
    "The ASPECT of this GENRE is ADJ~ , but the ASPECT is ADJ^ .",
    "I watched this GENRE WHEN and VERB~ the ASPECT but VERB^ the ASPECT .",
)
_OPENING_NEUTRAL = (
    "This GENRE about a TRAIT PERSON is set in CITY .",
    "In this GENRE a TRAIT PERSON from CITY DOES a THING .",
    "I saw this GENRE with my KIN WHEN .",
    "My KIN and I saw this FILM by NAME WHEN .",
    "NAME plays a TRAIT PERSON who DOES a THING in CITY .",
    "A TRAIT PERSON DOES a THING in this GENRE by NAME .",
)
_FURTHER_TONED = (
    "The ASPECT is ADJ~ and the ASPECT is ADJ~ .",
    "The ASPECT by NAME is ADJ~ and ADJ~ .",
    "The ASPECTS are ADJ~ and the ASPECT is ADJ~ .",
    "NAME plays the TRAIT PERSON ADV~ .",
    "NAME is ADJ~ as the TRAIT PERSON .",
    "The scene with the THING is ADJ~ and ADJ~ .",
    "The scene where the PERSON DOES the THING is ADJ~ .",
    "I VERB~ the ASPECT and the ADJ~ ASPECTS .",
    "My KIN VERB~ the ASPECT and the ASPECTS .",
    "The ASPECTS in CITY are ADV~ done .",
    "It is ADV~ written and the ASPECT is ADJ~ .",
    "It is a ADJ~ FILM with ADJ~ ASPECTS .",
    "Overall it is a NOUN~ with a ADJ~ ASPECT .",
    "Thanks to the ASPECT it is a NOUN~ .",
    "What a ADJ~ GENRE !",
)
_FURTHER_DIVIDED = (
    "The ASPECT is ADJ~ , but the ASPECTS are ADJ^ .",
    "I VERB~ the ASPECT but VERB^ the ASPECT .",
    "NAME is ADJ~ but the ASPECT is ADJ^ .",
    "The first hour is ADJ~ and the rest is ADJ^ .",
    "My KIN VERB~ the ASPECTS and I VERB^ them .",
)
_FURTHER_NEUTRAL = (
    "It was filmed in CITY by NAME .",
    "It runs for about NUMBER minutes .",
    "NAME plays the TRAIT PERSON .",
    "The PERSON DOES a THING and moves to CITY .",
    "The ASPECT is by NAME from CITY .",
    "There is a scene where a PERSON DOES a THING .",
    "My KIN comes from CITY too .",
)

_TONES = ("POS", "NEG")
_TONE_WEIGHTS = {"POS": 0.40, "NEG": 0.50, "BOTH": 0.10}
"""How often a review is favourable, unfavourable or undecided: a little under half are positive."""
_OPENING_MIX = {"own": 0.52, "other": 0.08, "DIVIDED": 0.12, "NEUTRAL": 0.28}
_FURTHER_MIX = {"own": 0.68, "other": 0.08, "DIVIDED": 0.10, "NEUTRAL": 0.14}
_LENGTHS = {2: 0.22, 3: 0.68, 4: 0.10}
"""Sentences in a review and how often: narrow, so that length is hard to game."""

_SLIP = 0.04
"""How often a sentiment word is of the other tone than its sentence calls for.

It makes the tones a matter of probability, not of grammar: both derive the same sentences.
"""

PROMPT_WORDS: Final = (2, 8)
"""The fewest and the most words in a prompt."""


def _toned(templates: tuple[str, ...], tone: str) -> list[tuple[float, str]]:
    other = _TONES[1 - _TONES.index(tone)]
    return [(1.0, t.replace("~", f"_{tone}").replace("^", f"_{other}")) for t in templates]


def _rules() -> dict[str, list[tuple[float, str]]]:
    rules: dict[str, list[tuple[float, str]]] = {
        slot: [(1.0, filler.strip()) for filler in fillers.split("|")]
        for slot, fillers in words.NEUTRAL.items()
    }
    rules["NAME"] = [(1.0, "FIRST LAST")]
    for kind, table in words.TABLES.items():
        for tone, other in (_TONES, _TONES[::-1]):
            rules[f"{kind}_{tone}"] = [
                (1 - _SLIP, f"{kind}_ONLY_{tone}"),
                (_SLIP, f"{kind}_ONLY_{other}"),
            ]
            rules[f"{kind}_ONLY_{tone}"] = [(1.0, word) for word in table[tone]]
    groups = {
        "OPENING": (_OPENING_TONED, _OPENING_DIVIDED, _OPENING_NEUTRAL),
        "FURTHER": (_FURTHER_TONED, _FURTHER_DIVIDED, _FURTHER_NEUTRAL),
    }
    for place, (toned, divided, neutral) in groups.items():
        for tone in _TONES:
            rules[f"{place}_{tone}"] = _toned(toned, tone)
        rules[f"{place}_DIVIDED"] = [alt for tone in _TONES for alt in _toned(divided, tone)]
        rules[f"{place}_NEUTRAL"] = [(1.0, template) for template in neutral]
    kinds = (*_TONES, "DIVIDED", "NEUTRAL")
    rules["SENTENCE"] = [(1.0, f"{place}_{kind}") for place in groups for kind in kinds]
    return rules


GRAMMAR: Final = Grammar(_rules())
"""The grammar; its symbol SENTENCE derives every sentence of every review."""

_WORD = re.compile(r"[A-Za-z]+")
_SENTENCE = re.compile(r"[^.!?]*(?:[.!?]+|$)")


def _choose(rng: random.Random, weights: dict[str, float]) -> str:
    return list(weights)[draw(rng, list(weights.values()))]


def _sample_sentence(rng: random.Random, place: str, tone: str, mix: dict[str, float]) -> str:
    if tone == "BOTH":
        tone = _choose(rng, dict.fromkeys(_TONES, 1.0))
    kind = _choose(rng, mix)
    if kind == "own":
        kind = tone
    elif kind == "other":
        kind = _TONES[1 - _TONES.index(tone)]
    return join(GRAMMAR.sample(f"{place}_{kind}", rng))


def sample_review(rng: random.Random) -> str:
    """A review of 2 to 4 sentences, about 15 to 40 words, drawn from the grammar.

    A little under half of the reviews score above zero, about half below, the rest zero.
    """
    tone = _choose(rng, _TONE_WEIGHTS)
    count = 2 + draw(rng, [_LENGTHS[n] for n in (2, 3, 4)])
    opening = _sample_sentence(rng, "OPENING", tone, _OPENING_MIX)
    further = [_sample_sentence(rng, "FURTHER", tone, _FURTHER_MIX) for _ in range(count - 1)]
    return " ".join([opening, *further])


def cut_points(review: str) -> list[int]:
    """Where a review may be cut into prompt and completion: offsets of a space, in order.

    The prompt then has 2 to 8 words of the first sentence, none of them a sentiment word, and ends
    with a word that the grammar never puts before a punctuation mark: whatever is written on
    continues with a space.
    """
    points: list[int] = []
    fewest, most = PROMPT_WORDS
    for count, match in enumerate(re.finditer(r"[A-Za-z]+(\W?)", review), start=1):
        word = match[0].rstrip(" .,!")
        if count > most or word.lower() in LEXICON or match[1] in {".", "!"}:
            break
        if count >= fewest and match[1] == " " and word not in GRAMMAR.before_punctuation:
            points.append(match.start(1))
    return points


def split_review(review: str, rng: random.Random) -> tuple[str, str]:
    """Cut a review at a random cut point into a prompt and a completion that begins with a space.

    Raises ValueError if the review has no cut point (no review of this world lacks one).
    """
    points = cut_points(review)
    if not points:
        raise ValueError(f"no place to cut this review: {review!r}")
    at = points[draw(rng, [1.0] * len(points))]
    return review[:at], review[at:]


def sample_prompt(rng: random.Random) -> str:
    """The first 2 to 8 words of a review: whole words, score zero, no word on what follows."""
    return split_review(sample_review(rng), rng)[0]


def sentences(text: str) -> list[str]:
    """The sentences of a text with their closing marks; an unfinished last one counts too."""
    return [found for match in _SENTENCE.findall(text) if (found := match.strip())]


def derivable(sentence: str) -> bool:
    """Whether the grammar derives this whole sentence, exactly as written."""
    return GRAMMAR.derives("SENTENCE", sentence)


def sentiment(text: str) -> float:
    """The lexicon score: the sum of the weights of the words in the text, case ignored.

    Above zero is positive. A multiple of 0.5, about -12 to 12 for a review.
    """
    return sum((LEXICON.get(word.lower(), 0.0) for word in _WORD.findall(text)), 0.0)


def is_positive(text: str) -> bool:
    """Whether the lexicon score of the text is above zero."""
    return sentiment(text) > 0
