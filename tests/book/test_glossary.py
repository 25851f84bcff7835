"""Each word of the glossary is a word of the chapter, or the page, that it points to."""

import re

import pytest
from conftest import CHAPTERS, ROOT, prose

TEXT = (ROOT / "book/glossary.md").read_text(encoding="utf8")
BLOCK = re.search(r"^```\{glossary\}\n(.*?)^```", TEXT, flags=re.M | re.S)[1]
# A word and its other names, one a line, then a line that says what it is.
ENTRIES = [
    (*words.splitlines(), text)
    for words, text in re.findall(r"((?:^\S.*\n)+)^  (.+)", BLOCK, flags=re.M)
]
# One word for one thing: these are the words that the chapters use.
WORDS = """signal, grid, ring, torus, shift, translation, group, element, action, invariant,
equivariant, lift, lifting convolution, group convolution, channel, orientation, video, frame, flow,
velocity, generator, one-parameter subgroup, hidden state, memory, G-RNN, FERNN, velocity channel,
rim, partner, truncation, mixing, reading"""


PLACES = {path.name: prose(path) for path in CHAPTERS}
PLACES["conventions.md"] = (ROOT / "book/conventions.md").read_text(encoding="utf8")


def holds(text, word):
    return word.lower() in " ".join(text.lower().split())


def named_places(text):
    """The chapters that a text links to, or to whose boxes it refers; the conventions."""
    marks = [f":label: {label}\n" for label in re.findall(r"\{prf:ref\}`([\w-]+)`", text)]
    marks += [f"({label})=\n" for label in re.findall(r"\]\((convention-\w+)\)", text)]
    return re.findall(r"\(\.\./chapters/([\w.]+)\)", text) + [
        name for mark in marks for name, place in PLACES.items() if mark in place
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[0])
def test_a_word_is_used_where_its_entry_points(entry):
    *words, text = entry
    (place,) = named_places(text)
    assert holds(PLACES[place], words[0]), place
    for word in words:
        assert any(holds(place, word) for place in PLACES.values()), word


def test_every_line_is_read():
    assert sum(len(entry) for entry in ENTRIES) == sum(map(bool, BLOCK.splitlines()))


def test_words_are_in_order_and_complete():
    first = [entry[0].strip("$").lower() for entry in ENTRIES]
    assert first == sorted(first, key=lambda word: re.sub(r"[^a-z0-9]", "", word))
    every = {word for *words, _ in ENTRIES for word in words}
    assert {" ".join(word.split()) for word in WORDS.split(",")} <= every
