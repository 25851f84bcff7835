"""The exercises answer: the book's own solutions are right, and each planted mistake is caught by name.

The solutions are read from the chapters, as readers see them, and a mistake is an edit of one.
"""

import inspect
import json
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import flowlib as fl
from flowlib.pages.exercises import check
from flowlib.pages.exercises.reply import EXERCISES

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("[01][0-9]_*.ipynb"))[
    1:14
]  # 1 to 13

# What stands in the solution, what is put in its place, and what the sentence says of it.
PLANTED = {
    "write-flow": [
        ("(t * v[0], t * v[1])", "((t + 1) * v[0], (t + 1) * v[1])", "psi_0 = e fails"),
        ("(t * v[0], t * v[1])", "(t**2 * v[0], t**2 * v[1])", "psi_s psi_t = psi_(s+t) fails"),
        ("(t * v[0], t * v[1])", "(-t * v[0], -t * v[1])", "as if the content moved the other way"),
        ("(t * v[0], t * v[1])", "(t * v[1], t * v[0])", "as if the velocity were (v_x, v_y)"),
        ("(t * v[0], t * v[1])", "t * v[1]", "has 2 entries, got shape ()"),
    ],
    "read-velocity": [
        ("peak[1] - peak[0]", "peak[0] - peak[1]", "as if time ran backwards"),
        ("peak[1] - peak[0]", "peak[0]", "has the velocity v, for v = 0, fails"),
        ("(peak[1] - peak[0])", "(peak[-1] - peak[0]) / 11", "as if the ring had ends"),
        ("peak[1] - peak[0]", "(peak[1] - peak[0]).clamp(-16, 15)", "Not invariant"),
        ("peak[1] - peak[0]", "peak", "the shape (12,)"),
    ],
    "back-to-rest": [
        ("-t * v", "t * v", "as if the video were moved on by v once more"),
        ("-t * v", "-(t + 1) * v", "as if frame 0 were moved too"),
        ("-t * v", "-v", "as if every frame were moved by the same shift"),
        ("torch.roll(frame, -t * v, dims=-1)", "frame", "as if the video were left alone"),
        (", dims=-1)", ", dims=-1) * on_the_line(t * v)", "as if the ring had ends"),
        ("dim=1", "dim=0", "the shape (6, 1, 1, 32)"),
    ],
    "ring-mirror": [
        ("self.inverse(g)", "g", "as if it were f(g x) and not f(g^-1 x)"),
        ("-h[0] if g[1]", "-h[0] if h[1]", "g h takes x to g(h(x)), first h, "),
        ("g[0] + step", "h[0] + (-g[0] if h[1] else g[0])", "as if g went first"),
        ("return g if g[1] else", "return", "g g^-1 = e fails"),
        ("range(32) for m", "range(31) for m", "are not the 64 pairs"),
    ],
    "one-shift": [
        ("range(0, 32, 2)", "range(32)", "holds for g = 1 too, so the matrix is circulant"),
        ("two_kernels @ f", "M @ f", "Not equivariant"),
        ("two_kernels @ f", "two_kernels @ f.abs()", "F(2 f + g) = 2 F(f) + F(g) fails"),
    ],
    "mirror": [
        ("h.flip(-1).flip(2) if g", "h.flip(-1) if g", "as if the two responses did not change places"),
        ("h.flip(-1).flip(2) if g", "h.flip(2) if g", "changed places and were not reflected"),
        ("(W, W.flip(-1))", "(W, W)", "as if response 1 were made with the filter itself"),
        ("(W, W.flip(-1))", "(W, W.flip(-2))", "made with the filter upside down"),
        ("(W, W.flip(-1))", "(W.flip(-1), W)", "response 0 is the convolution of f with W fails"),
        ("dim=2", "dim=1", "the shape (1, 2, 4, 9, 9)"),
    ],
    "rnn-gate": [
        ("z if self.mask is None", "z * torch.rand(32) if self.mask is None", "Not equivariant"),
        ("self.see(frame)", "F.conv1d(frame, self.see.weight, padding=1)", "as if the ring had ends"),
        ("torch.tanh(u_n", "(u_n", "|h| <= 1 fails"),
        ("states.append(h)", "states.append(h); h = 0 * h", "h_1 does not depend on frame 0"),
        ("video.unbind(1)", "[video.mean(1), *video[:, 1:].unbind(1)]", "h_2 does not depend on frame 3"),
    ],
    "slow-flow": [
        ("16 * v * t", "v * t", "as if it moved by one position in each frame"),
        ("16 * v * t", "v * ((t + 1) // 2)", "psi_s psi_t = psi_(s+t) fails for v = 1"),
        ("16 * v * t", "v * t / 2", "are whole numbers"),
        ("16 * v * t", "16 * v * t + 1", "psi_0 = e fails"),
    ],
    "see-velocity": [
        ("after * before.conj()", "before * after.conj()", "as if frame 1 came before frame 0"),
        ("torch.stack(place)", "torch.stack(place[::-1])", "as if the velocity were (v_x, v_y)"),
        ("torch.stack(place)", "overlap.argmax()", "has 2 entries, got shape ()"),
    ],
    "flow-turn": [
        ("(-v[1], v[0])", "(v[1], -v[0])", "as if the turn were clockwise"),
        ("(-v[1], v[0])", "v", "as if the turn changed no velocity"),
        ("(-v[1], v[0])", "(v[1], v[0])", "as if the axes only changed places"),
    ],
    "average": [
        ("h.amax(dim=-1, keepdim=True)", "h", "so the memory sees the motion"),
        ("frame + h.amax(dim=-1, keepdim=True)", "frame", "nothing is remembered"),
        ("h.amax(dim=-1, keepdim=True)", "h[..., :1]", "Not equivariant"),
        ("torch.stack(states, 1)", "torch.stack(states, 0)", "the shape (6, 2, 1, 32)"),
    ],
    "two-lift": [
        ("sign * V", "-V", "as if channel v carried the old frame on by -v"),
        ("sign * V", "0 * V", "Not flow equivariant"),
        (".abs()", "", "a value is negative"),
        ("video[:, :, None] - carried", "video[:, :, None] + carried", "channel 1 is not dark"),
        (".abs()", ".abs() * 0", "more channels than 1 are dark"),
        (".abs()", ".abs() + V[:, None] ** 2", "first at frame 0"),
    ],
    "lifted-action": [
        ("states.roll(int(w)", "states.roll(-int(w)", "as if the channels changed places the other way"),
        ("states.roll(int(w), dims=2)", "states", "as if the channels did not change places"),
        (", w).movedim", ", -w).movedim", "as if the content moved the other way"),
        (", w).movedim", ", w, start=1).movedim", "as if frame 0 were moved too"),
        ("fl.flow_video(nine, states.movedim(2, 1), w).movedim(1, 2)", "states", "states did not move"),
    ],
    "accelerate": [
        ("b * (t - 1)", "b * t", "h_t[a.f](b) = a_t.h_t[f](b - a) for a = 1 fails"),
        ("b * (t - 1)", "-b * (t - 1)", "as if channel b had the partner b + a"),
        ("drive + kernels.state_conv(state)", "drive + 0 * state", "nothing is remembered"),
        ("torch.stack(states, 1)", "torch.stack(states, 2)", "the shape (2, 9, 6, 4, 9)"),
    ],
    "mixing-loop": [
        (", v, dims", ", v + d, dims", "moved by its own velocity"),
        (", v, dims", ", -v, dims", "as if the memory moved against v"),
        ("(c + d) % 7", "(c - d) % 7", "as if v - d stood for v + d"),
        ("moved = torch", "if not 0 <= c + d < 7: continue\n            moved = torch", "as if V had ends"),
        ("torch.tanh(total)", "total", "as if sigma were missing"),
        ("total = drive", "total = 0 * drive", "as if no frame were seen"),
        ("dim=1)\n", "dim=0)\n", "the shape (7, 2, 2, 7)"),
    ],
    "which": [
        ("% 9", "* 0", "as if the flow changed no velocity"),
        ("rnn.velocities[peak.argmax(1), 0]", "peak.argmax(1)", "number of the channel were its velocity"),
        ("rnn.velocities", "-rnn.velocities", "as if it were w less"),
        ("amax(dim=(2, 3))", "amax(dim=2)[..., 0]", "Not invariant"),
    ],
    "direction": [
        (".mean(-1).flatten(1)", "[..., 0].flatten(1)", "Not invariant"),
        (".mean(-1)", ".mean(-1).mean(1, keepdim=True).expand(-1, 9, -1)", "moves to the left"),
    ],
    "steerable-sigma": [
        ("length = z.abs()", "return torch.complex(z.real.relu(), z.imag.relu())", "as if the ReLU acted"),
        ("length = z.abs()", "return torch.complex(z.real.tanh(), z.imag.tanh())", "as if tanh acted"),
        ("return z *", "return", "as if the phases were forgotten"),
        ("torch.tanh(length)", "(0.5 * length)", "sigma is linear"),
        ("torch.tanh(length)", "torch.tanh(length * torch.arange(9))", "for the static shift g = 2 fails"),
        ("length = z.abs()", "z = z[:, :5]; length = z.abs()", "the shape (2, 5, 3, 9)"),
    ],
}  # fmt: skip


def calls():
    """{name: (chapter, the call that an exercise names, the cell of its solution that makes it)}."""
    found = {}
    for path in CHAPTERS:
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        for text in ("".join(c["source"]) for c in cells if c["cell_type"] == "markdown"):
            for call in re.findall(r"^    (check\(.*\))$", text, flags=re.M):
                name = call.split('"')[1]
                assert f":label: ex-{name}\n" in text
                solved = [c for c in cells if "".join(c["source"]).endswith("\n" + call)]
                assert len(solved) == 1, f"{path.stem}: one cell of the solution ends with {call}"
                found[name] = path, call, solved[0]
    return found


CALLS = calls()


def said(name, old="", new=""):
    """What `check` says of a solution, with an edit if any, where the chapter's names are at hand."""
    source = "".join(CALLS[name][2]["source"])
    assert old in source
    torch.manual_seed(0)
    nine, V = fl.Translations(9), fl.translation_velocities(4, ndim=1)
    rnn = fl.FERNN(nine, V, 1, 6, nonlinearity=torch.tanh).double().requires_grad_(False)
    replies = []
    names = {
        "check": lambda *answers: replies.append(check(*answers)),
        "ring": fl.Translations(32), "V": fl.translation_velocities(2, ndim=1),
        "nine": nine, "rnn": rnn, "fl": fl, "torch": torch, "F": F,
        "on_the_line": lambda shift: (torch.arange(32) + shift).clamp(0, 31) == torch.arange(32) + shift,
    }  # fmt: skip
    exec(source.replace(old, new), names)
    (reply,) = replies
    return reply


def test_each_chapter_says_which_call_to_make():
    assert {path for path, _, _ in CALLS.values()} == set(CHAPTERS)
    assert CALLS.keys() == EXERCISES.keys() == PLANTED.keys()
    for name, (_, call, _) in CALLS.items():
        assert call.count(",") == len(inspect.signature(EXERCISES[name]).parameters)


@pytest.mark.parametrize("name", CALLS)
def test_the_books_solution_is_right(name):
    reply = said(name)
    assert reply and repr(reply).startswith("Right: ")
    # The chapter shows this sentence, and nbval compares it when it runs the chapter.
    (output,) = CALLS[name][2]["outputs"]
    assert "".join(output["data"]["text/plain"]) == repr(reply)


@pytest.mark.parametrize(
    "name, edit", [(name, e) for name, edits in PLANTED.items() for e in edits]
)
def test_a_planted_mistake_is_caught(name, edit):
    old, new, expected = edit
    reply = said(name, old, new)
    assert not reply
    assert re.match("Not (yet|a|equivariant|invariant|flow)", repr(reply))
    assert expected in repr(reply)


@pytest.mark.parametrize("name", CALLS)
def test_what_goes_wrong_in_a_readers_function_is_a_sentence(name):
    count = len(inspect.signature(EXERCISES[name]).parameters)
    for answer in (lambda *_: None, lambda *_: 1 / 0, lambda *_: "f", torch.rand, 3, None):
        reply = check(name, *[answer] * count)
        assert not reply and reply.sentence.startswith("Not yet: ")
        assert "\n" not in reply.sentence and reply.sentence.endswith((".", "?"))
    assert check("write-flow", lambda v, t: 1 / 0).sentence == (
        "Not yet: your function stops for (0, 1) and 0 with ZeroDivisionError: division by zero."
    )
    assert "is there a `return`?" in check("flow-turn", lambda v: None).sentence


def test_a_checker_leaves_the_readers_things_alone():
    """Its random numbers and its network; and what a function does to its input does no harm."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    network = fl.GRNN(fl.Translations(32), 1, 1)
    torch.manual_seed(5)
    check("average", network)
    assert torch.equal(torch.rand(1), expected)
    assert network.input_conv.weight.dtype == torch.float32

    def in_place(video, v):
        for t in range(video.shape[1]):
            video[:, t] = video[:, t].roll(-t * v, dims=-1)
        return video

    assert check("back-to-rest", in_place)


def test_other_right_answers_pass():
    assert check("ex-write-flow", lambda v, t: torch.tensor(v) * t % 28)
    assert check(
        "read-velocity", lambda video: float(video[0, 1, 0].argmax() - video[0, 0, 0].argmax())
    )
    ring = fl.Translations(32)
    assert check("back-to-rest", lambda video, v: fl.flow_video(ring, video.float(), -v))
    assert check("slow-flow", lambda v, t: torch.tensor([-15 * v * t]))


def test_an_unknown_exercise():
    with pytest.raises(ValueError, match="'write-flwo': is it 'write-flow'"):
        check("write-flwo", max)
    with pytest.raises(ValueError, match=r'check\("mirror", lift_mirror, act_lifted\)'):
        check("mirror", max)
