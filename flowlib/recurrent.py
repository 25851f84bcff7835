"""Recurrent networks that know about symmetry: the G-RNN, and the FERNN, which also knows motion.

Code name      symbol        what it is
frame          f_t           input at time t, (batch, channel, *grid)
state          h_t(v, g)     hidden state after frame t, (batch, velocity, channel, *group)
input_conv     U             lifting convolution of the frame
state_conv     W             group convolution of the hidden state
velocities     V             the velocities the hidden state is lifted to
neighbours     v + d         for each v the channels that W also sees, when velocities mix
step           psi_1(v)      one frame of flow: velocity channel v moves by v

One class serves every group: the group supplies action and convolution, V supplies the flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.flows import flow_video, velocity_neighbours, velocity_set
from flowlib.groups import check_signal


class FERNN(nn.Module):
    """Flow equivariant recurrent network: one hidden state a velocity, each flowing along.

        h_t(v, .) = sigma( U * f_t + W * [psi_1(v).h_{t-1}(v, .)] ),      h_{-1} = 0

    Flow equivariance: h_t[psi(w).f](v, .) = psi_t(w).h_t[f](v - w, .) wherever v and v - w are both
    in V. Exact up to rounding where the motions permute the points of the grid (whole pixels, quarter
    turns); other rotations add what interpolation loses. It needs velocities that commute, as
    translations do, and as rotations about one centre do.

    With velocity_mixing = r, W is a convolution over V as well, and v sees its neighbours,
        W * [psi_1(v).h_{t-1}]  becomes  sum over |d| <= r of W_d * [psi_1(v).h_{t-1}(v + d, .)],
    where v + d outside V counts as 0. Channels near the rim of V then miss something that their
    partners see: the law is exact for a channel that is more than r t steps away from the rim, and
    for all channels when V is a group.

    Args:
        group: what acts on a frame, e.g. Translations((28, 28)) or Rotations(8).
        velocities: V, (velocity, axis), e.g. translation_velocities(radius=2).
        in_channels: channels of a frame.
        hidden_channels: channels of the hidden state, for each velocity.
        kernel_size: of U and W, odd.
        nonlinearity: sigma, any map that acts on each number by itself.
        bias: add a bias to U * f_t.
        velocity_mixing: r, how many velocity channels to each side W sees; 0 mixes none.

    Raises:
        ValueError: a set of velocities that does not fit the group, or a negative radius.

    Source: Keller 2025 (arXiv 2507.14793), section 4. There, h_t is the state before frame t.
    """

    def __init__(
        self,
        group,
        velocities,
        in_channels: int = 1,
        hidden_channels: int = 32,
        kernel_size: int = 3,
        nonlinearity: Callable[[Tensor], Tensor] = torch.relu,
        bias: bool = False,
        velocity_mixing: int = 0,
    ):
        super().__init__()
        if velocity_mixing < 0:
            raise ValueError(f"velocity_mixing is {velocity_mixing}: it wants 0 (none) or more")
        self.group, self.nonlinearity = group, nonlinearity
        self.hidden_channels, self.velocity_mixing = hidden_channels, velocity_mixing
        self.input_conv = LiftingConvolution(
            group, in_channels, hidden_channels, kernel_size, bias=bias
        )
        self.register_buffer("velocities", velocity_set(group, velocities))
        neighbours = velocity_neighbours(group, self.velocities, velocity_mixing)
        self.register_buffer("neighbours", neighbours, persistent=False)
        # The neighbours of v are more input channels of one convolution: (neighbour, channel).
        seen = neighbours.shape[1] * hidden_channels
        self.state_conv = GroupConvolution(group, seen, hidden_channels, kernel_size)

    def initial_state(self, batch: int) -> Float[Tensor, "batch velocity channel *group"]:
        """h_{-1} = 0. A constant zero is moved by no flow, which the theorem needs."""
        shape = (batch, len(self.velocities), self.hidden_channels, *self.group.shape)
        return self.input_conv.weight.new_zeros(shape)

    def update(
        self,
        state: Float[Tensor, "batch velocity channel *group"],
        drive: Float[Tensor, "batch channel *group"],
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """h_t from h_{t-1} and the lifted frame U * f_t, which is the same for every velocity."""
        if self.velocity_mixing:
            state = torch.cat([state, torch.zeros_like(state[:, :1])], 1)  # beyond the rim
            state = state[:, self.neighbours].flatten(2, 3)
        step = self.group.exp(self.velocities, 1)
        return self.nonlinearity(drive[:, None] + self.state_conv(state, step))

    def step(
        self,
        state: Float[Tensor, "batch velocity channel *group"],
        frame: Float[Tensor, "batch in_channel *grid"],
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """h_t from h_{t-1} and frame f_t."""
        return self.update(state, self.input_conv(frame))

    def flow_on(
        self, state: Float[Tensor, "batch velocity channel *group"]
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """psi_1(v).h_t(v, .): the state as it will stand in the next frame, with no new input."""
        return self.group.act_lifted(self.group.exp(self.velocities, 1)[:, None], state)

    def forward(
        self,
        video: Float[Tensor, "batch time in_channel *grid"],
        state: Float[Tensor, "batch velocity channel *group"] | None = None,
    ) -> Float[Tensor, "batch time velocity channel *group"]:
        """The hidden state after every frame.

        Args:
            video: (batch, time, channel, *grid), one frame at least, no NaN.
            state: h_{-1}, to go on from; none means zero.

        Returns:
            (batch, time, velocity, channel, *group); entry t is h_t.

        Raises:
            ValueError: a video or a state of another shape, with no frame, or with NaN.
        """
        return torch.stack(list(self.states(video, state)), 1)

    def states(self, video: Tensor, state: Tensor | None = None) -> Iterator[Tensor]:
        """The same one after the other, (batch, velocity, channel, *group) each, without the copy
        that a stack of all of them is: on a GPU they may fill most of the memory."""
        check_signal("video", video, "batch time channel", self.group.grid)
        if state is None:
            state = self.initial_state(len(video))
        self.check_state(state)
        for drive in self.input_conv(video).unbind(1):
            state = self.update(state, drive)
            yield state

    def check_state(self, state: Tensor) -> None:
        """Raise a ValueError unless the state has this network's velocities and channels."""
        wanted = (len(self.velocities), self.hidden_channels, *self.group.shape)
        got = tuple(state.shape[1:])
        if got != wanted:
            hint = ""
            if len(got) == len(wanted) and got[0] != wanted[0]:
                hint = f": it has {got[0]} velocities, this network {wanted[0]}"
            raise ValueError(
                f"the state has shape (batch, *{got}), it wants (batch, *{wanted}){hint}"
            )


class GRNN(FERNN):
    """Group equivariant recurrent network: a FERNN whose only velocity is 0, so nothing flows.

        h_t = sigma( U * f_t + W * h_{t-1} )

    Equivariant to every static g, h_t[g.f] = g.h_t[f], but not to flows (chapter "The G-RNN
    fails"). Arguments as for `FERNN`; states have one velocity.
    """

    def __init__(self, group, in_channels: int = 1, hidden_channels: int = 32, **options):
        still = torch.zeros(1, group.dim, dtype=torch.int64)
        super().__init__(group, still, in_channels, hidden_channels, **options)


def group_averaging(
    rnn: GRNN, video: Float[Tensor, "batch time in_channel *grid"], velocities
) -> Float[Tensor, "batch time velocity channel *group"]:
    """A G-RNN on motion-stabilised copies of a video, one for each velocity v of V.

    The video is brought to rest, psi(-v).f, the G-RNN watches it, and its states are moved back:
        a_t(v, .) = psi_t(v).h_t[psi(-v).f].
    An average (or a maximum) of this over v is flow equivariant as far as V is closed: group
    averaging. Without mixing it is what a FERNN with the same kernels computes in one pass.

    Args:
        rnn: a network with one velocity, 0.
        video: (batch, time, channel, *grid).
        velocities: V, (velocity, axis).

    Returns:
        (batch, time, velocity, channel, *group), like the states of a FERNN; not yet pooled.

    Source: the discussion of Keller 2025; for static groups Yarotsky 2022.
    """
    states = []
    for v in velocity_set(rnn.group, velocities):
        still = rnn(flow_video(rnn.group, video, -v))[:, :, 0]
        states.append(flow_video(rnn.group, still, v, lifted=True))
    return torch.stack(states, 2)
