"""Games whose world scrolls, played at random: recordings without end, from the package ale-py.

The package brings an emulator (GPL-2.0) and the games. Nothing of either is copied here: they are played
where they are installed, and what is kept is small grey frames in the cache folder of this machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pooch
import torch
from jaxtyping import Int, UInt8
from torch.nn.functional import adaptive_avg_pool2d

from flowlib.lab.data.files import demand
from flowlib.lab.data.recordings import Recordings
from flowlib.lab.files import write_whole

TIMES = {"train": 4, "test": 1}  # so many recordings as there are tests
FIRST = {"train": 0, "test": 10_000}  # their seeds
FORMAT = 3


@dataclass(frozen=True)
class Game:
    """What of a game is looked at.

    Attributes:
        rom: its name in ale-py.
        title: for people.
        box: (top, bottom, left, right) of the playing field, pixels of the screen, 210 x 160.
        columns: of a small frame; the rows are those of the preset.
        chance: cells of the machine's memory that hold its random number, for each of two bytes: what the
            world to come is made of, as found by watching which cells change when something is made.
        lead: frames of the screen, 60 a second, that pass before anything is kept: what the game begins
            with is the same each time.
        frames: of a recording.
        tests: recordings to test; there are four times as many to train.
    """

    rom: str
    title: str
    box: tuple[int, int, int, int]
    columns: int
    chance: tuple[tuple[int, ...], ...] = ()
    lead: int = 600
    frames: int = 128
    tests: int = 24


RIVER = ((62, 67, 105), (63, 68, 106)), 80, 32, 48  # a life is short
GAMES = {
    "skiing": Game("skiing", "Skiing", (60, 180, 8, 152), 18, ((112,), (113,))),
    "river-raid": Game("riverraid", "River Raid", (20, 140, 8, 152), 18, *RIVER),
    "pong": Game("pong", "Pong", (36, 192, 8, 152), 24),
}


def recordings(game: str, skip: int, split: str, size: int, count: int | None = None) -> Recordings:
    """Random play, every `skip`-th frame: the playing field as the difference to its commonest grey.

    Args:
        game: one of `GAMES`.
        skip: frames of the screen, 60 a second, for one of a recording.
        split: "train" or "test": other seeds.
        size: rows of a frame, by area averaging; columns are the game's.
        count: recordings; none means what the game says, or two where frames are so small that it is only
            tried.

    Returns:
        Recordings with the steps of the camera along (y, x), in small pixels, where the game tells its own
        odometer (Skiing does); they are rounded so that their sums are right to half a pixel.

    Raises:
        DataUnavailableError: ale-py is not installed.
        ValueError: an unknown game, or fewer than one frame to skip.
    """
    if game not in GAMES:
        raise ValueError(f"there is no game {game!r}: choose one of {', '.join(GAMES)}")
    if skip < 1:
        raise ValueError(f"skip is {skip}: it wants 1 or more")
    told = GAMES[game]
    if count is None:
        count = told.tests * TIMES[split] if size >= 20 else 2
    version = _emulator().__version__
    recipe = json.dumps([asdict(told), skip, split, size, count, version, FORMAT])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    folder = Path(os.environ.get("FLOWLIB_CACHE") or pooch.os_cache("flowlib")) / "games"
    path = folder / f"{game}-{key}.npz"
    if not path.exists():
        films, scrolls = zip(
            *(play(told, FIRST[split] + n, skip) for n in range(count)), strict=True
        )
        folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.savez_compressed(
            content, frames=small(np.stack(films), size, told.columns), scroll=np.stack(scrolls)
        )
        write_whole(path, content.getvalue())
    with np.load(path) as kept:
        frames, scroll = torch.from_numpy(kept["frames"]), torch.from_numpy(kept["scroll"])
    camera = None
    if scroll.any():
        rows = (scroll.cumsum(1) * size / (told.box[1] - told.box[0])).round().long()
        steps = rows.diff(dim=1)
        camera = torch.stack([steps, torch.zeros_like(steps)], -1)
    return Recordings(
        frames[:, :, None].float() / 255, f"{told.title}, ale-py, drawn worlds", camera
    )


def play(
    game: Game, seed: int, skip: int
) -> tuple[UInt8[np.ndarray, "frame h w"], Int[np.ndarray, " frame"]]:
    """One recording: the box of every `skip`-th frame, and by how many pixels of the screen the world was
    scrolled up before each of them, where the game tells.

    The games start from the same state each time. So that none knows the world of another by heart, each
    draws the random number that its slope or river is made of, a section of the river, and in Pong the
    height and the steepness of each new ball. An action is held for a quarter of a second in the mean. The
    skier would soon stand across the slope: he turns to a heading that is drawn, between the steeper ones.
    The pilot draws again where he would crash at once; where a life is lost all the same the recording is
    played again.
    """
    random, played = np.random.default_rng(seed), None
    while played is None:
        played = _life(game, seed, random, skip)
    return played


def _life(game: Game, seed: int, random: np.random.Generator, skip: int):
    """What `play` returns, or none where a life is lost."""
    ale_py = _emulator()
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", seed)
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(ale_py.roms.get_rom_path(game.rom))
    ale.reset_game()
    river = game.rom == "riverraid"
    word = int(random.integers(1, 2**16))  # 0 would stay 0: a shift register
    for byte, cells in zip(divmod(word, 256), game.chance, strict=False):
        for cell in cells:
            ale.setRAM(cell, byte)
    if river:
        section = 2 * int(random.integers(1, 20))
        for cell in SECTION:
            ale.setRAM(cell, section)
    actions, lives = ale.getMinimalActionSet(), ale.lives()
    top, bottom, left, right = game.box
    action, heading, film, scrolls, places, ball = 0, STRAIGHT, [], [], None, 0
    end = game.frames + (FALL // skip if river else 0)
    for number in range(-game.lead // skip, end):
        if random.random() < skip / 15:
            action = _spared(ale, actions, random) if river else int(random.integers(len(actions)))
            heading = STRAIGHT + int(random.integers(-2, 3))
        scroll = 0
        for _ in range(skip):
            memory = ale.getRAM()
            if game.rom == "skiing":
                turn = heading - int(memory[HEADING])
                action = 0 if turn == 0 else 1 if turn > 0 else 2  # none, right, left
                before, places = places, memory[PLACES].astype(int)
                if before is not None:
                    scroll += scrolled(before, places)
            if game.rom == "pong":
                before, ball = ball, int(memory[BALL])
                if ball and not before:
                    ale.setRAM(BALL, int(random.integers(*FIELD)))
                    ale.setRAM(STEEP, int(random.choice([-2, -1, 1, 2])) % 256)
            ale.act(actions[action])
        if ale.lives() != lives:
            return None
        if 0 <= number < game.frames:
            film.append(ale.getScreenGrayscale()[top:bottom, left:right].copy())
            scrolls.append(scroll)
    return np.stack(film), np.array(scrolls)


def _spared(ale, actions: list, random: np.random.Generator) -> int:
    """An action that is drawn, and drawn again if it ends in a crash in half a second, up to twelve times."""
    before = ale.cloneState()
    for _ in range(12):
        action = int(random.integers(len(actions)))
        for _ in range(30):
            ale.act(actions[action])
        crashed = ale.getRAM()[CRASH]
        ale.restoreState(before)
        if not crashed:
            break
    return action


# Skiing's memory, found by comparing it with the screen: where the skier points to, 0 and 8 across the
# slope, 4 straight down; and how high eight things stand above the lower rim, which grows as they scroll.
HEADING, STRAIGHT, PLACES = 15, 4, slice(86, 94)
# River Raid's: the number of the section, twice, in odd ones the river is straight; and a clock that runs
# after a crash. So many frames later a life is taken off.
SECTION, CRASH, FALL = (61, 66), 121, 180
# Pong's: how high the ball is, 0 where there is none, what it goes down by in a frame, and where it may be.
BALL, STEEP, FIELD = 54, 56, (60, 190)


def scrolled(before: np.ndarray, places: np.ndarray) -> int:
    """By how much eight things went up between two looks at their heights, 0 to 2: most of them agree, also
    when one has left and all others have taken the place of their neighbour.

    Example:
        >>> scrolled(np.array([90, 60, 40]), np.array([61, 41, 7]))
        1
    """

    def agree(by):
        pairs = (before, places), (before[1:], places[:-1]), (before[:-1], places[1:])
        return max(np.count_nonzero(b + by == p) for b, p in pairs)

    return max(range(3), key=agree)


def small(
    films: UInt8[np.ndarray, "film frame h w"], rows: int, columns: int
) -> UInt8[np.ndarray, "film frame rows columns"]:
    """Films as the difference to their commonest grey, shrunk by area averaging.

    Example:
        >>> small(np.array([[[[9, 9], [9, 5]]]], np.uint8), 1, 1).tolist()
        [[[[1]]]]
    """
    commonest = np.bincount(films[:, 0].ravel()).argmax()
    pictures = []
    for film in films:
        away = torch.from_numpy(film.astype(np.float32) - np.float32(commonest)).abs()
        pictures.append(adaptive_avg_pool2d(away, (rows, columns)).round().to(torch.uint8).numpy())
    return np.stack(pictures)


def _emulator():
    """The package ale-py."""
    demand("ale_py", "ale-py")
    import ale_py  # here, because only games need it
    import ale_py.roms

    return ale_py
