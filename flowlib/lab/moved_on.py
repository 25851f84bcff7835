"""A forecaster that moves the last frame on and corrects it, and which velocity it moves it by."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from flowlib.convolution import GroupConvolution
from flowlib.lab.evaluation import mode
from flowlib.models import Forecaster
from flowlib.predictor import CorrelationPredictor
from flowlib.translations import Translations

SHARPNESS = 30.0  # between one velocity and a mixture of all; 10 blurs videos that hardly move
DARK = 1e-6  # a variance: a frame of one grey is explained by all velocities alike


class MovedOn(Forecaster):
    """A forecaster that moves the last frame on and corrects it: a network that knows nothing yet is a rule.

        f^_{t+1} = sum over v of p_t(v, .) psi_1(v).f_t  +  R( max_v psi_1(v).h_t(v, .) )
        p_t = softmax over v of psi_1(v).S(h_t(v, .)) - 30 e(v),   e(v) = |f_s - psi_1(v).f_{s-1}|^2 / var f_s

    e(v) says how badly v explains the step to the last frame seen, s: one number for the whole frame, the
    same for all steps of a forecast. S, two convolutions, and R start at 0, so that an untrained G-RNN
    repeats the last frame, and an untrained FERNN moves it on by what fits best of V, or between two of
    V. `Forecaster` itself has to learn in its first hundreds of updates what a frame looks like. Arguments as
    for it; the group is translations.

    Law: as for `Forecaster`, for each of its parts obeys it. Exact when V is closed under v - w.

    Example: a light that moves by 1.
        >>> import flowlib as fl
        >>> ring = fl.Translations(9)
        >>> model = MovedOn(fl.FERNN(ring, [-1, 0, 1], 1, 2), 1)
        >>> video = fl.flow(ring, torch.eye(9)[None, :1], velocity=1, steps=4)
        >>> model(video[:, :2], 2).argmax(-1).flatten().tolist()
        [2, 3]
    """

    def __init__(self, rnn: nn.Module, decoder_layers: int = 4):
        super().__init__(rnn, decoder_layers)
        group, hidden, size = rnn.group, rnn.hidden_channels, rnn.kernel_size
        self.score = nn.Sequential(
            GroupConvolution(group, hidden, hidden, size),
            nn.ReLU(),
            GroupConvolution(group, hidden, 1, size),
        )
        nn.init.zeros_(self.score[-1].weight)
        nn.init.zeros_(self.decoder[-1].weight)

    def copies(self, frame: Tensor) -> Float[Tensor, "batch velocity channel *grid"]:
        """psi_1(v).f for all v of V."""
        return self.group.act(self.rnn.velocities[:, None], frame[:, None])

    def evidence(self, seen: Tensor) -> Tensor:
        """- 30 e(v), (batch, velocity, 1, ...), of the last two frames of a video."""
        before, frame = seen[:, -2], seen[:, -1]
        wrong = (frame[:, None] - self.copies(before)).flatten(2).square().mean(2)
        wrong = wrong / (frame.flatten(1).var(1, correction=0)[:, None] + DARK)
        return -SHARPNESS * wrong.reshape(*wrong.shape, *[1] * (frame.ndim - 1))

    def shares(self, ahead: Tensor, evidence: Tensor) -> Float[Tensor, "batch velocity 1 *grid"]:
        """p_t, of the state that has flowed on."""
        scores = self.score(ahead.flatten(0, 1)).unflatten(0, ahead.shape[:2])
        return (scores + evidence).softmax(1)

    def forward(
        self, context: Float[Tensor, "batch time channel *grid"], steps: int
    ) -> Float[Tensor, "batch steps channel *grid"]:
        """The `steps` frames that follow the context, two frames or more."""
        state, psi_1 = self.rnn.last(context), self.rnn.psi_1(context)
        evidence, frames = self.evidence(context), [context[:, -1]]
        for step in range(steps):
            state = self.rnn.step(state, frames[-1], psi_1) if step else state
            ahead = self.rnn.flow_on(state, psi_1)
            moved = (self.shares(ahead, evidence) * self.copies(frames[-1])).sum(1)
            frames.append(moved + self.decoder(self.pool(ahead)))
        return torch.stack(frames[1:], 1)


@torch.no_grad()
def velocity_shares(
    model: MovedOn, videos: Float[Tensor, "video time *frame"]
) -> Float[Tensor, "video velocity"]:
    """What share each velocity has in the frame that follows each video: p_t, mean over its places.

    By the law of flows these shares move by w with a video that moves by w, up to the rim of V.

    Example: a light that moves by 1, and a network that is not trained.
        >>> import flowlib as fl
        >>> ring = fl.Translations(9)
        >>> video = fl.flow(ring, torch.eye(9)[None, :1], velocity=1, steps=4)
        >>> velocity_shares(MovedOn(fl.FERNN(ring, [-1, 0, 1], 1, 2), 1), video).round().tolist()
        [[0.0, 0.0, 1.0]]
    """
    shares = []
    with mode(model, training=False):
        for seen in videos.split(16):
            ahead = model.rnn.flow_on(model.rnn.last(seen))
            shares.append(model.shares(ahead, model.evidence(seen)).flatten(2).mean(2))
    return torch.cat(shares)


def best_shifts(
    before: Float[Tensor, "pair channel *grid"], frame: Float[Tensor, "pair channel *grid"]
) -> Shaped[Tensor, "pair axis"]:
    """The shift of the torus that lays each frame best onto the next, at most half the grid long.

    Example:
        >>> light = torch.eye(7)[:1, None]
        >>> best_shifts(light, light.roll(-2, -1)).item()
        -2
    """
    group = Translations(tuple(frame.shape[2:]))
    half = torch.tensor(group.grid, device=frame.device) // 2
    sides = torch.tensor(group.grid, device=frame.device)
    return (CorrelationPredictor(group).to(frame.device)(before, frame, None) + half) % sides - half
