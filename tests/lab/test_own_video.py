"""A reader's own video: what is read of it, what is refused, and the law of the forecaster."""

import dataclasses
import struct

import av
import numpy as np
import pytest
import torch

import flowlib as fl
from flowlib.__main__ import main
from flowlib.lab import ledger, own_forecast, own_video
from flowlib.lab.data import video_file
from flowlib.lab.data.motion import Pictures
from flowlib.lab.data.video_file import read_video
from flowlib.lab.evaluation import last_frame
from flowlib.lab.flow_predictor import Rule
from flowlib.lab.moved_on import MovedOn
from flowlib.lab.rules import best_shifts
from flowlib.pages import plots, video_page, video_words


def write(path, frames):
    """A video file of grey frames, (time, height, width), uint8."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.stack([frame] * 3, 2), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def bump(frames=60, height=32, width=48, step=4):
    """A bump that moves to the right, around."""
    y, x = np.mgrid[:height, :width]
    places = [(x - step * t + width // 2) % width - width // 2 for t in range(frames)]
    return np.stack([(200 * np.exp(-(d**2 + (y - 16) ** 2) / 30)).astype(np.uint8) for d in places])


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write(tmp_path_factory.mktemp("videos") / "bump <1>.mp4", bump())


def test_frames_are_reduced_by_area_means(video):
    frames, original, more = read_video(video, 12, progress=False)
    assert frames.shape == (60, 1, 8, 12) and original == (32, 48) and not more
    means = torch.from_numpy(bump()).float().reshape(60, 8, 4, 12, 4).mean((2, 4)) / 255
    assert (frames[:, 0] - means).abs().max() < 0.03  # what the codec loses
    assert torch.equal(read_video(video, 12, every=7, progress=False)[0], frames[::7])
    assert read_video(video, 500, progress=False)[0].shape[2:] == (32, 48), "nothing is enlarged"


def test_a_long_video_is_read_in_part(video, monkeypatch):
    monkeypatch.setattr(video_file, "MOST", 57)
    frames, _, more = read_video(video, 12, progress=False)
    assert len(frames) == 57 and more


def test_a_camera_that_was_held_upright(tmp_path):
    """The file says by how much its frames are to be turned: here the matrix is written into it."""
    frames = bump(2)
    path = write(tmp_path / "upright.mp4", frames)
    one, w = 1 << 16, 1 << 30
    plain, turned = (one, 0, 0, 0, one, 0, 0, 0, w), (0, one, 0, -one, 0, 0, 0, 0, w)
    data = path.read_bytes()
    before, after = (struct.pack(">9i", *matrix) for matrix in (plain, turned))
    at = data.index(before, data.index(b"tkhd"))
    path.write_bytes(data[:at] + after + data[at + len(after) :])
    upright, original, _ = read_video(path, 48, progress=False)
    assert original == (48, 32)
    clockwise = torch.from_numpy(frames / 255).rot90(-1, (1, 2))
    assert (upright[:, 0] - clockwise).abs().mean() < 0.02


def test_no_frame_is_in_two_parts():
    frames = torch.arange(100.0)[:, None, None, None].expand(-1, 1, 5, 5) / 100
    made = own_video.table(frames, "counted")
    task = made.prepare("quick", torch.device("cpu"))
    assert task.source == "counted"
    shown = {"train": set(), "validate": set(), "test": set()}

    class Spy(torch.nn.Module):
        def __init__(self, numbers):
            super().__init__()
            self.numbers = numbers

        def forward(self, context, steps):
            self.numbers |= set((context * 100).round().int().flatten().tolist())
            return context[:, :1].expand(-1, steps, -1, -1, -1)

    asks = {
        "train": lambda spy: [task.loss(spy, 0, k, "fernn") for k in range(30)],
        "validate": task.validate,
        "test": task.measure,
    }
    for part, ask in asks.items():
        ask(Spy(shown[part]))
    assert max(shown["train"]) < min(shown["validate"])
    assert max(shown["validate"]) < min(shown["test"]) == 80
    assert (
        own_video.clips(Pictures(frames), own_video.QUICK)
        .draw(4, 9, 0)
        .diff(dim=1)
        .allclose(torch.tensor(0.01))
    )


def test_the_law_of_the_forecaster(seeded):
    """V is all shifts of the torus, so that none is lost at its rim."""
    torus = fl.Translations((3, 5))
    V = torus.elements()
    model = MovedOn(fl.FERNN(torus, V, 1, 2), 1).double()
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(std=0.3)
    seen = torch.rand(2, 4, 1, 3, 5).double()
    whole = torch.cat([seen, model(seen, 3)], 1)
    for w in ((1, 0), (-1, 2)):
        moved = fl.flow_video(torus, seen, w)
        assert (model(moved, 3) - fl.flow_video(torus, whole, w)[:, 4:]).abs().max() < 1e-12
        shares, before = model.shares(moved), model.shares(seen)
        for k, v in enumerate(V):
            partner = fl.velocity_index(V, (v - torch.tensor(w)) % torch.tensor(torus.grid))
            assert (shares[:, k] - before[:, partner]).abs().max() < 1e-12
    assert (shares - before).abs().max() > 1e-3


def test_untrained_networks_are_rules():
    torus = fl.Translations((9, 9))
    picture = torch.rand(1, 1, 9, 9)
    seen = fl.flow(torus, picture, (1, -2), 6)
    fernn = MovedOn(fl.FERNN(torus, fl.translation_velocities(2), 1, 2), 1)
    grnn = MovedOn(fl.FERNN(torus, [(0, 0)], 1, 2), 1)
    assert (fernn(seen[:, :4], 2) - seen[:, 4:]).abs().max() < 1e-3
    assert torch.equal(grnn(seen[:, :4], 2), seen[:, 3:4].expand(-1, 2, -1, -1, -1))
    assert best_shifts(seen[:, 0], seen[:, 1]).tolist() == [[1, -2]]


def test_at_rest_a_fernn_is_the_grnn_of_its_weights(seeded):
    torus = fl.Translations((5, 5))
    fernn = MovedOn(fl.FERNN(torus, fl.translation_velocities(1), 1, 2), 1).double()
    grnn = MovedOn(fl.FERNN(torus, [(0, 0)], 1, 2), 1).double()
    with torch.no_grad():
        for p in fernn.parameters():
            p.normal_(std=0.3)
    for mine, its in zip(grnn.parameters(), fernn.parameters(), strict=True):
        mine.data = its.data
    still = torch.rand(2, 1, 1, 5, 5).double().expand(-1, 4, -1, -1, -1)
    lights = (still > 0.6).double()  # a step of theirs costs far more than one of noise
    a, b = fernn(lights, 3), grnn(lights, 3)
    assert (a - b).abs().max() < 1e-6 * b.abs().max() and (b - lights[:, :3]).abs().max() > 0.1


def test_the_liveliest_clips_are_shown():
    frames = torch.zeros(60, 1, 5, 5)
    for place in (15, 35, 50):  # one flash in each third of the starts
        frames[place] = place / 60
    preset = dataclasses.replace(own_video.QUICK, context=2, horizon=1)
    models = dict.fromkeys(own_video.NETWORKS, Rule(last_frame))
    seen = own_forecast.films(models, frames, preset)["what happened"]
    assert seen.shape == (9, 5, 5)
    assert [round(60 * clip.max().item()) for clip in seen.split(3)] == [50, 35, 15]


QUICKLY = ["--updates", "6", "--size", "12", "--radius", "1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path / "results"))
    return tmp_path


def test_the_command_writes_a_page(video, folder, capsys):
    with plots.plt.rc_context():
        assert main(["forecast", str(video), "--out", str(folder), *QUICKLY]) == 0
    out = capsys.readouterr().out
    path = folder / "bump <1>-forecast.html"
    assert f"the page: {path}" in out and "the last frame, moved on" in out
    text = path.read_text(encoding="utf8")
    assert "<h1>Forecast of bump &lt;1&gt;.mp4</h1>" in text
    assert "The first 32 frames train, the next 14 validate, the last 14 test" in text
    assert (
        "&#x27;bump &lt;1&gt;.mp4&#x27; --size 12 --every 1 --radius 1 --updates 6 --seed 0" in text
    )
    assert not (folder / "results").exists(), "nothing is written into the ledger"
    assert ledger.rows("own-video") == []


def picture_file(path):
    from matplotlib.image import imsave

    imsave(path, np.random.default_rng(0).random((8, 8)))
    return path


def sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    return path


def text_file(path):
    path.write_text("no video")
    return path


def ends_black(path):
    frames = bump(200)
    frames[150:] = 0
    return write(path, frames)


BAD = {
    "no.mp4": (lambda path: path, "is not there: give the path of a video file"),
    "folder": (lambda path: path.mkdir() or path, "is a folder: give the path of a video file"),
    "notes.txt": (text_file, "cannot be decoded as a video"),
    "film.mp4": (text_file, "it wants a file that a video player plays"),
    "song.wav": (sound, "cannot be decoded as a video"),
    "photo.png": (picture_file, "photo.png has 1 frame, 56 are the least"),
    "short.mp4": (lambda path: write(path, bump(20)), "short.mp4 has 20 frames, 56 are the least"),
    "black.mp4": (
        lambda path: write(path, 0 * bump()),
        "which test: there is nothing to forecast",
    ),
    "credits.mp4": (ends_black, "changes 0 times in its last 40 frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_sentence(name, folder, capsys):
    make, words = BAD[name]
    assert main(["forecast", str(make(folder / name)), *QUICKLY]) == 2
    err = capsys.readouterr().err.strip().split("\r")[-1].strip()
    assert err.startswith("flowlib: ") and words in err and "\n" not in err
    assert not list(folder.glob("*.html"))


BAD_OPTIONS = {
    "--size 0": "size is 0",
    "--every 0": "every is 0",
    "--every 2": "has 30 frames, 56 are the least",
    "--radius 0": "radius is 0",
    "--radius 5": "reduced to 8 x 12, so take a larger --size",
    "--minutes 0": "minutes is 0",
    "--minutes 1e-6": "1e-06 minutes are enough for 0 updates",
    "--updates 1": "updates is 1",
    "--seed -1": "seed is -1",
    "--device moon": "moon",
    "--out page.txt": "a name that ends in .html",
    "--out no/page.html": "cannot be written",
}


@pytest.mark.parametrize("words", BAD_OPTIONS)
def test_a_bad_option_gets_one_sentence(words, video, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    wanted, option = dict(zip(QUICKLY[::2], QUICKLY[1::2], strict=True)), words.split()
    if option[0] == "--minutes":
        del wanted["--updates"]
    wanted |= {"--out": "page.html", option[0]: option[1]}
    assert main(["forecast", str(video), *(w for pair in wanted.items() for w in pair)]) == 2
    err = capsys.readouterr().err.strip().split("\r")[-1].strip()
    assert err.startswith("flowlib: ") and BAD_OPTIONS[words] in err
    assert not list(folder.rglob("*.html"))


def test_ctrl_c_says_that_there_is_no_page(video, folder, monkeypatch, capsys):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(own_forecast, "run", stop)
    assert main(["forecast", str(video), "--out", str(folder), *QUICKLY]) == 130
    assert capsys.readouterr().err.strip().endswith("stopped; no page was written")


def test_what_is_found_is_what_the_page_asks_for():
    """The wings do not know each other: the command hands over by these names."""
    from inspect import signature

    found = own_forecast.Forecasts.__dataclass_fields__.keys()
    assert list(found) == list(signature(video_page.page).parameters)
    assert video_words.NETWORKS.keys() == set(own_video.NETWORKS)
    assert set(video_words.RULES) == own_video.RULES.keys()


def test_a_memory_at_rest_corrects_what_was_moved():
    torus, V = fl.Translations((6, 5)), fl.translation_velocities(1)
    torch.manual_seed(0)
    still = MovedOn(fl.GRNN(torus, 1, 3), 1, velocities=V)
    untrained = MovedOn(fl.FERNN(torus, V, 1, 3), 1)
    seen = fl.flow(torus, torch.rand(2, 1, 6, 5), (1, 0), steps=4)
    assert torch.equal(still(seen, 2), untrained(seen, 2))  # both are the rule
    torch.nn.init.ones_(still.decoder[-1].weight)
    assert not torch.equal(still(seen, 2), untrained(seen, 2))
    assert "velocities" not in still.state_dict()
