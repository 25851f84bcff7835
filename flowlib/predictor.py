"""What moved the last frame into this one: predictors of the flow, a_t = P(f_{t-1}, f_t, h_{t-1}).

Code name      symbol        what it is
before, frame  f_{t-1}, f_t  the last two frames, (batch, channel, *grid)
state          h_{t-1}       the memory, (batch, 1, channel, *group)
motion         a_t           the predicted step, in the form that the predictor's `move` takes

The law of a predictor: if frame t is moved by gamma_t, its step becomes gamma_t a_t gamma_{t-1}^-1.
For flows that commute this is a_t with w added, and then one memory is flow equivariant for all w.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.flows import velocity_set
from flowlib.mixing import ExactBuffers
from flowlib.translations import Translations


class FlowPredictor(ExactBuffers, ABC):
    """The contract of a predictor: what moved the last frame into this one, and how that moves a memory.

    A network makes its predictor by `predictor(group, in_channels, hidden_channels)`; give options with
    `functools.partial`.

    Args:
        group: what moves the frames.
        in_channels, hidden_channels: of a frame and of the memory.
        velocities: V, (velocity, axis), those that are looked for. None means all shifts of the grid. The
            law needs a V that the motion maps into itself, as a group does.

    Raises:
        ValueError: velocities that do not fit, or none for a group that has infinitely many.

    Example: one that is told the velocity.
        >>> class Told(fl.FlowPredictor):
        ...     def forward(self, before, frame, state):
        ...         return self.velocities.expand(len(frame), -1)
        ...     def move(self, motion, state):
        ...         return self.group.act_lifted(motion[:, None, None], state)
        >>> told = Told(fl.Translations(5), velocities=[[2]])
        >>> light = torch.tensor([[[[1.0, 0, 0, 0, 0]]]])
        >>> told.move(told(light[0], light[0], light), light)[0, 0, 0].tolist()
        [0.0, 0.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, group, in_channels: int = 1, hidden_channels: int = 1, velocities=None):
        super().__init__()
        self.group, self.every = group, velocities is None
        if self.every and not isinstance(group, Translations):
            raise ValueError(
                f"{group} has no list of all its flows: give velocities, a group of them"
            )
        V = group.elements() if self.every else velocity_set(group, velocities)
        self.register_buffer("velocities", V)

    @abstractmethod
    def forward(
        self,
        before: Float[Tensor, "batch channel *grid"],
        frame: Float[Tensor, "batch channel *grid"],
        state: Float[Tensor, "batch 1 hidden *group"],
    ) -> Tensor:
        """The motion from f_{t-1} to f_t, (batch, ...). Before the first frame stands one of zeros."""

    @abstractmethod
    def move(self, motion: Tensor, state: Tensor) -> Float[Tensor, "batch 1 hidden *group"]:
        """The state, moved."""

    def go_on(self, motion: Tensor, state: Tensor) -> Float[Tensor, "batch 1 hidden *group"]:
        """The state of the same frame as the motion, moved on by it: where nothing else is known, the
        motion goes on."""
        return self.move(motion, state)

    def copies(
        self, signal: Tensor, lifted: bool
    ) -> Float[Tensor, "batch velocity channel *moved"]:
        """psi_1(v).signal for all v of V, of a signal (batch, channel, ...)."""
        act = self.group.act_lifted if lifted else self.group.act
        return act(self.velocities[:, None], signal[:, None])

    def correlation(
        self, one: Tensor, other: Tensor, lifted: bool = False
    ) -> Float[Tensor, "batch velocity"]:
        """<one, psi_1(v).other> for all v of V: for all shifts of a grid by one Fourier transform.

        Args:
            one, other: signals on X, or on the group if `lifted`, (batch, channel, ...).

        Example:
            >>> light = torch.eye(5)[:2, None]  # at 0 and at 1
            >>> scores = fl.CorrelationPredictor(fl.Translations(5)).correlation(light[1:], light[:1])
            >>> scores.round().abs().tolist()
            [[0.0, 1.0, 0.0, 0.0, 0.0]]
        """
        if not self.every:
            return (one[:, None] * self.copies(other, lifted)).flatten(2).sum(2)
        spectrum = self._spectrum(one) * self._spectrum(other).conj()
        return self._signal(spectrum.sum(1)).to(one.dtype).flatten(1)

    def mixture(self, weights: Float[Tensor, "batch velocity"], state: Tensor) -> Tensor:
        """The sum over v of weights(v) psi_1(v).state: for all shifts a circular convolution."""
        if not self.every:
            shares = weights.reshape(*weights.shape, *[1] * (state.ndim - 2))
            return (shares * self.copies(state[:, 0], True)).sum(1, keepdim=True)
        kernel = self._spectrum(weights.unflatten(1, self.group.grid))
        return self._signal(kernel[:, None, None] * self._spectrum(state)).to(state.dtype)

    def _spectrum(self, signal: Tensor) -> Tensor:
        exact = torch.promote_types(signal.dtype, torch.float32)  # no spectrum of half precision
        return torch.fft.rfftn(signal.to(exact), dim=list(range(-self.group.ndim, 0)))

    def _signal(self, spectrum: Tensor) -> Tensor:
        return torch.fft.irfftn(spectrum, s=self.group.grid, dim=list(range(-self.group.ndim, 0)))


class CorrelationPredictor(FlowPredictor):
    """The one velocity at which the last frame fits best onto this one. It has nothing to learn.

        v_t = argmax over v of <f_t, psi_1(v).f_{t-1}>

    Arguments as for `FlowPredictor`. The motion is the element psi_1(v_t) of each sample, (batch, axis).

    Law: exact for every path of elements that map V into itself, wherever the maximum is unique. Of
    several the first in the order of V is taken, which no shift respects: so it fails for frames that are
    dark, or that fit equally well in two places. Where the video is one picture that moves, several fit
    only if they move this picture, and so its memory, alike: then nothing is lost.

    Example: a light that jumps to and fro.
        >>> ring, light = fl.Translations(7), torch.eye(7)[:1]
        >>> video = fl.flow(ring, light[None], path=[[3], [-1], [2]])
        >>> predictor = fl.CorrelationPredictor(ring)
        >>> [predictor(a, b, None).item() for a, b in zip(video[0, :-1, None], video[0, 1:, None])]
        [3, 6, 2]
    """

    def forward(self, before, frame, state) -> Shaped[Tensor, "batch axis"]:
        """The best element of V for each sample."""
        return self.velocities[self.correlation(frame, before).argmax(1)]

    def move(self, motion: Tensor, state: Tensor) -> Tensor:
        """psi_1(v_t).h: whole pixels are copied, nothing is rounded."""
        return self.group.act_lifted(motion[:, None, None], state)


class SoftPredictor(FlowPredictor):
    """A mixture of moved memories, weighted by learned scores: attention over velocities.

        p_t = softmax over v of s_t(v),   s_t(v) = <Q * f_t, psi_1(v).( K * f_{t-1} + M * h_{t-1} )>
        a_t.h = sum over v of p_t(v) psi_1(v).h

    Args:
        group, in_channels, hidden_channels, velocities: see `FlowPredictor`.
        features: channels of Q, K and M.
        sharpness: an untrained predictor of translations scores by sharpness times the correlation of the
            frames, one of other groups by that of random features.

    Law: exact for every video and every path of elements that map V into itself, for V all shifts of the
    grid without exception. The motion is p_t, (batch, velocity). In the dark all scores are 0, and the
    memory becomes its mean over V.

    Source: the scores are those of attention (Vaswani et al. 2017), over velocities.

    Example:
        >>> rnn = fl.MotionCompensatedRNN(fl.Translations(7), 1, 4, predictor=fl.SoftPredictor)
        >>> bool(fl.flow_equivariance_error(rnn, torch.rand(2, 5, 1, 7), velocity=3).max() < 1e-14)
        True
    """

    def __init__(
        self,
        group,
        in_channels: int = 1,
        hidden_channels: int = 1,
        velocities=None,
        features: int = 4,
        sharpness: float = 1.0,
    ):
        super().__init__(group, in_channels, hidden_channels, velocities)
        self.query = LiftingConvolution(group, in_channels, features)
        self.key = LiftingConvolution(group, in_channels, features)
        self.memory_key = GroupConvolution(group, hidden_channels, features)
        with torch.no_grad():
            self.memory_key.weight.zero_()
            if not isinstance(group, Translations):  # frames are scored by the same features
                self.key.weight.copy_(self.query.weight)
                return
            for layer in (self.query, self.key):  # the first feature is the frame itself
                layer.weight[0] = 0
                layer.weight[0, 0][(1,) * group.ndim] = sharpness**0.5
            self.key.weight[1:] = 0

    def forward(self, before, frame, state) -> Float[Tensor, "batch velocity"]:
        """p_t, the share of each velocity."""
        key = self.key(before) + self.memory_key(state[:, 0])
        return self.correlation(self.query(frame), key, lifted=True).softmax(1)

    def move(self, motion: Tensor, state: Tensor) -> Tensor:
        """The sum over v of p_t(v) psi_1(v).h."""
        return self.mixture(motion, state)


class LocalPredictor(FlowPredictor):
    """A velocity for each place, where a window of the last frame fits onto this one: soft block matching.

        p_t(v, x) = softmax over v of - b sum over |y| <= r of ( f_t(x + y) - f_{t-1}(x + y - v) )^2
        (a_t.h)(x) = sum over v of p_t(v, x) h(x - v)

    Args:
        group: translations.
        in_channels, hidden_channels, velocities: see `FlowPredictor`.
        radius: r, of the window.
        sharpness: b at the start; it is learned.

    Law: p_t[psi(w).f](v, x) = p_t[f](v - w, x - t w) for one w everywhere, exact for V all shifts of the
    grid. For a motion that is another one at each place no law is left.

    Raises:
        ValueError: another group.

    Source: block matching is textbook; the soft choice is ours.

    Example: two lights, one at rest and one that moves on.
        >>> video = torch.zeros(2, 1, 12)
        >>> video[0, 0, [2, 8]] = video[1, 0, [2, 9]] = 1.0
        >>> local = fl.LocalPredictor(fl.Translations(12), velocities=[-1, 0, 1], sharpness=50.0)
        >>> shares = local(video[:1], video[1:], None)  # (batch, velocity, place)
        >>> local.velocities[shares[0].argmax(0), 0][[2, 9]].tolist()
        [0, 1]
    """

    def __init__(
        self,
        group,
        in_channels: int = 1,
        hidden_channels: int = 1,
        velocities=None,
        radius: int = 1,
        sharpness: float = 1.0,
    ):
        if not isinstance(group, Translations):
            raise ValueError(f"the group is {group}: a velocity for each place wants Translations")
        super().__init__(group, in_channels, hidden_channels, velocities)
        self.radius, self.log_sharpness = radius, nn.Parameter(torch.tensor(sharpness).log())

    def forward(self, before, frame, state) -> Float[Tensor, "batch velocity *grid"]:
        """p_t, the share of each velocity at each place."""
        apart = (frame[:, None] - self.copies(before, False)).square().sum(2)
        for axis in range(-self.group.ndim, 0):
            shifts = range(-self.radius, self.radius + 1)
            apart = torch.stack([apart.roll(y, axis) for y in shifts]).sum(0)
        return (-self.log_sharpness.exp() * apart).softmax(1)

    def move(self, motion: Tensor, state: Tensor) -> Tensor:
        """At each place the sum over v of p_t(v, x) h(x - v)."""
        return (motion[:, :, None] * self.copies(state[:, 0], True)).sum(1, keepdim=True)

    def go_on(self, motion: Tensor, state: Tensor) -> Tensor:
        """The shares move along with what they were found at: the sum over v of (p_t h)(v, x - v)."""
        shares = self.group.act(self.velocities[:, None], motion[:, :, None] * state)
        return shares.sum(1, keepdim=True)
