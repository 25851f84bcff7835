"""The page about one video, made of plain data: it asks nobody, and says who won in words."""

import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest
import torch

from flowlib.pages.video_page import page
from flowlib.pages.video_words import flow_words, verdict

ROWS = {
    "mean": ("the mean", [4e-2, 6e-2], 0.0),
    "last-frame": ("the last frame", [1e-2, 5e-2], 0.4),
    "best-shift": ("moved <on>", [1e-2, 3e-2], 0.6),
    "g-rnn": ("G-RNN", [2e-2, 3e-2], 0.5),
    "fernn": ("FERNN", [1e-2, 1e-2], 0.8),
}


def made(**other):
    films = {word: torch.rand(3 * 5, 6, 9) for word in ("what happened", "FERNN", "G-RNN")}
    winners = torch.tensor([[0, 1], [0, 1], [1, 1], [0, 0]])
    found = dict(name="a & b.mp4", facts={"file": "a & b.mp4, <new>"}, rows=ROWS, repeated=0.0)
    found |= dict(falling=["fernn"], flowness=1.5, films=films, context=3, horizon=2)
    with plt.rc_context():
        return page(**found | dict(winners=winners, shifts=winners.clone()) | other)


class Reader(HTMLParser):
    """Which tags there are, what they load, and whether each is closed."""

    void = {"meta", "input", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.loads += [v for k, v in attributes if k in ("src", "href", "xlink:href")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.void:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_asks_nobody():
    text = made()
    reader = Reader(text)
    assert not reader.open
    assert "://" not in text and "script" not in {tag for tag, _ in reader.tags}
    assert all(url.startswith(("#", "data:")) for url in reader.loads)
    assert all(url.startswith(("#", "data:")) for url in re.findall(r"url\(['\"]?([^)]*)\)", text))


def test_pictures_have_words_and_names_are_escaped():
    text = made()
    images = [a for tag, a in Reader(text).tags if a.get("role") == "img"]
    assert len(images) == 4 and all(len(a["aria-label"]) > 40 for a in images)
    assert "a &amp; b.mp4" in text and "moved &lt;on&gt;" in text and "<new>" not in text
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text


def test_the_page_says_who_won():
    assert "The FERNN forecasts best: its error is 50 % below that of the best rule" in verdict(
        ROWS
    )
    assert "does not beat that rule" in verdict(ROWS)
    both = ROWS | {"g-rnn": ("G-RNN", [1e-2, 1.05e-2], 0.8)}
    assert verdict(both) == (
        "Both networks forecast equally well: their error is 50 % below that of the best rule, moved "
        "&lt;on&gt;."
    )
    lost = ROWS | {"fernn": ("FERNN", [4e-2, 4e-2], 0.2)}
    assert verdict(lost).startswith("Neither network beats the best rule, moved &lt;on&gt;.")
    assert "the G-RNN, has 1.25 times its error" in verdict(lost)
    even = ROWS | {"fernn": ("FERNN", [2e-2, 1.99e-2], 0.6)}
    assert "does as well as the best rule" in verdict(even)
    assert "Neither network" in made(rows=lost) and "Neither" not in made()


def test_the_page_says_what_to_keep_in_mind():
    text = made()
    assert "The FERNN was still getting better" in text and "were among those seen" not in text
    assert "8 % of the frames to forecast were among those seen" in made(repeated=0.08)
    assert "still getting better" not in made(falling=[])
    at_rest = made(shifts=torch.zeros(4, 2, dtype=torch.long))
    assert "In 100 % of the steps the best shift is 0" in at_rest and "agree in 25 %" in at_rest


@pytest.mark.parametrize(
    "flowness, words",
    [
        (float("inf"), "is a flow"),
        (2.5, "explains much"),
        (1.5, "explains some"),
        (1.0, "explains little or nothing"),
    ],
)
def test_flowness_in_words(flowness, words):
    assert words in flow_words(flowness)
