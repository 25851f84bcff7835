"""Heads on top of a recurrent network: forecasting."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.convolution import GroupConvolution


class Forecaster(nn.Module):
    """Predicts the frames that follow a video, each from the last, none consumed twice.

        f^_{t+1} = R( max_v psi_1(v).h_t(v, .) )

    The state flows on by one frame, is pooled over velocities, and decoded by R, a stack of
    convolutions with ReLU between them; the predicted frame is then consumed like any other. Every
    part commutes with the flow, so the forecast of a flowing video is the flowing forecast, exactly
    when V is closed under v - w, else up to what is lost at the rim of V.

    Args:
        rnn: a `FERNN` or `GRNN`.
        decoder_layers: hidden layers of R, convolution and ReLU, of the network's width and kernel
            size; one more convolution makes the frame. No bias.

    Raises:
        ValueError: a negative number of layers.

    Source: Keller 2025 (arXiv 2507.14793), section 5. The hand-over from context to forecast is
    ours: in the author's code the last frame of the context is consumed a second time.
    """

    def __init__(self, rnn: nn.Module, decoder_layers: int = 4):
        super().__init__()
        if decoder_layers < 0:
            raise ValueError(f"decoder_layers is {decoder_layers}: it wants 0 or more")
        self.rnn, self.group = rnn, rnn.group
        hidden, frame = rnn.input_conv.weight.shape[:2]
        size = rnn.input_conv.weight.shape[-1]
        layers = []
        for _ in range(decoder_layers):
            layers += [GroupConvolution(rnn.group, hidden, hidden, size), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, GroupConvolution(rnn.group, hidden, frame, size))

    def read(
        self, state: Float[Tensor, "batch velocity hidden *group"]
    ) -> Float[Tensor, "batch channel *grid"]:
        """The frame to come, f^_{t+1}, from the state h_t."""
        return self.decoder(self.rnn.flow_on(state).amax(1))

    def forward(
        self, context: Float[Tensor, "batch time channel *grid"], steps: int
    ) -> Float[Tensor, "batch steps channel *grid"]:
        """The `steps` frames that follow the context.

        Raises:
            ValueError: steps < 1, or a context that the network does not take.
        """
        if steps < 1:
            raise ValueError(f"steps is {steps}: a forecast has one frame or more")
        state = self.rnn(context)[:, -1]
        frames = [self.read(state)]
        while len(frames) < steps:
            state = self.rnn.step(state, frames[-1])
            frames.append(self.read(state))
        return torch.stack(frames, 1)
