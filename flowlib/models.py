"""Heads on top of a recurrent network: forecasting and classification."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from flowlib.convolution import GroupConvolution


class Forecaster(nn.Module):
    """Predicts the frames that follow a video, each from the last, none consumed twice.

        f^_{t+1} = R( max_v psi_1(v).h_t(v, .) )

    The state flows on by one frame, is pooled over velocities, and decoded by R, a stack of
    convolutions with ReLU between them; the predicted frame is then consumed like any other. Every
    part commutes with the flow, so the forecast of a flowing video is the flowing forecast, exactly
    when V is closed under v - w, else up to what is lost at the rim of V.

    Args:
        rnn: a `FERNN`, a `GRNN` or a `Stack`.
        decoder_layers: hidden layers of R, convolution and ReLU, of the network's width and kernel
            size; one more convolution makes the frame. No bias.
        channels: of a forecast; none means those of the frames that the network takes.

    Raises:
        ValueError: a negative number of layers.

    Source: Keller 2025 (arXiv 2507.14793), section 5. The hand-over from context to forecast is
    ours: in the author's code the last frame of the context is consumed a second time.

    Example:
        >>> rnn = fl.FERNN(fl.Translations((6, 6)), fl.translation_velocities(1), 1, 4)
        >>> fl.Forecaster(rnn)(torch.rand(2, 5, 1, 6, 6), steps=3).shape
        torch.Size([2, 3, 1, 6, 6])
    """

    def __init__(self, rnn: nn.Module, decoder_layers: int = 4, channels: int | None = None):
        super().__init__()
        if decoder_layers < 0:
            raise ValueError(f"decoder_layers is {decoder_layers}: it wants 0 or more")
        self.rnn, self.group = rnn, rnn.group
        hidden, frame, size = rnn.hidden_channels, channels or rnn.in_channels, rnn.kernel_size
        layers = []
        for _ in range(decoder_layers):
            layers += [GroupConvolution(rnn.group, hidden, hidden, size), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, GroupConvolution(rnn.group, hidden, frame, size))

    def read(self, state, psi_1=None) -> Float[Tensor, "batch channel *grid"]:
        """The frame to come, f^_{t+1}, from the state h_t, (batch, velocity, hidden, *group)."""
        ahead = self.pool(self.rnn.flow_on(state, psi_1))
        return self.group.project(self.decoder(ahead))

    def pool(self, state: Tensor) -> Tensor:
        """The maximum over V."""
        return state.max(1).values  # `amax` keeps all that it has seen for the backward pass

    def forward(
        self, context: Float[Tensor, "batch time channel *grid"], steps: int
    ) -> Float[Tensor, "batch steps channel *grid"]:
        """The `steps` frames that follow the context.

        Raises:
            ValueError: steps < 1, or a context that the network does not take.
        """
        if steps < 1:
            raise ValueError(f"steps is {steps}: a forecast has one frame or more")
        state, psi_1 = self.rnn.last(context), self.rnn.psi_1(context)
        frames = [self.read(state, psi_1)]
        k = self.rnn.checkpoint_every if torch.is_grad_enabled() else None
        while len(frames) < steps:
            go = (state, frames[-1], min(k or steps, steps - len(frames)), psi_1)
            new = checkpoint(self._go_on, *go, use_reentrant=False) if k else self._go_on(*go)
            state, frames = new[0], frames + new[1]
        return torch.stack(frames, 1)

    def _go_on(self, state, frame: Tensor, steps: int, psi_1) -> tuple:
        """The state after a frame and those that follow it, and these frames."""
        frames = []
        for _ in range(steps):
            state = self.rnn.step(state, frame, psi_1)
            frame = self.read(state, psi_1)
            frames.append(frame)
        return state, frames


class FrameEncoder(nn.Module):
    """Each frame by itself through a stack of convolution, batch normalisation and ReLU.

    The statistics of the normalisation are over batch, time and space, so the encoder commutes with
    translations and flows, whose frames hold the same values at other places.

    Args:
        group: translations.
        in_channels, channels: of a frame, and of the result.
        layers: how many.
        kernel_size: odd.

    Example:
        >>> fl.FrameEncoder(fl.Translations((6, 6)), 1, 8)(torch.rand(2, 5, 1, 6, 6)).shape
        torch.Size([2, 5, 8, 6, 6])
    """

    def __init__(
        self, group, in_channels: int, channels: int, layers: int = 3, kernel_size: int = 3
    ):
        super().__init__()
        stack = []
        for layer in range(layers):
            inside = channels if layer else in_channels
            stack += [
                GroupConvolution(group, inside, channels, kernel_size),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*stack)

    def forward(
        self, video: Float[Tensor, "batch time channel *grid"]
    ) -> Float[Tensor, "batch time out *grid"]:
        """The encoded frames, (batch, time, channels, *grid)."""
        return self.layers(video.flatten(0, 1)).unflatten(0, video.shape[:2])


class Classifier(nn.Module):
    """Says what a video shows, whatever its place and its velocity: one score for each class.

        y = A mean_g max_v h_T(v, g) + b

    The state after the last frame is pooled over velocities by the maximum and over the group by the
    mean; one linear layer, A and b, makes the scores. The softmax is left to the loss.

    Args:
        rnn: a `FERNN`, a `GRNN` or a `Stack`.
        classes: how many.
        encoder: what the frames go through first, e.g. a `FrameEncoder`; none shows them as they are.
        normalise: batch normalisation before the linear layer. The mean over space of a small thing
            in a large empty frame hardly differs from clip to clip, and A takes thousands of updates
            to grow enough. Once trained it is one affine map more: it could be written into A and b.

    Raises:
        ValueError: no class; with `normalise`, one clip alone in training.

    Transformation law: classifier(g.f) = classifier(f) for every static g of the group, and
    classifier(psi(w).f) = classifier(f) when V is closed under v - w, both up to rounding. For a
    smaller V the second loses what is lost at the rim of V.

    Example:
        >>> fl.Classifier(fl.GRNN(fl.Translations(8), 1, 4), classes=6)(torch.rand(2, 5, 1, 8)).shape
        torch.Size([2, 6])
    """

    def __init__(
        self,
        rnn: nn.Module,
        classes: int,
        encoder: nn.Module | None = None,
        normalise: bool = False,
    ):
        super().__init__()
        if classes < 1:
            raise ValueError(f"classes is {classes}: a classifier has 1 or more")
        self.rnn, self.group, self.encoder = rnn, rnn.group, encoder or nn.Identity()
        self.norm = nn.BatchNorm1d(rnn.hidden_channels) if normalise else nn.Identity()
        self.linear = nn.Linear(rnn.hidden_channels, classes)

    def forward(
        self, video: Float[Tensor, "batch time channel *grid"]
    ) -> Float[Tensor, "batch classes"]:
        """The scores of a video, (batch, classes), read after its last frame.

        Raises:
            ValueError: a video that the network does not take.
        """
        state = self.rnn.output(self.rnn.last(self.encoder(video)))
        pooled = state.max(1).values  # (batch, hidden, *group)
        return self.linear(self.norm(pooled.flatten(2).mean(2)))
