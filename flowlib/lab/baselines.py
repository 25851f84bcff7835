"""What the networks of the book are compared with."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.cells import Cell, check_memory
from flowlib.convolution import GroupConvolution
from flowlib.models import Forecaster
from flowlib.predictor import FlowPredictor
from flowlib.recurrent import FERNN
from flowlib.translations import Translations


class LearnedMotionRNN(FERNN):
    """The baseline that the paper calls G-RNN+: velocity channels, moved by learned filters.

        h_t(v, .) = sigma( U * f_t + W * [K_v * h_{t-1}(v, .)] ),      h_{-1} = 0

    It has the channels of a FERNN, and in place of each flow psi_1(v) a filter K_v of its own, one
    for all hidden channels. A shift by v is such a filter, so it can learn to be a FERNN. It is not
    built as one: nothing is shared between velocities but W, and no flow law holds.

    Args:
        group: translations of a ring or a torus.
        velocities: V; their number is that of the channels, and the largest is the radius of K_v.
        options: as for `FERNN`, without velocity mixing.

    Raises:
        ValueError: another group, velocity mixing, or filters that are larger than the grid.

    Example:
        >>> rnn = LearnedMotionRNN(Translations((6, 6)), [(0, 0), (0, 1)], 1, 4)
        >>> rnn(torch.rand(2, 5, 1, 6, 6)).shape  # (batch, time, velocity, channel, y, x)
        torch.Size([2, 5, 2, 4, 6, 6])
    """

    def __init__(
        self, group, velocities, in_channels: int = 1, hidden_channels: int = 32, **options
    ):
        if not isinstance(group, Translations):
            raise ValueError(f"the group is {group}: learned motion is for Translations")
        if options.get("velocity_mixing"):
            raise ValueError("velocity_mixing is for a FERNN: here it wants 0")
        super().__init__(group, velocities, in_channels, hidden_channels, **options)
        radius = int(self.velocities.abs().max())
        size = [2 * radius + 1] * group.ndim
        if max(size) > min(group.grid):
            raise ValueError(f"filters of {size} are larger than the grid {group.grid}")
        bound = 1 / math.sqrt(math.prod(size))  # as torch draws the weights of a convolution
        self.motion = nn.Parameter(torch.empty(len(self.velocities), *size).uniform_(-bound, bound))

    def flow_on(
        self, state: Float[Tensor, "batch velocity channel *group"], psi_1=None
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """K_v * h_t(v, .): the state as it may stand in the next frame, with no new input.

        One filter a velocity makes a slow convolution, and a fast product of spectra, at least in
        float32: there is no spectrum of half precision on a CPU.
        """
        state, dtype = state.to(torch.promote_types(state.dtype, torch.float32)), state.dtype
        axes = list(range(-self.group.ndim, 0))
        room = [n - k for n, k in zip(self.group.grid, self.motion.shape[1:], strict=True)]
        motion = self.motion.to(state.dtype)
        kernel = F.pad(motion, [pad for n in reversed(room) for pad in (0, n)])
        kernel = kernel.roll([-(k // 2) for k in self.motion.shape[1:]], axes)  # its centre to 0
        spectrum = torch.fft.rfftn(kernel, dim=axes)[:, None] * torch.fft.rfftn(state, dim=axes)
        return torch.fft.irfftn(spectrum, s=self.group.grid, dim=axes).to(dtype)

    def update(
        self,
        state: Float[Tensor, "batch velocity channel *group"],
        drive: Float[Tensor, "batch channel *group"],
        psi_1=None,
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """h_t from h_{t-1} and the lifted frame U * f_t, which is the same for every velocity."""
        return self.cell(self.flow_on(state), drive[:, None])


class LearnedWarp(FlowPredictor):
    """A field of displacements at each place, which convolutions infer, after TrajGRU.

        d_l = D_l * leaky( A * f_t + B * h_{t-1} ),   (a_t.h)(x) = sum over l of C_l h(x - d_l(x))

    Displacements are real, so the memory is interpolated, bilinearly. The field commutes with static
    shifts. That it gains w when the video does is nowhere built in.

    Args:
        group: translations of a torus.
        in_channels, hidden_channels: of a frame and of the memory.
        links: how many displacements each place has.
        features: channels of A and B.

    Raises:
        ValueError: another group.

    Source: Shi et al. 2017 (arXiv 1706.03458), section 3; there the gates of a GRU read the moved memory.

    Example: untrained it hardly moves anything.
        >>> warp = LearnedWarp(Translations((5, 6)), 1, 2)
        >>> h, f = torch.rand(1, 1, 2, 5, 6), torch.rand(1, 1, 5, 6)
        >>> bool((warp.move(warp(f, f, h), h) - h).abs().max() < 0.5)
        True
    """

    def __init__(self, group, in_channels=1, hidden_channels=1, links: int = 4, features: int = 16):
        if not isinstance(group, Translations) or group.ndim != 2:
            raise ValueError(f"the group is {group}: a learned warp is for Translations((H, W))")
        super().__init__(group, in_channels, hidden_channels)
        self.of_frame = GroupConvolution(group, in_channels, features, 5, bias=True)
        self.of_memory = GroupConvolution(group, hidden_channels, features, 5)
        self.field = GroupConvolution(group, features, 2 * links, 5, bias=True)
        self.join = nn.Parameter(torch.eye(hidden_channels).repeat(links, 1, 1) / links)

    def forward(self, before, frame, state) -> Float[Tensor, "batch links axis *grid"]:
        """The displacements, pixels (y, x)."""
        seen = F.leaky_relu(self.of_frame(frame) + self.of_memory(state[:, 0]), 0.2)
        return self.field(seen).unflatten(1, (-1, 2))

    def move(self, motion: Tensor, state: Tensor) -> Float[Tensor, "batch 1 hidden *group"]:
        """The warped memories of all links, joined."""
        size = torch.tensor(self.group.grid, device=motion.device)
        places = torch.stack(torch.meshgrid(*map(torch.arange, self.group.grid), indexing="ij"))
        at = (places.to(motion) - motion).movedim(2, -1) % size  # (batch, link, y, x, axis)
        at = (2 * at / size - 1).flip(-1)  # as grid_sample counts, x first
        memory = F.pad(state[:, 0], (0, 1, 0, 1), mode="circular")
        links = motion.shape[1]
        memory = memory[:, None].expand(-1, links, -1, -1, -1).flatten(0, 1)
        warped = F.grid_sample(memory, at.flatten(0, 1), align_corners=True)
        warped = warped.unflatten(0, (-1, links))
        return torch.einsum("lci,bliyx->bcyx", self.join, warped)[:, None]


class LSTMCell(Cell):
    """The cell of a ConvLSTM: a GRNN with this cell is one. The state holds memory c beside output h.

        i, f, o, n = U * f_t + W * h,      s the logistic function
        c_t = s(f + b) c + s(i) tanh(n),   h_t = s(o) tanh(c_t)

    It commutes with the group, so in a FERNN it obeys the law of flows. There are no peepholes, and a
    head reads both halves of the state.

    Args:
        convolution, channels: see `Cell`; channels is even, a half for h and a half for c.
        memory: the share s(f) that an untrained cell keeps of c, in (0, 1); b starts there.

    Raises:
        ValueError: an odd number of channels, or memory outside of (0, 1).

    Source: Shi et al. 2015 (arXiv 1506.04214), eq. 3.

    Example:
        >>> rnn = FERNN(Translations(7), [[0], [1]], 1, 4, cell=LSTMCell)
        >>> rnn(torch.rand(1, 5, 1, 7)).shape
        torch.Size([1, 5, 2, 4, 7])
    """

    drives = 2

    def __init__(self, convolution, channels: int, memory: float = 0.5):
        super().__init__(channels)
        if channels % 2:
            raise ValueError(
                f"channels is {channels}: a half for h and a half for c, so it is even"
            )
        check_memory(memory, inside=True)
        self.state_conv = convolution(channels // 2, 2 * channels)
        self.bias = nn.Parameter(torch.logit(torch.full((channels // 2,), float(memory))))

    def forward(self, moved: Tensor, drive: Tensor) -> Tensor:
        """h_t and c_t, side by side as channels."""
        h, c = moved.chunk(2, dim=2)
        i, f, o, n = (self.state_conv(h) + drive).chunk(4, dim=2)
        keep = torch.sigmoid(f + self.bias.reshape(-1, *[1] * (moved.ndim - 3)))
        c = keep * c + torch.sigmoid(i) * torch.tanh(n)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], 2)


class PaddedConvLSTM(nn.Module):
    """A ConvLSTM that knows no group: its convolutions end at the rim of the frame, as in most code.

    Called as a `Forecaster`: model(context, steps) gives the frames that follow.

    Args:
        in_channels, channels: of a frame, and of h and c together.
        padding: what is beyond the rim: "zeros", "reflect", "replicate" or "circular".
        decoder_layers: see `Forecaster`.

    Source: Shi et al. 2015 (arXiv 1506.04214), eq. 3, with zeros; no peepholes, as `LSTMCell`.

    Example:
        >>> PaddedConvLSTM(1, 4, "reflect")(torch.rand(2, 5, 1, 7, 6), steps=3).shape
        torch.Size([2, 3, 1, 7, 6])
    """

    def __init__(self, in_channels: int, channels: int, padding: str, decoder_layers: int = 2):
        super().__init__()

        def convolution(inside, outside, bias=False):
            return nn.Conv2d(inside, outside, 3, padding=1, padding_mode=padding, bias=bias)

        self.hidden = channels // 2
        self.gates = convolution(in_channels + self.hidden, 4 * self.hidden, bias=True)
        inside, layers = self.hidden, []
        for _ in range(decoder_layers):
            layers += [convolution(inside, channels), nn.ReLU()]
            inside = channels
        self.decoder = nn.Sequential(*layers, convolution(inside, in_channels))

    def forward(
        self, context: Float[Tensor, "batch time channel height width"], steps: int
    ) -> Float[Tensor, "batch steps channel height width"]:
        """The frames that follow."""
        h = c = context.new_zeros(len(context), self.hidden, *context.shape[-2:])
        frames, ahead = list(context.unbind(1)), []
        for t in range(len(frames) + steps - 1):
            frame = frames[t] if t < len(frames) else ahead[-1]
            i, f, o, n = self.gates(torch.cat([frame, h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(n)
            h = torch.sigmoid(o) * torch.tanh(c)
            if t >= len(frames) - 1:
                ahead.append(self.decoder(h))
        return torch.stack(ahead, 1)


class MeanForecaster(Forecaster):
    """A `Forecaster` that reads the mean over velocities in place of the maximum."""

    def pool(self, state: Tensor) -> Tensor:
        """The mean over V."""
        return state.mean(1)


class TwiceFedForecaster(Forecaster):
    """A `Forecaster` that consumes the last frame of the context twice, as the author's code does."""

    def forward(self, context: Tensor, steps: int) -> Tensor:
        """The `steps` frames that follow the context."""
        return super().forward(torch.cat([context, context[:, -1:]], 1), steps)


class Convolution3d(nn.Module):
    """The 3D-CNN baseline: a video is a box of pixels, time is a third axis, nothing is recurrent.

    Layers of convolution (3 x 3 x 3, borders wrap around in space and are zero in time), batch
    normalisation and ReLU, after the first two of them half the size in space; then the mean over
    time and space, and one linear layer.

    Args:
        in_channels: of a frame.
        channels: of the layers.
        classes: how many.
        layers: how many.

    Example:
        >>> Convolution3d(1, 4, classes=6)(torch.rand(2, 5, 1, 8, 8)).shape
        torch.Size([2, 6])
    """

    def __init__(self, in_channels: int, channels: int, classes: int, layers: int = 4):
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv3d(channels if layer else in_channels, channels, 3, bias=False)
            for layer in range(layers)
        )
        self.norms = nn.ModuleList(nn.BatchNorm3d(channels) for _ in range(layers))
        self.linear = nn.Linear(channels, classes)

    def forward(
        self, video: Float[Tensor, "batch time channel height width"]
    ) -> Float[Tensor, "batch classes"]:
        """The scores of a video, (batch, classes)."""
        x = video.movedim(2, 1)
        for number, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            x = F.pad(F.pad(x, (1, 1, 1, 1, 0, 0), mode="circular"), (0, 0, 0, 0, 1, 1))
            x = norm(convolution(x)).relu()
            x = F.avg_pool3d(x, (1, 2, 2)) if number < 2 else x
        return self.linear(x.flatten(2).mean(2))
