"""A forecaster that moves the last frame on and corrects it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.flows import velocity_set
from flowlib.models import Forecaster

# Between one velocity and a mixture of all: 10 blurs videos that hardly move, 90 was worse between pixels.
SHARPNESS = 30.0
DARK = 1e-6  # a variance: a frame of one grey is explained by all velocities alike


class MovedOn(Forecaster):
    """A forecaster that moves the last frame on and corrects it: a network that knows nothing yet is a rule.

        f^_{t+1} = sum_v p(v) psi_1(v).f_t  +  R( sum_v p(v) psi_1(v).h_t(v, .) )
        p = softmax over v of - 30 e(v),   e(v) = |f_s - psi_1(v).f_{s-1}|^2 / var f_s

    e(v) says how badly v explains the step to the last frame seen, s: one number for the whole frame, the
    same for all steps of a forecast. R starts at 0, so that an untrained G-RNN repeats the last frame, and
    an untrained FERNN moves it on by what fits best of V, or between two of V. The memory is read at the
    same velocities: of a video that stands still as a whole a FERNN makes what the G-RNN of its weights
    makes. `Forecaster`, with its maximum over V, has to learn in its first hundreds of updates what a frame
    looks like and which velocities do not matter. Arguments as for it; the group is translations.

    Law: as for `Forecaster`, for each of its parts obeys it. Exact when V is closed under v - w. There is
    none with `velocities` of its own: then only the frame is moved, and a G-RNN's memory stands still.

    Args:
        rnn, decoder_layers: see `Forecaster`.
        velocities: V of the sums above, for a network with {0}; none takes the network's own.

    Example: a light that moves by 1.
        >>> import flowlib as fl
        >>> ring = fl.Translations(9)
        >>> model = MovedOn(fl.FERNN(ring, [-1, 0, 1], 1, 2), 1)
        >>> video = fl.flow(ring, torch.eye(9)[None, :1], velocity=1, steps=4)
        >>> model(video[:, :2], 2).argmax(-1).flatten().tolist()
        [2, 3]
    """

    def __init__(self, rnn: nn.Module, decoder_layers: int = 4, velocities=None):
        super().__init__(rnn, decoder_layers)
        V = rnn.velocities if velocities is None else velocity_set(self.group, velocities)
        self.register_buffer("velocities", V, persistent=False)
        nn.init.zeros_(self.decoder[-1].weight)

    def copies(self, frame: Tensor) -> Float[Tensor, "batch velocity channel *grid"]:
        """psi_1(v).f for all v of V."""
        return self.group.act(self.velocities[:, None], frame[:, None])

    def shares(
        self, seen: Float[Tensor, "batch time channel *grid"]
    ) -> Float[Tensor, "batch velocity"]:
        """p, of the last two frames of a video. By the law it moves by w with a video that moves by w.

        Example: a light that moves by 1.
            >>> import flowlib as fl
            >>> ring = fl.Translations(9)
            >>> video = fl.flow(ring, torch.eye(9)[None, :1], velocity=1, steps=4)
            >>> MovedOn(fl.FERNN(ring, [-1, 0, 1], 1, 2), 1).shares(video).round().tolist()
            [[0.0, 0.0, 1.0]]
        """
        before, frame = seen[:, -2], seen[:, -1]
        wrong = (frame[:, None] - self.copies(before)).flatten(2).square().mean(2)
        wrong = wrong / (frame.flatten(1).var(1, correction=0)[:, None] + DARK)
        return (-SHARPNESS * wrong).softmax(1)

    def forward(
        self, context: Float[Tensor, "batch time channel *grid"], steps: int
    ) -> Float[Tensor, "batch steps channel *grid"]:
        """The `steps` frames that follow the context, two frames or more."""
        state, psi_1 = self.rnn.last(context), self.rnn.psi_1(context)
        shares, frames = self.shares(context), [context[:, -1]]
        for step in range(steps):
            state = self.rnn.step(state, frames[-1], psi_1) if step else state
            moved, read = (
                torch.einsum("bv,bv...->b...", shares, x)
                for x in (self.copies(frames[-1]), self.rnn.flow_on(state, psi_1))
            )
            frames.append(moved + self.decoder(read))
        return torch.stack(frames[1:], 1)
