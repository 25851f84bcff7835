"""A cell that is linear in its memory, so that a whole video can be done at once: a scan.

    h_t(v, .) = a_t [psi_1(v).h_{t-1}(v, .)] + b_t,      a_t and b_t made of frame t alone

Seen from the frame of reference of its channel, k_t(v) = psi_t(v)^-1.h_t(v), nothing is carried along
any more: each number has a recurrence of its own,

    k_t = (psi_t(v)^-1.a_t) k_{t-1} + psi_t(v)^-1.b_t,

and two frames in a row are one frame of the same kind: T frames take about 2 log2(T) steps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.cells import Cell, check_memory
from flowlib.convolution import sum_to


class ScanCell(Cell):
    """A cell that is linear in the state: gates and inputs come from the frame alone.

        e = sigma( U * f_t ),   a_t = s( A * e + beta ),   b_t = B * e,   s the logistic function
        h_t = a_t moved + b_t

    The convolutions A and B run once a frame and not once a velocity: what grows with V is a move, a
    product and a sum. What it gives up is a nonlinear memory. Layers of it in a `Stack` bring depth: there
    the gates of the second layer know the states of the first, each velocity its own.

    Args:
        convolution, channels: see `Cell`.
        nonlinearity: sigma.
        memory: the share a that an untrained cell keeps of the state, in (0, 1); beta starts there.
        mode: "sequential" goes frame by frame; "parallel" does all frames at once in about 2 log2(time)
            steps, and holds gates, inputs and states of all of them. Both are the same up to rounding
            where the motions permute the points of the grid; else they differ by what interpolation loses.

    Raises:
        ValueError: memory outside of (0, 1), another mode, or a network that mixes velocities: then the
            recurrence is no longer one for each number.

    Source: promised in the discussion of Keller 2025; gates that know the input alone as in Martin & Cundy
    2018 and Gu & Dao 2023 (Mamba).

    Example:
        >>> torus, V = fl.Translations((6, 6)), fl.translation_velocities(1)
        >>> rnn = fl.FERNN(torus, V, 1, 4, cell=fl.ScanCell)
        >>> rnn(torch.rand(2, 5, 1, 6, 6)).shape
        torch.Size([2, 5, 9, 4, 6, 6])
    """

    mixes = False

    def __init__(
        self,
        convolution: Callable[[int, int], nn.Module],
        channels: int,
        nonlinearity: Callable[[Tensor], Tensor] = torch.relu,
        memory: float = 0.9,
        mode: str = "sequential",
    ):
        super().__init__(channels)
        check_memory(memory, inside=True)
        if mode not in ("sequential", "parallel"):
            raise ValueError(f"mode is {mode!r}: it wants 'sequential' or 'parallel'")
        self.nonlinearity, self.mode = nonlinearity, mode
        self.gates = convolution(channels, 2 * channels)  # A and B, one above the other
        self.bias = nn.Parameter(torch.logit(torch.full((channels,), float(memory))))

    def gate(
        self, drive: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """a_t and b_t of lifted frames U * f_t, all three (*lead, channel, *group)."""
        a, b = self.gates(self.nonlinearity(drive)).chunk(2, dim=-1 - len(self.gates.group.shape))
        bias = self.bias.reshape(-1, *[1] * len(self.gates.group.shape))
        return torch.sigmoid(a + bias), b

    def forward(self, moved: Tensor, drive: Tensor) -> Tensor:
        """a_t moved + b_t."""
        return _keep(*self.gate(drive), moved)

    def run(
        self,
        group,
        velocities: Tensor,
        state: Float[Tensor, "batch velocity channel *group"],
        drives: Float[Tensor, "batch time _ channel *group"],
    ) -> Float[Tensor, "batch time velocity channel *group"]:
        """The states after all frames at once, in the frames of reference of the channels.

        Args:
            group: acts on the states.
            velocities: V.
            state: h_{-1}.
            drives: the lifted frames; their velocity axis has size 1 where they are the same for all.
        """
        t = torch.arange(drives.shape[1], device=drives.device)[:, None, None]
        here = group.exp(velocities, t)[:, :, None]  # psi_t(v), (time, velocity, 1, dim)
        a, b = (group.act_lifted(group.inverse(here), gate) for gate in self.gate(drives))
        start = group.act_lifted(group.exp(velocities, 1)[:, None], state)  # k_{-1}
        b = torch.cat([torch.addcmul(b[:, 0], a[:, 0], start)[:, None], b[:, 1:]], 1)
        return group.act_lifted(here, linear_scan(a, b))

    def extra_repr(self) -> str:
        return f"{self.channels} channels, {self.mode}"


def linear_scan(
    gates: Float[Tensor, "batch time *rest"], inputs: Float[Tensor, "batch time *rest"]
) -> Float[Tensor, "batch time *rest"]:
    """h_t = a_t h_{t-1} + b_t with h_{-1} = 0, number by number, in at most 2 log2(time) steps.

    Two steps are one, h_{t+1} = (a_{t+1} a_t) h_{t-1} + (a_{t+1} b_t + b_{t+1}): so every second state is
    a scan of half the length, and the states between follow from those. Nothing is divided, so gates may
    be 0.

    Source: Blelloch 1990.

    Example:
        >>> linear_scan(torch.tensor([[2.0, 2.0, 0.0, 2.0]]), torch.ones(1, 4))
        tensor([[1., 3., 1., 3.]])
    """
    time = inputs.shape[1]
    if time == 1:
        return inputs
    a, b = gates[:, 1::2], inputs[:, 1::2]  # of times 1, 3, 5, ...
    before_a, before_b = gates[:, :-1:2], inputs[:, :-1:2]
    odd = linear_scan(a * before_a, torch.addcmul(b, a, before_b))
    later = torch.addcmul(inputs[:, 2::2], gates[:, 2::2], odd[:, : (time - 1) // 2])
    even = torch.cat([inputs[:, :1], later], 1)
    result = torch.stack([even[:, : odd.shape[1]], odd], 2).flatten(1, 2)
    return result if time % 2 == 0 else torch.cat([result, even[:, -1:]], 1)


def _keep(a: Tensor, b: Tensor, moved: Tensor) -> Tensor:
    """a moved + b."""
    if torch.compiler.is_compiling():
        return torch.addcmul(b, a, moved)
    return _Keep.apply(a, b, moved)


class _Keep(torch.autograd.Function):
    """a h + b, whose gradients go through memory as seldom as they can: that is what this cell costs."""

    @staticmethod
    def forward(a, b, h):
        return torch.addcmul(b, a, h)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, b, h = inputs
        ctx.added = a.shape, b.shape
        ctx.save_for_backward(a, h)
        ctx.save_for_forward(a, h)

    @staticmethod
    def backward(ctx, gradient):
        (a, h), axes = ctx.saved_tensors, gradient.ndim - 3
        product = gradient * h
        of_a, of_b = (
            sum_to(s, x, axes) for s, x in zip(ctx.added, (product, gradient), strict=True)
        )
        # The product is still wanted if there will be second gradients, or if it is of_a itself.
        wanted = torch.is_grad_enabled() or a.shape == product.shape
        return of_a, of_b, torch.mul(gradient, a, out=None if wanted else product)

    @staticmethod
    def jvp(ctx, of_a, of_b, of_h):
        a, h = ctx.saved_tensors
        return of_a * h + a * of_h + of_b
