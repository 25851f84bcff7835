"""flowlib: flow equivariant recurrent networks, small enough to read.

    import flowlib as fl

    torus = fl.Translations((28, 28))
    V = fl.translation_velocities(radius=2)
    rnn = fl.FERNN(torus, V, in_channels=1, hidden_channels=32)
    states = rnn(video)  # (batch, time, velocity, channel, height, width)

The rooms, each reading only those before it: sampling, groups, rotations, flows, equivariance, laws,
measurement, convolution, recurrent, models; then data, training, experiments, ledger; plots and
widgets know only tensors.
"""

from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.equivariance import equivariance_error, flow_equivariance_error, velocity_pairs
from flowlib.flows import (
    flow,
    flow_video,
    rotation_velocities,
    translation_velocities,
    velocity_index,
)
from flowlib.groups import Translations
from flowlib.laws import (
    LawBroken,
    check_action,
    check_equivariance,
    check_flow,
    check_flow_equivariance,
    check_group,
    check_invariance,
)
from flowlib.models import Classifier, Forecaster, FrameEncoder
from flowlib.recurrent import FERNN, GRNN, group_averaging
from flowlib.rotations import Rotations

__version__ = "0.1.0"

__all__ = [
    "FERNN",
    "GRNN",
    "Classifier",
    "Forecaster",
    "FrameEncoder",
    "GroupConvolution",
    "LawBroken",
    "LiftingConvolution",
    "Rotations",
    "Translations",
    "check_action",
    "check_equivariance",
    "check_flow",
    "check_flow_equivariance",
    "check_group",
    "check_invariance",
    "equivariance_error",
    "flow",
    "flow_equivariance_error",
    "flow_video",
    "group_averaging",
    "rotation_velocities",
    "translation_velocities",
    "velocity_index",
    "velocity_pairs",
]
