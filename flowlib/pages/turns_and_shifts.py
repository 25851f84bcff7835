"""A group that does not commute, for the chapters on turning cameras."""

from __future__ import annotations

import torch

from flowlib.groups import Group

_HALF = torch.tensor([[[1, 0], [0, 1]], [[0, -1], [1, 0]]])
QUARTERS = torch.cat([_HALF, -_HALF])  # the matrix of k quarter turns of (y, x)


class TurnsAndShifts(Group):
    """x -> R^k x + s on a torus of n x n pixels, x seen from its centre: quarter turns and shifts, p4.

    An element is (k, s_y, s_x): first k quarter turns, counter-clockwise, then the shift. A signal on the
    group is one on the pixels: kernels look alike in four directions.

    Args:
        n: pixels along each side.

    Example: a turn first, or the shift first.
        >>> square, turn, right = TurnsAndShifts(5), torch.tensor([1, 0, 0]), torch.tensor([0, 0, 1])
        >>> square.product(right, turn).tolist(), square.product(turn, right).tolist()
        ([1, 0, 1], [1, 4, 0])
    """

    def __init__(self, n):
        super().__init__((n, n), dim=3, period=(4, n, n), permutes=True)
        self.n, axis = n, torch.arange(n) - n // 2
        self.places = torch.cartesian_prod(axis, axis).T  # (2, n * n)

    def product(self, g, h):
        g, h = self.element(g), self.element(h)
        turned = (QUARTERS[g[..., 0] % 4] @ h[..., 1:, None])[..., 0]
        turn = (g[..., :1] + h[..., :1]).expand(*turned.shape[:-1], 1)
        both = torch.cat([turn, g[..., 1:] + turned], -1)
        return self._reduced(both)

    def inverse(self, g):
        g = self.element(g)
        back = (QUARTERS[-g[..., 0] % 4] @ g[..., 1:, None])[..., 0]
        return self._reduced(torch.cat([-g[..., :1], -back], -1))

    def act(self, g, signal):
        g = self.element(g)
        back = QUARTERS[-g[..., 0] % 4] @ (self.places - g[..., 1:, None])
        y, x = ((back + self.n // 2) % self.n).unbind(-2)
        at, flat = y * self.n + x, signal.flatten(-2)
        lead = torch.broadcast_shapes(at.shape[:-1], flat.shape[:-1])
        flat, at = flat.expand(*lead, -1), at.expand(*lead, -1)
        return flat.gather(-1, at).unflatten(-1, self.grid)

    act_lifted = act

    def kernel_shape(self, size, lifting):
        return (size, size)

    def kernel(self, weight, size):  # alike in four directions
        return sum(weight.rot90(k, (-2, -1)) for k in range(4)) / 4
