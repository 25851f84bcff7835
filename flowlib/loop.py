"""The loop over time, which all recurrent networks share."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from flowlib.checks import check_dtype, check_signal
from flowlib.mixing import ExactBuffers


class Recurrent(ExactBuffers):
    """What `FERNN` and `Stack` share: the loop over time."""

    def forward(
        self, video: Float[Tensor, "batch time *frame"], state=None
    ) -> Float[Tensor, "batch time velocity channel *group"]:
        """The hidden state after every frame.

        Args:
            video: (batch, time, channel, *grid), one frame at least, no NaN; for a lifted layer
                (batch, time, velocity, channel, *group).
            state: h_{-1}, to go on from; none means zero.

        Returns:
            (batch, time, velocity, channel, *group); entry t is h_t.

        Raises:
            ValueError: a video or a state of another shape or type, with no frame, or with NaN.
        """
        return torch.stack([self.output(h) for h in self.states(video, state)], 1)

    def states(self, video: Tensor, state=None) -> Iterator:
        """The state after every frame, one after the other, without the copy that a stack of all of
        them is. Arguments as for `forward`; the input is checked before the first one is asked for."""
        return self._loop(video, self._start(video, state), self.psi_1(video))

    def last(self, video: Tensor, state=None):
        """The state after the last frame. Arguments as for `forward`.

        With checkpoint_every = k only the states after every k-th frame are kept for the backward
        pass, the others are computed once more: k of about sqrt(time) keeps O(sqrt(time)) of them.
        """
        state, psi_1 = self._start(video, state), self.psi_1(video)
        k = self.checkpoint_every or video.shape[1]
        for part in video.split(k, 1):
            if self.checkpoint_every and torch.is_grad_enabled():
                state = checkpoint(self._end, part, state, psi_1, use_reentrant=False)
            else:
                state = self._end(part, state, psi_1)
        return state

    def _start(self, video: Tensor, state):
        """The state before the first frame, once the input is found to be right."""
        shape, lead = self.group.grid, "batch time channel"
        if self.lifted:
            shape, lead = self.group.shape, "batch time velocity channel"
        check_dtype("video", video, next(self.parameters()))
        check_signal("video", video, lead, shape)
        if state is None:
            return self._before(len(video))
        self.check_state(state)
        return state

    def _end(self, video: Tensor, state, psi_1):
        for after in self._loop(video, state, psi_1):
            state = after
        return state
