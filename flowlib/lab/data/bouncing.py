"""Two boxed digits that bounce off the border and off each other: elastic collisions, whole batches.

The boxes have equal masses and move without turning. A collision exchanges the velocities along the
axis on which the boxes meet, a wall turns the velocity around. So velocities stay in the set that they
were drawn from, and a box that starts at whole pixels is at whole pixels in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from flowlib.flows import velocity_set
from flowlib.lab.data.motion import OWN, check_images, generator
from flowlib.translations import Translations

TOUCH = 1e-9  # pixels: boxes and walls that are nearer than this touch
EVENTS = 64  # of one video in one frame; far more than boxes of a few pixels can have


def bounce(
    position: Float[Tensor, "video box axis"],
    velocity: Float[Tensor, "video box axis"],
    size: Float[Tensor, "video box axis"],
    room: Float[Tensor, " axis"],
    time: float = 1.0,
) -> tuple[Float[Tensor, "video box axis"], Float[Tensor, "video box axis"]]:
    """Positions and velocities of two boxes after `time` frames, from event to event.

    An event is the next moment at which a box meets a wall, or the boxes meet. All videos are taken
    to their own next event at once, until the time of each is used up.

    Args:
        position: of the upper left corners, pixels, (video, 2, 2), axes (y, x).
        velocity: pixels a frame.
        size: height and width of the boxes.
        room: height and width of the room, whose upper left corner is at 0.
        time: how long, in frames.

    Returns:
        position, velocity.

    Raises:
        ValueError: a box is larger than the room, or outside of it, or the boxes overlap, or they
            stand between two walls without any room to move, and would collide for ever.

    Example:
        >>> corners = torch.tensor([[[0.0, 0.0], [0.0, 5.0]]])
        >>> speeds = torch.tensor([[[0.0, 1.0], [0.0, -1.0]]])
        >>> _, after = bounce(corners, speeds, torch.full((1, 2, 2), 2.0), torch.tensor([9.0, 9.0]), 2.0)
        >>> after[0].tolist()  # they met after 1.5 frames, and exchanged their velocities
        [[0.0, -1.0], [0.0, 1.0]]
    """
    high = room - size
    if (high < 0).any() or (position < -TOUCH).any() or (position > high + TOUCH).any():
        raise ValueError(
            f"a box is outside the room of {room.tolist()} pixels, or larger than it: positions run "
            "from 0 to room - size"
        )
    if overlap(position, size).gt(TOUCH).any():
        raise ValueError("boxes overlap: start them apart")
    left = torch.full(position.shape[:1], float(time), dtype=position.dtype, device=position.device)
    for _ in range(EVENTS):
        if not (left > 0).any():
            return position, velocity
        # Walls: the time until each box is at the wall that it moves towards.
        distance = torch.where(velocity > 0, high - position, position)
        to_wall = torch.where(velocity == 0, torch.inf, distance / velocity.abs()).clamp(min=0)
        to_boxes, along = _meeting(position, velocity, size)
        step = torch.minimum(left, torch.minimum(to_wall.flatten(1).amin(1), to_boxes))
        now = step[:, None, None] + TOUCH / 4
        at_wall = to_wall <= now
        position = position + velocity * step[:, None, None]
        position = torch.where(at_wall, torch.where(velocity > 0, high, 0.0), position)
        # Who meets a wall and the other box at once, meets the wall first; the boxes come next.
        meet = (to_boxes <= now[:, 0, 0]) & ~at_wall.flatten(1).any(1)
        velocity = torch.where(at_wall, -velocity, velocity)
        velocity = torch.where(meet[:, None, None] & along[:, None], velocity.flip(1), velocity)
        left = left - step
    raise ValueError(
        f"more than {EVENTS} collisions in {time} frames: two boxes fill the room of {room.tolist()} "
        "pixels from wall to wall; take another room, or a shorter time"
    )


def overlap(
    position: Float[Tensor, "*lead box axis"], size: Float[Tensor, "*lead box axis"]
) -> Float[Tensor, "*lead"]:
    """How deep two boxes lie in each other, in pixels along the axis where it is least; 0 if apart.

    Example:
        >>> corners, sizes = torch.tensor([[0.0, 0.0], [3.0, 1.0]]), torch.full((2, 2), 4.0)
        >>> overlap(corners, sizes).item()
        1.0
    """
    low = position.amax(-2)
    high = (position + size).amin(-2)
    return (high - low).amin(-1).clamp(min=0)


def _meeting(position: Tensor, velocity: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """The time until two boxes meet, inf if never, (video,), and along which axes, (video, axis)."""
    apart, speed = position[:, 1] - position[:, 0], velocity[:, 1] - velocity[:, 0]
    low, high = -size[:, 1], size[:, 0]  # they overlap along an axis while low < apart < high
    over = (apart > low + TOUCH) & (apart < high - TOUCH)
    near = torch.where(speed > 0, low, high)  # the end of that interval through which it is entered
    far = torch.where(speed > 0, high, low)
    outside = torch.where(speed > 0, apart <= low + TOUCH, apart >= high - TOUCH) & (speed != 0)
    enter = torch.where(outside, ((near - apart) / speed).clamp(min=0), torch.inf)
    enter = torch.where(over, -torch.inf, enter)
    leave = torch.where(speed == 0, torch.inf, (far - apart) / speed)
    time, first = enter.amax(1), leave.amin(1)
    meets = torch.isfinite(time) & (time < first - TOUCH)
    time = torch.where(meets, time, torch.inf)
    return time, meets[:, None] & (enter >= time[:, None] - TOUCH)


@dataclass(frozen=True)
class BouncingImages:
    """Videos of two pictures in tight white boxes that bounce in a room with a grey border.

    Attributes:
        images: (sample, 1, height, width), dark outside of what they show; videos are made on their
            device.
        velocities: the set that velocities are drawn from, (velocity, 2), pixels a frame (v_y, v_x).
        canvas: (height, width) of the video, its border of one pixel included.
        source: where the pictures are from; a row of the ledger says so.

    Raises:
        ValueError: the canvas has no room for two of the largest boxes side by side; a velocity is not
            whole, so that boxes would come to stand between pixels; or pictures as `MovingImages`
            refuses them.

    Example:
        >>> squares = torch.zeros(1, 1, 4, 4)
        >>> squares[..., 1:3, 1:3] = 1
        >>> BouncingImages(squares, [(0, 1), (1, 0)], canvas=(8, 12)).draw(2, 5, 0).shape
        torch.Size([2, 5, 1, 8, 12])
    """

    images: Float[Tensor, "sample 1 height width"]
    velocities: Tensor | list
    canvas: tuple[int, int] = (28, 48)
    source: str = OWN

    def __post_init__(self):
        check_images(self.images)
        object.__setattr__(self, "velocities", velocity_set(self.group, self.velocities))
        boxes, sizes = boxed(self.images)
        room = [n - 2 for n in self.canvas]
        largest = sizes.amax(0).long().tolist()
        if largest[0] > room[0] or 2 * largest[1] > room[1]:
            raise ValueError(
                f"canvas {self.canvas} is too small: with its border it wants at least "
                f"{(largest[0] + 2, 2 * largest[1] + 2)} for boxes of up to {tuple(largest)} pixels"
            )
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "sizes", sizes)

    @property
    def group(self) -> Translations:
        """The translations of the canvas as a torus, which networks of this data act with."""
        return Translations(self.canvas)

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time 1 h w"]:
        """`count` videos of `steps` frames, the same for the same seed; values 0 to 1."""
        position, velocity, which = self.motion(count, steps, *seed)
        return self.render(position, which)

    def motion(self, count: int, steps: int, *seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Where the boxes are, (video, time, box, axis), their velocities, and which pictures.

        Positions are of the upper left corners of the boxes, on the canvas, whole pixels.
        """
        random, device = generator(*seed), self.images.device
        room = torch.tensor([n - 2.0 for n in self.canvas], dtype=torch.float64, device=device)
        which = self._pairs(count, room, random)
        speed = torch.randint(len(self.velocities), (count, 2), generator=random)
        size = self.sizes[which.to(device)]
        position = self._start(size, room, random)
        velocity = self.velocities[speed].to(device, torch.float64)
        positions, velocities = [position], [velocity]
        for _ in range(steps - 1):
            position, velocity = bounce(position, velocity, size, room)
            position = position.round()  # whole pixels up to rounding, see the file's first lines
            positions.append(position)
            velocities.append(velocity)
        return torch.stack(positions, 1) + 1, torch.stack(velocities, 1), which

    def _pairs(
        self, count: int, room: Tensor, random: torch.Generator, tries: int = 32
    ) -> Int[Tensor, "video box"]:
        """Random pictures for each video, whose boxes do not fill the room from wall to wall."""
        which = torch.randint(len(self.images), (count, 1 + tries), generator=random)
        size = self.sizes[which.to(room.device)]
        fits = ~(size[:, :1] + size[:, 1:] == room).any(-1)
        if not fits.any(1).all():
            raise ValueError(
                f"two pictures fill the room of {room.tolist()} pixels from wall to wall: take "
                "another canvas"
            )
        second = 1 + fits.int().argmax(1).to(which.device)
        return torch.stack([which[:, 0], which[torch.arange(count), second]], 1)

    def _start(
        self, size: Tensor, room: Tensor, random: torch.Generator, tries: int = 32
    ) -> Tensor:
        """Random places where the boxes do not overlap: the first good try, else side by side."""
        u = torch.rand(len(size), tries, 2, 2, generator=random, dtype=torch.float64).to(
            size.device
        )
        position = (u * (room - size + 1)[:, None]).floor()
        last = position[:, -1].clone()
        last[:, 0, 1], last[:, 1, 1] = 0, (room - size)[:, 1, 1]
        position[:, -1] = last
        good = overlap(position, size[:, None].expand_as(position)) == 0
        good[:, -1] = True
        first = good.int().argmax(1)
        return position[torch.arange(len(size)), first]

    def render(self, position: Tensor, which: Tensor) -> Float[Tensor, "video time 1 h w"]:
        """The frames: grey border (0.5), white outlines (1), pictures; the brighter pixel shows."""
        boxes = self.boxes[which.to(self.boxes.device)]  # (video, box, 1, side, side)
        room = [n - s for n, s in zip(self.canvas, boxes.shape[-2:], strict=True)]
        boxes = torch.nn.functional.pad(boxes, (0, room[1], 0, room[0]))[:, None]
        frames = self.group.act(position[..., None, :].long(), boxes).amax(2)
        border = torch.full(self.canvas, 0.5, dtype=frames.dtype, device=frames.device)
        border[1:-1, 1:-1] = 0
        return torch.maximum(frames, border)


def boxed(images: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures cut to what they show, in a white outline of one pixel, in the upper left corner.

    Returns:
        (sample, 1, side, side), with side the largest box, and the sizes (height, width) of the
        boxes, outline included, (sample, 2), float64.

    Example:
        >>> picture = torch.zeros(1, 1, 5, 5)
        >>> picture[0, 0, 2, 1:3] = 0.5
        >>> boxes, sizes = boxed(picture)
        >>> sizes.tolist(), boxes[0, 0, 1].tolist()
        ([[3.0, 4.0]], [1.0, 0.5, 0.5, 1.0])
    """
    lit = images[:, 0] > 0.1
    ends = []
    for axis in (2, 1):  # rows that hold something, then columns
        any_lit = lit.any(axis)
        any_lit[~any_lit.any(1)] = True  # an empty picture keeps its size
        first = any_lit.int().argmax(1)
        last = any_lit.shape[1] - 1 - any_lit.flip(1).int().argmax(1)
        ends.append(torch.stack([first, last], 1))
    start = torch.stack([e[:, 0] for e in ends], 1)  # (sample, axis)
    extent = torch.stack([e[:, 1] - e[:, 0] + 1 for e in ends], 1)
    side = int(extent.max()) + 2
    moved = torch.nn.functional.pad(images, (1, side, 1, side))
    group = Translations(moved.shape[-2:])
    moved = group.act(-start[:, None], moved)[..., :side, :side]
    y = torch.arange(side, device=images.device)
    inside = [(y >= 1) & (y <= extent[:, axis, None]) for axis in (0, 1)]
    within = [y <= extent[:, axis, None] + 1 for axis in (0, 1)]
    inside = inside[0][:, :, None] & inside[1][:, None]
    within = within[0][:, :, None] & within[1][:, None]
    moved = torch.where(inside[:, None], moved, 0)
    outline = (within & ~inside)[:, None].to(images.dtype)
    return torch.maximum(moved, outline), extent.double() + 2
