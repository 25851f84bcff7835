"""flowlib: flow equivariant recurrent networks, small enough to read.

    import flowlib as fl

    torus = fl.Translations((28, 28))
    V = fl.translation_velocities(radius=2)
    rnn = fl.FERNN(torus, V, in_channels=1, hidden_channels=32)
    states = rnn(video)  # (batch, time, velocity, channel, height, width)

The rooms, each reading only those before it: groups, flows, equivariance, convolution, recurrent,
models; then data, training, experiments, ledger; plots and widgets know only tensors.
"""

from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.equivariance import equivariance_error, flow_equivariance_error, velocity_pairs
from flowlib.flows import flow, flow_video, translation_velocities, velocity_index
from flowlib.groups import Translations
from flowlib.models import Forecaster
from flowlib.recurrent import FERNN, GRNN

__version__ = "0.1.0"

__all__ = [
    "FERNN",
    "GRNN",
    "Forecaster",
    "GroupConvolution",
    "LiftingConvolution",
    "Translations",
    "equivariance_error",
    "flow",
    "flow_equivariance_error",
    "flow_video",
    "translation_velocities",
    "velocity_index",
    "velocity_pairs",
]
