"""Recurrent networks that know about symmetry: the G-RNN, and the FERNN, which also knows motion.

Code name      symbol        what it is
frame          f_t           input at time t, (batch, channel, *grid)
state          h_t(v, g)     hidden state after frame t, (batch, velocity, channel, *group)
input_conv     U             lifting convolution of the frame
cell           sigma, W      what the memory does with the frame
velocities     V             the velocities the hidden state is lifted to
psi_1          psi_1(v)      one frame of flow: velocity channel v moves by v

One class serves every group: the group supplies action and convolution, V supplies the flow, the cell
the update.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.cells import Cell, ElmanCell
from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.flows import flow_video, velocity_set
from flowlib.loop import Recurrent
from flowlib.mixing import SeparableMixing, VelocityConvolution


class FERNN(Recurrent):
    """Flow equivariant recurrent network: one hidden state a velocity, each flowing along.

        h_t(v, .) = cell( psi_1(v).h_{t-1}(v, .), U * f_t ),      h_{-1} = 0

    With the paper's cell that is
        h_t(v, .) = sigma( U * f_t + W * [psi_1(v).h_{t-1}(v, .)] ).
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
        nonlinearity: sigma, any map that acts on each number by itself; none takes the cell's own, ReLU
            for the paper's.
        bias: add a bias to U * f_t.
        velocity_mixing: r, how many velocity channels to each side W sees; 0 mixes none.
        separable: mix over V channel by channel before W, W_d = W diag(a_d), which is cheap.
        cell: `ElmanCell` (the paper's), `GatedCell`, `ScanCell`, or a `Cell` of one's own.
        memory: how much an untrained cell remembers, see the cell; none takes the cell's own, 0 for the
            paper's.
        lifted: the input is the states of another FERNN over the same V, (batch, time, velocity,
            in_channels, *group), instead of a video.
        checkpoint_every: see `last`.

    Raises:
        ValueError: a set of velocities that does not fit the group, a negative radius, or
            checkpoint_every below 1.

    Source: Keller 2025 (arXiv 2507.14793), section 4. There, h_t is the state before frame t.

    Example:
        >>> rnn = fl.FERNN(fl.Translations((6, 6)), fl.translation_velocities(1), 1, 4)
        >>> rnn(torch.rand(2, 5, 1, 6, 6)).shape  # (batch, time, velocity, channel, y, x)
        torch.Size([2, 5, 9, 4, 6, 6])
    """

    def __init__(
        self,
        group,
        velocities,
        in_channels: int = 1,
        hidden_channels: int = 32,
        kernel_size: int = 3,
        nonlinearity: Callable[[Tensor], Tensor] | None = None,
        bias: bool = False,
        velocity_mixing: int = 0,
        separable: bool = False,
        cell: Callable[..., Cell] = ElmanCell,
        memory: float | None = None,
        lifted: bool = False,
        checkpoint_every: int | None = None,
    ):
        super().__init__()
        if velocity_mixing < 0:
            raise ValueError(f"velocity_mixing is {velocity_mixing}: it wants 0 (none) or more")
        if checkpoint_every is not None and checkpoint_every < 1:
            raise ValueError(f"checkpoint_every is {checkpoint_every}: it wants 1 or more, or None")
        self.group, self.lifted, self.checkpoint_every = group, lifted, checkpoint_every
        self.in_channels, self.hidden_channels = in_channels, hidden_channels
        self.kernel_size = kernel_size
        self.register_buffer("velocities", velocity_set(group, velocities))
        kind = getattr(cell, "func", cell)  # also of a functools.partial
        if velocity_mixing and not getattr(kind, "mixes", True):
            raise ValueError(
                f"velocity_mixing is {velocity_mixing}, and {kind.__name__} keeps each number by itself: "
                "take velocity_mixing=0, or another cell, e.g. GatedCell"
            )
        self.input_conv = (GroupConvolution if lifted else LiftingConvolution)(
            group, in_channels, getattr(kind, "drives", 1) * hidden_channels, kernel_size, bias=bias
        )
        convolution, self.mixing = partial(GroupConvolution, group, kernel_size=kernel_size), None
        if velocity_mixing and separable:
            self.mixing = SeparableMixing(group, self.velocities, hidden_channels, velocity_mixing)
        elif velocity_mixing:
            options = dict(kernel_size=kernel_size, radius=velocity_mixing)
            convolution = partial(VelocityConvolution, group, self.velocities, **options)
        options = {"nonlinearity": nonlinearity, "memory": memory}
        options = {name: value for name, value in options.items() if value is not None}
        self.cell = cell(convolution, hidden_channels, **options)

    @property
    def state_conv(self) -> nn.Module:
        """W, the convolution of the cell."""
        return self.cell.state_conv

    def initial_state(self, batch: int) -> Float[Tensor, "batch velocity channel *group"]:
        """h_{-1} = 0. A constant zero is moved by no flow, which the theorem needs."""
        shape = (batch, len(self.velocities), self.hidden_channels, *self.group.shape)
        return self.input_conv.weight.new_zeros(shape)

    def _before(self, batch: int) -> Tensor:
        """The initial state of each video, one in memory for all of them."""
        first = self.initial_state(1)
        return first.expand(batch, *first.shape[1:])

    def psi_1(self, like: Tensor):
        """psi_1(v) of all v, ready to move states of the type and device of `like` many times."""
        return self.group.prepare(self.group.exp(self.velocities, 1)[:, None], like)

    def update(
        self,
        state: Float[Tensor, "batch velocity channel *group"],
        drive: Float[Tensor, "batch ..."],
        psi_1=None,
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """h_t from h_{t-1} and the lifted frame U * f_t.

        Args:
            state: h_{t-1}.
            drive: (batch, channel, *group), the same for every velocity; in a lifted layer (batch,
                velocity, channel, *group).
            psi_1: what the method `psi_1` gave; none asks for it.
        """
        psi_1 = self.psi_1(state) if psi_1 is None else psi_1
        state = state if self.mixing is None else self.mixing(state)
        return self.cell.advance(self.group, psi_1, state, drive if self.lifted else drive[:, None])

    def step(
        self,
        state: Float[Tensor, "batch velocity channel *group"],
        frame: Float[Tensor, "batch ..."],
        psi_1=None,
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """h_t from h_{t-1} and frame f_t, (batch, in_channel, *grid); `psi_1` as for `update`."""
        return self.update(state, self.input_conv(frame), psi_1)

    def flow_on(
        self, state: Float[Tensor, "batch velocity channel *group"], psi_1=None
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """psi_1(v).h_t(v, .): the state as it will stand in the next frame, with no new input."""
        psi_1 = self.psi_1(state) if psi_1 is None else psi_1
        return self.group.act_lifted(psi_1, state)

    def output(self, state: Tensor) -> Tensor:
        """What is read out of a state: all of it."""
        return state

    def _loop(self, video: Tensor, state: Tensor, psi_1) -> Iterator[Tensor]:
        drives = self.input_conv(video)
        if self.cell.mode == "parallel":
            drives = drives if self.lifted else drives[:, :, None]
            yield from self.cell.run(self.group, self.velocities, state, drives).unbind(1)
            return
        for drive in drives.unbind(1):
            state = self.update(state, drive, psi_1)
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

    def with_velocities(self, velocities) -> FERNN:
        """This network over another V. The weights are shared: both learn when one is trained.

        Args:
            velocities: V, (velocity, axis).

        Raises:
            ValueError: a set of velocities that does not fit the group.

        Example:
            >>> slow = fl.FERNN(fl.Translations(9), fl.translation_velocities(1, ndim=1), 1, 2)
            >>> fast = slow.with_velocities(fl.translation_velocities(3, ndim=1))
            >>> fast(torch.rand(1, 4, 1, 9)).shape[2], fast.state_conv.weight is slow.state_conv.weight
            (7, True)
        """
        shared = {id(p): p for p in self.parameters()}
        other = copy.deepcopy(self, {**shared, id(self.group): self.group})
        other.velocities = velocity_set(self.group, velocities).to(self.velocities.device)
        for layer in other.modules():
            if isinstance(layer, VelocityConvolution | SeparableMixing):
                layer.set_velocities(other.velocities)
        return other

    def _load_from_state_dict(self, state_dict, prefix, metadata, strict, missing, odd, errors):
        """Weights of a network over another V load into this one only if V is the same: with all names
        and shapes alike it would compute something else."""
        there = state_dict.get(prefix + "velocities")
        if there is not None and not torch.equal(there.to(self.velocities), self.velocities):
            errors.append(
                f"{prefix}velocities: the weights are those of a network over V = {there.tolist()}, this "
                f"one has V = {self.velocities.tolist()}: load them into a network over their own V, then "
                "take network.with_velocities(V)"
            )
            state_dict = {k: v for k, v in state_dict.items() if k != prefix + "velocities"}
            state_dict[prefix + "velocities"] = self.velocities
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, odd, errors)

    def extra_repr(self) -> str:
        V = self.velocities.tolist()
        some = f"{V[0]}" if len(V) == 1 else f"{V[0]} ... {V[-1]}"
        return f"{self.group}, {len(V)} {'velocity' if len(V) == 1 else 'velocities'} {some}"


class GRNN(FERNN):
    """Group equivariant recurrent network: a FERNN whose only velocity is 0, so nothing flows.

        h_t = cell( h_{t-1}, U * f_t ),   with the paper's cell   sigma( U * f_t + W * h_{t-1} )

    Equivariant to every static g, h_t[g.f] = g.h_t[f], but not to flows (chapter "The G-RNN
    fails"). Arguments as for `FERNN`; states have one velocity.

    Example:
        >>> fl.GRNN(fl.Translations(8), hidden_channels=4)(torch.rand(2, 5, 1, 8)).shape
        torch.Size([2, 5, 1, 4, 8])
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

    Example:
        >>> ring, V = fl.Translations(7), fl.translation_velocities(1, ndim=1)
        >>> group_averaging(fl.GRNN(ring, 1, 2), torch.rand(3, 4, 1, 7), V).shape
        torch.Size([3, 4, 3, 2, 7])
    """
    states = []
    for v in velocity_set(rnn.group, velocities).to(video.device):
        still = rnn(flow_video(rnn.group, video, -v))[:, :, 0]
        states.append(flow_video(rnn.group, still, v, lifted=True))
    return torch.stack(states, 2)
