"""The running example of the book: a bump on a ring, and a network whose kernels are set by hand."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.equivariance import flow_equivariance_error
from flowlib.flows import flow
from flowlib.groups import Translations
from flowlib.recurrent import FERNN
from flowlib.widgets.bump import BumpWidget, NetworkRun

REMEMBER = (0.1, 0.6, 0.1)  # recurrent kernel: keep most of the past, blur it a little


def bump(size: int, width: float = 1.5, center: int = 0) -> Float[Tensor, "1 size"]:
    """A smooth bump on a ring of `size` points, height 1 at `center`: (channel=1, size), float64."""
    distance = (torch.arange(size) - center + size // 2) % size - size // 2
    return torch.exp(-0.5 * (distance.double() / width) ** 2)[None]


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
