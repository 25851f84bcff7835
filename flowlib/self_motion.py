"""Networks that know how they move themselves: their memory moves against the step of the camera.

Code name      symbol        what it is
camera         c_t           the steps of the camera, as it feels them itself: "one to my right"
-              kappa_t       where the camera stands, kappa_t = kappa_{t-1} c_t, kappa_0 = e
-              F_t           the world; the camera sees f_t = kappa_t^-1.F_t
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from flowlib.checks import check_signal
from flowlib.edges import middle
from flowlib.models import Forecaster


class SelfMotion(nn.Module):
    """A recurrent network that is told the steps of its camera, and moves its memory against them.

        h_t(v) = cell( c_t^-1.[psi_1(u).h_{t-1}(u)], U * f_t ),   u = c_t v c_t^-1,   h_{-1} = 0

    Memories flow on, each with its own velocity, and then all of them move by c_t^-1, as the world does
    in the eyes of the camera. Where c_t and v commute, u is v and the move is c_t^-1 psi_1(v); where they
    do not, as when the camera turns, velocity channels change places too.

    Law: the state is that of `rnn` standing still and watching the same frames where they were seen,
    h_t[f; c](v) = kappa_t^-1.h_t[kappa.f](kappa_t v kappa_t^-1), for any path of the camera. It is exact
    where the steps permute the points of the grid.

    Args:
        rnn: a `FERNN`, a `GRNN` or a `Stack`.

    Source: Lillemark et al. 2026 (arXiv 2601.01075), for steps that commute with velocities.

    Example: a camera that moves to the right sees a light that stands still move to the left.
        >>> ring = fl.Translations(6)
        >>> light = torch.eye(6)[3].double().reshape(1, 1, 6)
        >>> camera = torch.tensor([[[1], [2], [-1]]])
        >>> seen = fl.flow(ring, light, path=-camera)
        >>> rnn = fl.GRNN(ring, 1, 1, kernel_size=1).double().requires_grad_(False)
        >>> for layer in (rnn.input_conv, rnn.state_conv):
        ...     _ = layer.weight.fill_(1)
        >>> fl.SelfMotion(rnn)(seen, camera)[0, :, 0, 0].tolist()[-1]
        [0.0, 4.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, rnn: nn.Module):
        super().__init__()
        self.rnn, self.group = rnn, rnn.group

    def forward(
        self,
        video: Float[Tensor, "batch time *frame"],
        camera: Shaped[Tensor, "batch step axis"],
        state=None,
    ) -> Float[Tensor, "batch time velocity channel *group"]:
        """The hidden state after every frame.

        Args:
            video: (batch, time, channel, *grid), what the camera sees.
            camera: c_t, elements of the group, (batch, time - 1, dim): one step from each frame to the
                next; with a `state`, (batch, time, dim), the first one leading to the first frame.
            state: the state after an earlier frame, to go on from.

        Raises:
            ValueError: a video, or a state, that the network does not take; another number of steps, or
                a step that turns a velocity of V into one that is not there.
        """
        check_signal("video", video, "batch time channel", self.group.grid)
        wanted = (len(video), video.shape[1] - (state is None), self.group.dim)
        if tuple(camera.shape) != wanted:
            raise ValueError(f"camera has shape {tuple(camera.shape)}: it wants {wanted}")
        if state is None:  # a step of a memory that is empty
            state, first = (
                self.rnn.initial_state(len(video)),
                camera.new_zeros(wanted[0], 1, wanted[2]),
            )
            camera = torch.cat([first, camera], 1)
        else:
            self.rnn.check_state(state)
        states = []
        for frame, move in zip(video.unbind(1), self.moves(camera, video), strict=True):
            state = self.step(state, frame, move)
            states.append(self.rnn.output(state))
        return torch.stack(states, 1)

    def moves(self, camera: Shaped[Tensor, "batch step axis"], like: Tensor) -> list[tuple]:
        """What each step does to a state, ready for use: which channel u each v reads, None for
        itself, and by what it moves.

        Raises:
            ValueError: V does not hold some u.
        """
        group, V = self.group, self.rnn.velocities
        c = group.element(camera, device=V.device)[..., None, :]  # (batch, step, 1, axis)
        back, V = group.inverse(c), group.exp(V, 1)
        read = group.same(group.product(group.product(c, V), back)[..., None, :], V)
        if not read.any(-1).all():
            raise ValueError(
                "a step of the camera turns a velocity of V into one that is not in V: it wants a V that "
                "keeps to itself, such as all translations up to a radius for quarter turns"
            )
        read, by = read.int().argmax(-1), group.product(V, back)[..., None, :]
        still = torch.equal(read, torch.arange(V.shape[0], device=V.device).expand_as(read))
        return [
            (None if still else u, group.prepare(g, like))
            for u, g in zip(read.unbind(1), by.unbind(1), strict=True)
        ]

    def step(self, state, frame: Tensor, move: tuple):
        """h_t from h_{t-1}, frame f_t and one of the `moves`."""
        return self.rnn.step(self._read(state, move[0]), frame, move[1])

    def flow_on(self, state, move: tuple) -> Tensor:
        """The state as it will stand when the camera has taken its next step, with no new input."""
        return self.rnn.flow_on(self._read(state, move[0]), move[1])

    def _read(self, state, channel: Tensor | None):
        if channel is None:
            return state
        if isinstance(state, tuple):  # of a stack
            return tuple(self._read(layer, channel) for layer in state)
        return state[torch.arange(len(state), device=state.device)[:, None], channel]


class WindowForecaster(Forecaster):
    """Sees the world through a window that moves, and says what the window will see on its way.

    The memory is as large as the world, and the window is its middle. There a frame comes in,

        h_t(v) = cell( moved, U * f_t ),   moved = c_t^-1.[psi_1(v).h_{t-1}(v)]   where the window sees,
        h_t(v) = moved                                                            elsewhere,

    so that what leaves the window stays as it was, moves on, and returns where it should. After the
    context the network closes its eyes: nothing is seen any more, and the memory moves on with the steps
    that the camera is going to take.

    Args:
        rnn: a `FERNN` or a `GRNN`.
        window: the shape of what is seen, not larger than the grid of the group.
        decoder_layers: see `Forecaster`.

    Raises:
        ValueError: a window that does not fit into the world.

    Example:
        >>> world, V = fl.Translations((9, 9)), fl.translation_velocities(1)
        >>> model = fl.WindowForecaster(fl.FERNN(world, V, 1, 4), (5, 5))
        >>> camera = torch.randint(-1, 2, (3, 4 + 6, 2))  # 4 between 5 frames, 6 to come
        >>> model(torch.rand(3, 5, 1, 5, 5), camera).shape
        torch.Size([3, 6, 1, 5, 5])
    """

    def __init__(self, rnn: nn.Module, window: tuple[int, ...], decoder_layers: int = 4):
        super().__init__(rnn, decoder_layers)
        self.middle = middle(rnn.group.grid, window)
        self.motion, self.window = SelfMotion(rnn), tuple(window)

    def see(self, state: Tensor, frame: Tensor, move: tuple) -> Tensor:
        """h_t from h_{t-1}, the frame in the window, (batch, channel, *window), and one of the `moves`
        of `SelfMotion`."""
        laid = frame.new_zeros(*frame.shape[:2], *self.group.grid)
        laid[self.middle] = frame
        h = self.motion.flow_on(state, move).clone()
        h[self.middle] = self.motion.step(state, laid, move)[self.middle]
        return h

    def believe(self, state: Tensor) -> Float[Tensor, "batch channel *grid"]:
        """The world as the network believes it to be, inside the window and outside of it."""
        return self.group.project(self.decoder(self.pool(state)))

    def forward(
        self,
        context: Float[Tensor, "batch time channel *window"],
        camera: Shaped[Tensor, "batch step axis"],
    ) -> Float[Tensor, "batch ahead channel *window"]:
        """What the window will see.

        Args:
            context: (batch, time, channel, *window).
            camera: c_t, (batch, time - 1 + ahead, dim): the steps between the frames of the context, and
                those to come, one for each frame to forecast.

        Raises:
            ValueError: a context that the network does not take, or no step to come.
        """
        check_signal("context", context, "batch time channel", self.window)
        if camera.ndim != 3 or len(camera) != len(context) or camera.shape[1] < context.shape[1]:
            raise ValueError(
                f"camera has shape {tuple(camera.shape)}, the context {tuple(context.shape)}: it wants "
                "(batch, time - 1 + ahead, dim), with one step ahead or more"
            )
        state = self.rnn.initial_state(len(context))
        moves = self.motion.moves(camera, context)
        moves, frames = [moves[0], *moves], context.unbind(1)  # the first moves an empty memory
        for frame, move in zip(frames, moves, strict=False):
            state = self.see(state, frame, move)
        ahead = []
        for move in moves[len(frames) :]:
            state = self.motion.flow_on(state, move)
            ahead.append(self.believe(state)[self.middle])
        return torch.stack(ahead, 1)
