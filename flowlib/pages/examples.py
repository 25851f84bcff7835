"""The running examples of the book: a bump on a ring, a digit, and networks set by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.equivariance import flow_equivariance_error, velocity_pairs
from flowlib.flows import flow, flow_video
from flowlib.pages.widgets.bump import BumpWidget, NetworkRun
from flowlib.pages.widgets.flow import FlowWidget, Orbit
from flowlib.pages.widgets.square import SquareWidget
from flowlib.pages.widgets.staircase import StaircaseWidget
from flowlib.recurrent import FERNN
from flowlib.rotations import Rotations
from flowlib.translations import Translations

REMEMBER = (0.1, 0.6, 0.1)  # recurrent kernel: keep most of the past, blur it a little


def _on_a_ring(name: str, group) -> Translations:
    """The group, or an error that names it and says that it wants a ring."""
    if not isinstance(group, Translations) or len(group.grid) != 1:
        raise ValueError(f"{name} has the group {group!r}: it wants a ring, Translations((N,))")
    return group


def bump(size: int, width: float = 1.5, center: int = 0) -> Float[Tensor, "1 size"]:
    """A smooth bump on a ring of `size` points, height 1 at `center`: (channel=1, size), float64.

    Example:
        >>> bump(4, center=1).shape, bump(4, center=1).argmax().item()
        (torch.Size([1, 4]), 1)

    Raises:
        ValueError: no point, or no width.
    """
    if size < 1:
        raise ValueError(f"size is {size}: a ring has at least 1 point")
    if not width > 0:
        raise ValueError(f"width is {width}: it wants a number above 0, in points")
    distance = (torch.arange(size) - center + size // 2) % size - size // 2
    return torch.exp(-0.5 * (distance.double() / width) ** 2)[None]


def leaky_network(ring: Translations, velocities, remember=REMEMBER) -> FERNN:
    """A network of one channel that adds each frame to a fading memory of the frames before.

        h_t(v, .) = relu( f_t + W * [psi_1(v).h_{t-1}(v, .)] ),   W = `remember`

    Args:
        ring: Translations((N,)).
        velocities: V; [0] makes it a G-RNN.
        remember: W, an odd number of entries.

    Example:
        >>> rnn = leaky_network(Translations((8,)), [-1, 0, 1])
        >>> rnn(bump(8)[None, None]).shape  # (batch, time, velocity, channel, position)
        torch.Size([1, 1, 3, 1, 8])

    Raises:
        ValueError: another group than a ring; what `FERNN` refuses.
    """
    _on_a_ring("ring", ring)
    rnn = FERNN(ring, velocities, in_channels=1, hidden_channels=1, kernel_size=len(remember))
    rnn = rnn.double().requires_grad_(False)
    rnn.input_conv.weight.zero_()[0, 0, len(remember) // 2] = 1.0
    rnn.state_conv.weight[0, 0] = torch.tensor(remember, dtype=torch.float64)
    return rnn


def bump_widget(
    networks: dict[str, FERNN], steps: int = 20, speeds=range(-3, 4), **options
) -> BumpWidget:
    """The bump widget for networks on one ring: all that they do with a bump at each speed.

    Args:
        networks: name -> network of one input channel, float64; its first hidden channel is drawn.
        steps: number of frames.
        speeds: the input velocities of the slider, in pixels a frame; 0 must be among them.
        options: title, network, velocity and time of `BumpWidget`, what is shown first.

    Example:
        >>> ring = Translations((8,))
        >>> networks = {"G-RNN": leaky_network(ring, [0]), "FERNN": leaky_network(ring, [-1, 0, 1])}
        >>> bump_widget(networks, steps=4)
        BumpWidget(velocities=[-3..3], networks=[G-RNN, FERNN], time=4, N=8)

    Raises:
        ValueError: no network, networks on different rings, or no still input.
    """
    if not networks:
        raise ValueError("networks is empty: give at least one {name: FERNN}")
    ring = next(iter(networks.values())).group
    for name, rnn in networks.items():
        if _on_a_ring(f"networks[{name!r}]", rnn.group).grid != ring.grid:
            raise ValueError(f"networks[{name!r}] has {rnn.group!r}, the first one {ring!r}")
    if 0 not in (speeds := list(speeds)):
        raise ValueError(f"speeds is {speeds}: it needs 0, the still input")
    still = bump(ring.grid[0], center=ring.grid[0] // 2)[None]
    videos = {w: flow(ring, still, [w], steps) for w in speeds}

    def error(rnn, w):
        try:
            return flow_equivariance_error(rnn, videos[0], [w])
        except ValueError:  # no channel has a partner: the law says nothing about this w
            return torch.full((steps,), math.nan)

    runs = {
        name: NetworkRun(
            velocities=rnn.velocities,
            states={w: rnn(video)[0, :, :, 0] for w, video in videos.items()},
            errors={w: error(rnn, w) for w in videos},
        )
        for name, rnn in networks.items()
    }
    return BumpWidget({w: video[0, :, 0] for w, video in videos.items()}, runs, **options)


def square_widget(
    maps: dict[str, Callable[[Tensor], Tensor]], size: int = 32, title: str = "", **options
) -> SquareWidget:
    """The commuting square for maps of signals on a ring: F(g.f) against g.F(f), for every g.

    Args:
        maps: name -> F, which takes a signal (1, size) in float64 and returns one.
        size: N, the number of positions of the ring; f is a bump in its middle.
        title: shown above.
        options: map and g of `SquareWidget`, what is shown first.

    Example:
        >>> square_widget({"double": lambda f: 2 * f, "flip": lambda f: f.flip(-1)}, size=8)
        SquareWidget(maps=[double, flip], N=8)

    Raises:
        ValueError: a map returns another shape.
    """
    ring, f = Translations((size,)), bump(size, center=size // 2)
    moved = ring.act(ring.elements()[:, None], f)  # (g, 1, position)
    paths = {}
    with torch.no_grad():
        for name, F in maps.items():
            first_moved, image = [F(signal) for signal in moved], F(f)
            for got in (image, *first_moved):
                if tuple(got.shape) != tuple(f.shape):
                    raise ValueError(
                        f"maps[{name!r}] turns shape {tuple(f.shape)} into {tuple(got.shape)}: it "
                        f"wants a signal on the same ring, so let it return {tuple(f.shape)}"
                    )
            last_moved = ring.act(ring.elements()[:, None], image)
            paths[name] = (torch.stack(first_moved)[:, 0], last_moved[:, 0])
    return SquareWidget(moved[:, 0], paths, title, **options)


def staircase_widget(
    radius: int = 8, mixing=(0, 1, 2, 3), speeds=(1, 2, 3, 4), steps: int = 12, **options
) -> StaircaseWidget:
    """How the error creeps in from the ends of V, for networks that lend a share to each neighbour.

        h_t(v) = relu( f_t + sum over |d| <= r of W_d psi_1(v).h_{t-1}(v + d) ),   f a still bump,
        W_d = 0.05 for d != 0, all W_d together 0.8

    Args:
        radius: of V, on a ring of 4 radius points.
        mixing: the mixing radii r; 0 mixes none.
        speeds: the velocities w of the input, less than 2 radius.
        steps: number of frames.
        options: title, mixing, velocity and time of `StaircaseWidget`, what is shown first.

    Example:
        >>> staircase_widget(radius=2, mixing=(1,), speeds=(1,), steps=4)
        StaircaseWidget(V=[-2..2], mixing=[1..1], speeds=[1..1], time=4)
    """
    share, total, N = 0.05, 0.8, 4 * radius
    ring, V = Translations((N,)), torch.arange(-radius, radius + 1)[:, None]
    picture = bump(N, center=N // 2)
    still = flow(ring, picture[None], [0], steps)
    errors, bounds = {}, {}
    for r in mixing:
        rnn = FERNN(ring, V, 1, 1, velocity_mixing=r).double().requires_grad_(False)
        rnn.input_conv.weight.zero_()[0, 0, 1] = 1.0
        shares = torch.full((2 * r + 1,), share)
        shares[r] = keep = total - 2 * r * share
        rnn.state_conv.weight.zero_()[0, :, 1] = shares
        states = rnn(still)[0, :, :, 0]  # (time, velocity, position)
        scale = states.norm(dim=-1).max()
        errors[r], bounds[r] = {}, {}
        for w in speeds:
            channels, partners = velocity_pairs(ring, V, w)
            law = flow_video(ring, states[None, :, partners], w)[0]
            found = rnn(flow_video(ring, still, w))[0, :, channels, 0] - law
            errors[r][w] = torch.full(states.shape[:2], torch.nan)
            errors[r][w][:, channels] = (found.norm(dim=-1) / scale).float()
            v = V[channels, 0]  # what follows is prop-rim of the book
            to_rim = torch.minimum(
                radius - torch.maximum(v, v - w), radius + torch.minimum(v, v - w)
            )
            bounds[r][w] = torch.full((len(V),), torch.nan)
            within = torch.ceil((to_rim + 1) / r) if r else torch.full(v.shape, torch.inf)
            largest = 2 * picture.norm() / (1 - total) / scale  # |h_t| <= |f| + total |h_(t-1)|
            bounds[r][w][channels] = (largest * (2 * r * share / (1 - keep)) ** within).float()
    return StaircaseWidget(radius, errors, bounds, **options)


GENERATORS = {"right": (0, 1), "down": (1, 0), "diagonal": (1, 1), "turn": (10,)}


def flow_widget(
    image: Float[Tensor, "1 size size"],
    generators: dict[str, tuple[int, ...]] = GENERATORS,
    fastest: int = 3,
    steps: int = 29,
    **options,
) -> FlowWidget:
    """The flow explorer for a square picture: shifts of the torus, and turns about the centre.

    Args:
        image: (channel=1, size, size), values in [0, 1].
        generators: name -> velocity at speed 1: (v_y, v_x) in pixels, or (angle,) in degrees a frame.
        fastest: the largest speed of the slider, a multiple of that velocity.
        steps: number of frames.
        options: title, generator, speed and time of `FlowWidget`, what is shown first.

    Example:
        >>> flow_widget(torch.rand(1, 8, 8), steps=5, fastest=2)
        FlowWidget(generators=[right, down, diagonal, turn], speeds=[-2..2], time=5)

    Raises:
        ValueError: a picture that is not square, a velocity of three axes, or no speed.
    """
    size = max(image.shape, default=0)
    if tuple(image.shape) != (1, size, size):
        raise ValueError(f"image has shape {tuple(image.shape)}: it wants (1, size, size)")
    if fastest < 1:
        raise ValueError(f"fastest is {fastest}: it wants 1 or more")
    for name, velocity in generators.items():
        if len(velocity) not in (1, 2):
            raise ValueError(f"generators[{name!r}] is {velocity}: give (v_y, v_x) or (angle,)")
    image = image[0].double()
    groups = {2: Translations((size, size)), 1: Rotations(1, size)}
    s = torch.arange(-fastest * (steps - 1), fastest * (steps - 1) + 1)[:, None]

    # The marked point is the pixel of the drawing farthest out that a turn keeps in the picture.
    center = (size - 1) / 2
    y, x = torch.meshgrid(2 * [torch.arange(size) - center], indexing="ij")
    radius = torch.where(image > 0.5, (y**2 + x**2).sqrt(), 0.0)
    dy, dx = (axis.flatten()[torch.where(radius < center, radius, 0.0).argmax()] for axis in (y, x))

    orbits = {}
    for name, velocity in generators.items():
        group = groups[len(velocity)]
        elements = group.exp(velocity, s)  # (s, axis)
        if len(velocity) == 2:
            points = torch.stack([dy, dx]) + elements
        else:  # counter-clockwise as displayed, with y down
            a = torch.deg2rad(elements[:, 0])
            points = torch.stack([dy * a.cos() - dx * a.sin(), dx * a.cos() + dy * a.sin()], dim=1)
        orbits[name] = Orbit(elements, group.act(elements, image), points + center)
    return FlowWidget(orbits, steps, **options)
