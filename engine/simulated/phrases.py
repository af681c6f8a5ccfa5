"""Phrases and sentences made of the words of a task.

They state no figure and no fact, so that nobody takes one of them for true.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle, islice

READ_CHARS = 2_000
"""So much of a text is looked at: a task's words stand at its beginning, and a hostile one may be long."""
MAX_SUBJECTS = 24
REMEMBERED = 64
"""Of so many texts, what was read in them is kept: one answer asks for it again and again."""
MAX_PHRASE_WORDS = 3
MAX_PHRASE_CHARS = 40
MAX_TITLE_CHARS = 80

FEWEST_SUBJECTS = 4
GENERAL = ("timing", "cost", "scope", "evidence")
"""Subjects of any task, for one that names too few of its own."""

VERBS = """
add analyse analyze answer assess assemble change check classify collect combine compare create describe do edit
explain extract find gather get give gives identify list look make name optimise optimize plan prepare put read
remove report research review say search shorten solve state suggest summarise summarize synthesise synthesize
try turn use verify write
"""
"""With which tasks begin."""
SMALL_WORDS = """
a about above after all alone along also an and any anything are around arrive arrives as at be because been
before below beside both but by can cannot change changed could customer customers day days deep did does each
else every everything exactly expected for from go had has have help here how i if in into is it its just keep
kept know known lately latest least less may meet meets mend message might more most must my naturally need
needed needs never no not nothing now of off on one only or other others our output please problem reach ready
recent same send several should so some that the their them then there these they this those thorough thoroughly
through to today tomorrow too tried under until up us very want wants was we were what when where which while
who why will with within would year years yesterday you your two three four five six seven eight nine ten
"""
WORDS_OF_FORM = """
answer answers article articles brief briefs bullet bullets conclusion description descriptions documented
e-mail e-mails email emails example examples executive executives fact facts finding findings fit full guide
guides heading headings introduction investment keyword keywords length line link links list markdown metadata
note notes point points profile prose reason reasons reports reset section sections sentence sentences slug
source sources step steps summary table title titles word words wrote
"""
"""Words that say what an answer should look like, or how it is made, and not what it is about."""
BETWEEN = frozenset(f"{VERBS} {SMALL_WORDS} {WORDS_OF_FORM}".split())
"""Where one phrase ends and the next one begins; so do signs and numbers."""
ARTICLES = frozenset({"a", "an", "the", "this", "these"})
OPENINGS = ARTICLES.union(VERBS.split())
"""What stands before the name of a task's subject."""
PARTS = re.compile(r"[\w'’-]+|[^\w\s]")
ABOUT = re.compile(r"\b(?:on|about)\s+(.{3,})", re.IGNORECASE)
END_OF_TITLE = re.compile(r"[.:;,!?\n]|\s(?:with|from|for|thoroughly)\b")

SENTENCES = (
    "On {a}, the sources agree about the direction and differ about the size, so a range is given and not one figure.",
    "What matters most for {topic} is how {a} and {b} move together.",
    "The better documented side is {a}; for {b} the evidence is thinner and mostly second hand.",
    "Two independent sources support the reading of {a} that is used here.",
    "The older view of {b} no longer holds, since it was formed before the present conditions.",
    "Seen from the side of {a}, the case is plain; seen from {b}, it needs one more check.",
    "For a decision, {a} should weigh more than {b}, because more can be done about it.",
    "A reader who looks at {a} alone would draw the wrong conclusion about {b}.",
    "The weak point of the usual account of {b} is an assumption that nobody has tested in practice.",
    "A change in {a} tends to reach {b} after a while; the reverse is rare.",
    "Compared with the period before, there is less movement in {a} and more in {b}.",
    "It is tempting to treat {a} and {b} as one question, but they have different owners and different remedies.",
    "The most useful single step is to measure {a} regularly and to write down beforehand what is expected.",
    "Critics point at {b}; their argument is sound as far as it goes, and leaves {a} out of account.",
    "The state of {a} also explains why earlier attempts stopped halfway.",
    "Nothing in the material contradicts this reading of {a}, though one source leaves {b} open.",
    "In practice the limit is set by {b}, long before {a} would matter.",
    "After any larger change of {a}, the conclusion about {b} has to be looked at again.",
    "The effect of {a} is visible early, that of {b} only over a longer stretch of time.",
    "Those who deal with {topic} every day name {a} first, and {b} soon after.",
    "There is a cheaper way to the same end: leave {b} alone for now and put the effort into {a}.",
    "The comparison with similar cases is favourable for {a} and mixed for {b}.",
    "What is said of {b} in public is usually older than it looks, and should be read with its date.",
    "The question of {a} can be settled with what is known today; for {b} an unpublished figure is missing.",
    "For {topic} this means a clear priority: first {a}, then {b}.",
    "The risk lies less in {a} than in how late a change of it would be noticed.",
    "Much has been written elsewhere about {a} and {b}; only what bears on the question is kept here.",
    "A fair summary: the grounds of {a} are understood, those of {b} not yet.",
    "One example shows the pattern: once somebody looked after {a}, complaints about {b} became fewer.",
    "Being wrong about {b} costs little; ignoring {a} costs more.",
    "Experts disagree about {b} mainly because they mean different things by it.",
    "Read together, the findings on {a} and {b} leave room for careful optimism.",
)
POINTS = (
    "First comes {a}: much of {b} depends on it",
    "A second source is needed for {b} before anybody relies on it",
    "Sources agree on {a} and differ on {b}",
    "Less movement in {a}, more in {b}, than in the period before",
    "Watch {b}: a change there would alter the view of {a}",
    "Most of what is seen in {b} goes back to {a}",
    "The gap between {a} and {b} closes slowly",
    "Settle {a} before any work on {b} begins",
    "Good documents exist for {a}, mostly opinions for {b}",
    "Compare {a} with similar cases, then judge {b}",
    "Less depends on {b} than is usually said",
    "Measure {a} regularly and note what was expected",
)
STEPS = (
    "Check {a} first, and note what you see with the time",
    "Compare {a} with {b}, and stop if they do not match",
    "Look for {a} under its other name too",
    "Ask for {b} once more, and wait five minutes",
    "Confirm that {a} is as it should be now",
    "Write down what is still missing of {b}",
    "Try the same again with {b} from another device",
    "Tell us about {a} if nothing has changed by then",
)


@lru_cache(maxsize=REMEMBERED)
def subjects(text: str) -> tuple[str, ...]:
    """The phrases of a text that name things, in its order and without repeats; four at least."""
    found: dict[str, str] = {}
    phrase: list[str] = []
    for part in (*PARTS.findall(text[:READ_CHARS]), "."):
        word = part.removesuffix("'s").removesuffix("’s").strip("'’-_")
        if not word or not word[0].isalpha() or word.lower() in BETWEEN:
            _keep(phrase, found)
            phrase = []
        else:
            phrase.append(word)
    named = tuple(islice(found.values(), MAX_SUBJECTS))
    return named if len(named) >= FEWEST_SUBJECTS else (*named, *GENERAL)


@lru_cache(maxsize=REMEMBERED)
def topic(text: str) -> str:
    """What a task is about: what follows "on" or "about" in its first sentence, else that without its verb."""
    first = END_OF_TITLE.split(text[:READ_CHARS].strip().partition("\n")[0])[0]
    about = ABOUT.search(first)
    words = deque((about[1] if about else first).split())
    while len(words) > 1 and words[0].lower() in (ARTICLES if about else OPENINGS):
        words.popleft()
    kept: list[str] = []
    for word in words:
        if len(" ".join((*kept, word))) > MAX_TITLE_CHARS:
            break
        kept.append(word)
    return " ".join(kept) or subjects(text)[0]


def title(text: str) -> str:
    """The topic as a heading."""
    return capitalised(topic(text))


def sentences(text: str, rng: random.Random) -> Iterator[str]:
    """Sentences about a text's subjects, without end; none comes again before all others were used."""
    return about(text, shuffled(SENTENCES, rng), rng)


def points(text: str, rng: random.Random) -> Iterator[str]:
    """Short statements about a text's subjects, without a full stop and without end."""
    return about(text, shuffled(POINTS, rng), rng)


def steps(text: str, rng: random.Random) -> Iterator[str]:
    """Things to do about a text's subjects, without a full stop and without end."""
    return about(text, shuffled(STEPS, rng), rng)


def about(text: str, patterns: Iterator[str], rng: random.Random, *, heading: str = "") -> Iterator[str]:
    """The patterns filled with a text's subjects. Below a ``heading``, every third subject is what that names."""
    whole = topic(text)
    things = [thing for thing in subjects(text) if thing.lower() not in (whole.lower(), heading.lower())]
    rng.shuffle(things)
    if heading:
        things = [thing for pair in batched(things) for thing in (*pair, heading.lower())]
    turn = cycle(things)
    for pattern in patterns:
        yield capitalised(pattern.format(a=next(turn), b=next(turn), topic=whole))


def shuffled(patterns: tuple[str, ...], rng: random.Random) -> Iterator[str]:
    """The patterns in a random order, without end; each round has an order of its own."""
    while True:
        yield from rng.sample(patterns, len(patterns))


def batched(things: list[str]) -> Iterator[list[str]]:
    """The things in pairs; the last one may be alone."""
    return (things[at : at + 2] for at in range(0, len(things), 2))


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _keep(phrase: list[str], found: dict[str, str]) -> None:
    """Notes the phrase's last words, unless they were found before."""
    text = " ".join(phrase[-MAX_PHRASE_WORDS:])[:MAX_PHRASE_CHARS].strip()
    if len(text) > 2:
        found.setdefault(text.lower(), text)
