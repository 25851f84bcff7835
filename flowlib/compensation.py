"""A memory that is moved by a predicted flow: one channel in place of one a velocity."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jaxtyping import Float
from torch import Tensor

from flowlib.predictor import CorrelationPredictor, FlowPredictor
from flowlib.recurrent import GRNN


class MotionCompensatedRNN(GRNN):
    """A G-RNN whose one memory is moved by a predicted flow before it meets the frame.

        h_t = cell( a_t.h_{t-1}, U * f_t ),   a_t = P(f_{t-1}, f_t, h_{t-1}),   h_{-1} = 0

    Flow equivariance: h_t[gamma.f] = gamma_t.h_t[f] for every motion gamma under which the predictor
    obeys its law, whatever its velocities are and however they change, at the cost of one channel. A
    state is a tuple: the memory, the frame last seen, and the motion that led to it. In a forecast the
    next motion is not known: `flow_on` takes the last one, and then the forecast is seen like any frame.

    Args:
        group, in_channels, hidden_channels: as for `GRNN`.
        predictor: `CorrelationPredictor`, `SoftPredictor`, `LocalPredictor`, or a `FlowPredictor` of one's
            own.
        options: as for `GRNN`, without `lifted`: it takes frames, and is no layer of a `Stack`.

    Raises:
        ValueError: lifted=True, or what `GRNN` refuses.

    Source: motion compensation, of video coding; the law is ours.

    Example: a new velocity in every frame.
        >>> ring = fl.Translations(9)
        >>> rnn, video = fl.MotionCompensatedRNN(ring, 1, 4), torch.rand(1, 4, 1, 9)
        >>> path = [[3], [-2], [4]]
        >>> moved, still = rnn(fl.flow_video(ring, video, path=path)), rnn(video)
        >>> torch.allclose(moved[:, :, 0], fl.flow_video(ring, still[:, :, 0], path=path))
        True
    """

    def __init__(
        self,
        group,
        in_channels: int = 1,
        hidden_channels: int = 32,
        predictor: Callable[..., FlowPredictor] = CorrelationPredictor,
        **options,
    ):
        if options.get("lifted"):
            raise ValueError("lifted is True: a flow is predicted from frames, so it wants False")
        super().__init__(group, in_channels, hidden_channels, **options)
        self.predictor = predictor(group, in_channels, hidden_channels)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """No memory, a dark frame, and what is predicted from them."""
        memory = super().initial_state(batch)
        frame = memory.new_zeros(batch, self.in_channels, *self.group.grid)
        return memory, frame, self.predictor(frame, frame, memory)

    def _before(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(part.expand(batch, *part.shape[1:]) for part in self.initial_state(1))

    def step(self, state: tuple, frame: Tensor, psi_1=None) -> tuple[Tensor, Tensor, Tensor]:
        """The state after a frame, (batch, in_channel, *grid); psi_1 is not used."""
        return self._seen(state, frame, self.input_conv(frame))

    def _seen(self, state: tuple, frame: Tensor, drive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        memory, before, _ = state
        motion = self.predictor(before, frame, memory)
        return self.cell(self.predictor.move(motion, memory), drive[:, None]), frame, motion

    def flow_on(self, state: tuple, psi_1=None) -> Float[Tensor, "batch 1 channel *group"]:
        """a_t.h_t: the memory as it will stand in the next frame if the last motion goes on."""
        return self.predictor.go_on(state[2], state[0])

    def output(self, state: tuple) -> Tensor:
        """The memory."""
        return state[0]

    def check_state(self, state: tuple) -> None:
        """Raise a ValueError unless it is a tuple of three whose memory fits."""
        if not isinstance(state, tuple) or len(state) != 3:
            raise ValueError("a state is a tuple: the memory, the last frame and the last motion")
        super().check_state(state[0])

    def with_velocities(self, velocities) -> GRNN:
        """Raises ValueError: its one velocity is predicted."""
        raise ValueError(
            "the velocity is predicted, and V is the predictor's: make another network"
        )

    def _loop(self, video: Tensor, state: tuple, psi_1) -> Iterator[tuple]:
        drives = self.input_conv(video).unbind(1)
        for frame, drive in zip(video.unbind(1), drives, strict=True):
            state = self._seen(state, frame, drive)
            yield state
