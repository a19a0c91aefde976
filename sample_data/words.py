"""The vocabulary of the sample reviews: sentiment words with weights, and neutral word lists.

Weights are multiples of one half, so that sums of them are exact in binary floating point and a
score of zero is zero. Every sentiment adjective and noun begins with a consonant sound, and so does
every neutral word that follows 'a': the grammar needs no 'an'.
"""

ADJECTIVES: dict[str, dict[str, float]] = {
    "POS": {
        "superb": 3.0,
        "brilliant": 3.0,
        "magnificent": 3.0,
        "stunning": 2.5,
        "wonderful": 2.5,
        "splendid": 2.5,
        "beautiful": 2.0,
        "gripping": 2.0,
        "moving": 2.0,
        "delightful": 2.0,
        "hilarious": 2.0,
        "clever": 1.5,
        "charming": 1.5,
        "graceful": 1.5,
        "witty": 1.5,
        "lovely": 1.5,
        "fresh": 1.0,
        "warm": 1.0,
        "solid": 1.0,
        "pleasant": 1.0,
        "likeable": 1.0,
    },
    "NEG": {
        "horrible": -3.0,
        "dreadful": -3.0,
        "terrible": -3.0,
        "painful": -2.5,
        "pathetic": -2.5,
        "ridiculous": -2.5,
        "boring": -2.0,
        "tedious": -2.0,
        "lifeless": -2.0,
        "clumsy": -2.0,
        "pointless": -2.0,
        "dull": -1.5,
        "bland": -1.5,
        "shallow": -1.5,
        "stale": -1.5,
        "lazy": -1.5,
        "weak": -1.0,
        "flat": -1.0,
        "muddled": -1.0,
        "slow": -1.0,
        "predictable": -1.0,
    },
}
"""Tone to its adjectives and their weights."""

ADVERBS: dict[str, dict[str, float]] = {
    "POS": {
        "brilliantly": 3.0,
        "beautifully": 2.5,
        "superbly": 2.5,
        "perfectly": 2.0,
        "gracefully": 1.5,
        "nicely": 1.0,
    },
    "NEG": {
        "terribly": -3.0,
        "dreadfully": -2.5,
        "horribly": -2.5,
        "badly": -2.0,
        "clumsily": -1.5,
        "poorly": -1.0,
    },
}
"""Tone to its adverbs of manner and their weights."""

VERBS: dict[str, dict[str, float]] = {
    "POS": {"adored": 3.0, "loved": 2.5, "enjoyed": 1.5, "admired": 1.5, "liked": 1.0},
    "NEG": {"hated": -3.0, "despised": -2.5, "disliked": -1.5, "regretted": -1.5, "endured": -1.0},
}
"""Tone to its past-tense verbs of judgement and their weights."""

NOUNS: dict[str, dict[str, float]] = {
    "POS": {
        "masterpiece": 3.0,
        "triumph": 2.5,
        "gem": 2.0,
        "delight": 2.0,
        "treat": 1.5,
        "pleasure": 1.0,
    },
    "NEG": {
        "disaster": -3.0,
        "failure": -2.5,
        "mess": -2.0,
        "bore": -2.0,
        "chore": -1.5,
        "letdown": -1.0,
    },
}
"""Tone to its nouns for a whole film and their weights."""

NEUTRAL: dict[str, str] = {
    "GENRE": "western | comedy | thriller | drama | musical | mystery | romance | documentary"
    " | cartoon | satire | biopic | sequel | remake | melodrama | whodunit | fable | parody"
    " | fantasy | debut | road movie | spy film | ghost story | war film | silent film"
    " | crime film",
    "FILM": "film | movie | picture | production | feature | story",
    "ASPECT": "cast | plot | script | score | dialogue | camerawork | lighting | editing | pacing"
    " | soundtrack | ending | opening | acting | direction | music | scenery | humour | action"
    " | photography | narration | choreography | atmosphere | screenplay | finale | premise"
    " | dubbing | makeup | sound | second half | first act | last scene | title song",
    "ASPECTS": "costumes | performances | jokes | effects | songs | sets | characters | stunts"
    " | twists | dances | visuals | fights | chases | landscapes | subtitles | flashbacks",
    "PERSON": "nurse | sailor | teacher | baker | detective | farmer | painter | lawyer | widow"
    " | soldier | boxer | banker | doctor | pilot | student | waiter | dancer | priest | thief"
    " | judge | librarian | mechanic | gardener | reporter | fisherman | tailor | cook | driver"
    " | miner | poet | singer | carpenter | butcher | barber | postman | shepherd | surgeon"
    " | chemist | clerk | guard | monk | hunter | plumber | beekeeper | conductor | janitor",
    "TRAIT": "young | retired | quiet | tall | busy | rich | local | stubborn | curious | famous"
    " | homesick | nervous | divorced | shy | wealthy | talkative | tired | restless | careful"
    " | Scottish | Danish | Welsh | Turkish | Norwegian | Mexican | Polish",
    "DOES": "finds | buys | loses | steals | borrows | paints | hides | sells | follows | repairs"
    " | builds | rents | wins | breaks | forgets | guards",
    "THING": "letter | farm | boat | horse | diary | map | violin | hotel | garden | bakery"
    " | lighthouse | piano | suitcase | telescope | camera | bicycle | necklace | castle | theatre"
    " | museum | train | ring | key | clock | coat | parrot | dog | cat | goat | mirror | lantern"
    " | wedding dress | chess set | tractor | tent | painting",
    "CITY": "Paris | London | Rome | Berlin | Lisbon | Madrid | Vienna | Prague | Dublin | Boston"
    " | Chicago | Denver | Tokyo | Cairo | Sydney | Toronto | Oslo | Athens | Warsaw | Budapest"
    " | Havana | Lima | Mumbai | Seoul | Naples | Venice | Glasgow | Brussels | Hamburg | Geneva",
    "FIRST": "Anna | Paul | Marta | Peter | Clara | Hugo | Nina | Oscar | Ruth | Simon | Vera"
    " | Walter | Greta | Leon | Irene | Felix | Dora | Martin | Laura | Victor | Alma | Bruno"
    " | Edith | Jonas | Lydia",
    "LAST": "Vexley | Tornquist | Balderin | Quillard | Hesselby | Marrowane | Okonday | Pellimore"
    " | Varnholt | Sandrique | Dunmere | Castelow | Brackwell | Fennimor | Lindgrove | Ashcombry"
    " | Tavershall | Rookhurst | Wendelby | Zimmerlo",
    "KIN": "brother | sister | wife | husband | mother | father | cousin | neighbour | flatmate"
    " | uncle | aunt | daughter | son | grandmother | grandfather | boss | dentist | nephew",
    "WHEN": "last night | last week | last month | on Sunday | on Friday | on Monday | yesterday"
    " | on a rainy evening | on a long flight | after work | at a festival | at home"
    " | during the holidays | at the cinema",
    "NUMBER": "ninety | eighty | seventy | sixty | fifty | forty | thirty",
}
"""Slot to its neutral fillers, separated by bars."""


TABLES = {"ADJ": ADJECTIVES, "ADV": ADVERBS, "VERB": VERBS, "NOUN": NOUNS}
"""Slot to the sentiment words that fill it, by tone."""


def lexicon() -> dict[str, float]:
    """Every sentiment word with its weight (-3.0 to 3.0, never 0)."""
    return {
        word: weight
        for table in TABLES.values()
        for words in table.values()
        for word, weight in words.items()
    }


def of_tone(tone: str) -> list[str]:
    """Every sentiment word of a tone, 'POS' or 'NEG'."""
    return [word for table in TABLES.values() for word in table[tone]]
