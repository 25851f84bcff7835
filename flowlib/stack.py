"""Recurrent layers one on top of the other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from flowlib.loop import Recurrent
from flowlib.recurrent import FERNN


class Stack(Recurrent):
    """Recurrent layers one on top of the other: each takes the states of the one below.

        h^1_t(v) = cell^1( psi_1(v).h^1_{t-1}(v), U^1 * f_t )
        h^2_t(v) = cell^2( psi_1(v).h^2_{t-1}(v), U^2 * h^1_t(v) )

    It obeys the law of `FERNN` at every layer: what goes up has its velocity, and stays with it. A state
    of a stack is a tuple, one state a layer; what is returned and read is the state of the top.

    Args:
        layers: `FERNN`s over one group and one V; all but the first with lifted=True, each with as many
            in_channels as the one below has hidden_channels.

    Raises:
        ValueError: no layer, or layers that do not fit.

    Example:
        >>> ring, V = fl.Translations(8), fl.translation_velocities(1, ndim=1)
        >>> stack = fl.Stack(fl.FERNN(ring, V, 1, 2), fl.FERNN(ring, V, 2, 4, lifted=True))
        >>> stack(torch.rand(3, 5, 1, 8)).shape
        torch.Size([3, 5, 3, 4, 8])
    """

    def __init__(self, *layers: FERNN):
        super().__init__()
        if not layers:
            raise ValueError("a stack wants one layer or more")
        for below, above in zip(layers, layers[1:], strict=False):
            same = below.group == above.group and torch.equal(below.velocities, above.velocities)
            if not (same and above.lifted and above.in_channels == below.hidden_channels):
                raise ValueError(
                    f"the layer {above.in_channels} -> {above.hidden_channels} channels, lifted="
                    f"{above.lifted}, does not fit on the one below: it wants the same group and V, "
                    f"in_channels={below.hidden_channels}, lifted=True"
                )
        self.layers = nn.ModuleList(layers)
        first, top = layers[0], layers[-1]
        self.group, self.lifted, self.in_channels = first.group, first.lifted, first.in_channels
        self.hidden_channels, self.kernel_size = top.hidden_channels, top.kernel_size
        self.checkpoint_every = first.checkpoint_every

    @property
    def velocities(self) -> Tensor:
        """V, (velocity, axis), the same in all layers."""
        return self.layers[0].velocities

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        """0 in every layer."""
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def _before(self, batch: int) -> tuple[Tensor, ...]:
        return tuple(h.expand(batch, *h.shape[1:]) for h in self.initial_state(1))

    def psi_1(self, like: Tensor):
        """As of `FERNN`: all layers flow alike."""
        return self.layers[0].psi_1(like)

    def step(self, state: tuple[Tensor, ...], frame: Tensor, psi_1=None) -> tuple[Tensor, ...]:
        """The states of all layers, from those before and a frame."""
        psi_1, new = self.psi_1(frame) if psi_1 is None else psi_1, []
        for layer, old in zip(self.layers, state, strict=True):
            frame = layer.step(old, frame, psi_1)
            new.append(frame)
        return tuple(new)

    def flow_on(self, state: tuple[Tensor, ...], psi_1=None) -> Tensor:
        """The state of the top, as it will stand in the next frame."""
        return self.layers[-1].flow_on(state[-1], psi_1)

    def output(self, state: tuple[Tensor, ...]) -> Tensor:
        """What is read out of a state: that of the top."""
        return state[-1]

    def check_state(self, state: tuple[Tensor, ...]) -> None:
        """Raise a ValueError unless there is a fitting state for every layer."""
        if not isinstance(state, tuple) or len(state) != len(self.layers):
            raise ValueError(f"the state of {len(self.layers)} layers is a tuple of as many")
        for layer, own in zip(self.layers, state, strict=True):
            layer.check_state(own)

    def with_velocities(self, velocities) -> Stack:
        """The stack over another V, with the same weights; see `FERNN.with_velocities`."""
        return Stack(*(layer.with_velocities(velocities) for layer in self.layers))

    def _loop(self, video: Tensor, state, psi_1) -> Iterator[tuple[Tensor, ...]]:
        if all(layer.cell.mode == "parallel" for layer in self.layers):  # layer by layer
            states = []
            for layer, old in zip(self.layers, state, strict=True):
                video = torch.stack(list(layer._loop(video, old, psi_1)), 1)
                states.append(video.unbind(1))
            yield from zip(*states, strict=True)
            return
        for frame in video.unbind(1):
            state = self.step(state, frame, psi_1)
            yield state
