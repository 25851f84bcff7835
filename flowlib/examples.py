"""The running examples of the book: a bump on a ring, a digit, and networks set by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.data.mnist import mnist
from flowlib.equivariance import flow_equivariance_error
from flowlib.flows import flow
from flowlib.groups import Translations
from flowlib.recurrent import FERNN
from flowlib.widgets.bump import BumpWidget, NetworkRun
from flowlib.widgets.square import SquareWidget

REMEMBER = (0.1, 0.6, 0.1)  # recurrent kernel: keep most of the past, blur it a little


def bump(size: int, width: float = 1.5, center: int = 0) -> Float[Tensor, "1 size"]:
    """A smooth bump on a ring of `size` points, height 1 at `center`: (channel=1, size), float64."""
    distance = (torch.arange(size) - center + size // 2) % size - size // 2
    return torch.exp(-0.5 * (distance.double() / width) ** 2)[None]


def digit(label: int = 7) -> Float[Tensor, "1 height width"]:
    """The first digit of that label in the test set: (channel=1, 28, 28), float64 in [0, 1].

    Raises:
        ValueError: no label from 0 to 9.
    """
    if label not in range(10):
        raise ValueError(f"label is {label}: digits are 0 to 9")
    digits = mnist("test", limit=100)
    return digits.images[digits.labels == label][0].double().reshape(1, *digits.images.shape[-2:])


def leaky_network(ring: Translations, velocities, remember=REMEMBER) -> FERNN:
    """A network of one channel that adds each frame to a fading memory of the frames before.

        h_t(v, .) = relu( f_t + W * [psi_1(v).h_{t-1}(v, .)] ),   W = `remember`

    Args:
        ring: Translations((N,)).
        velocities: V; [0] makes it a G-RNN.
        remember: W, an odd number of entries.
    """
    rnn = FERNN(ring, velocities, in_channels=1, hidden_channels=1, kernel_size=len(remember))
    rnn = rnn.double().requires_grad_(False)
    rnn.input_conv.weight.zero_()[0, 0, len(remember) // 2] = 1.0
    rnn.state_conv.weight[0, 0] = torch.tensor(remember)
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
    """
    ring = next(iter(networks.values())).group
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
