"""flowlib: flow equivariant recurrent networks, small enough to read.

    import flowlib as fl

    torus = fl.Translations((28, 28))
    V = fl.translation_velocities(radius=2)
    rnn = fl.FERNN(torus, V, in_channels=1, hidden_channels=32)
    states = rnn(video)  # (batch, time, velocity, channel, height, width)

The rooms of the library, each reading only those before it: checks, groups, translations, sampling,
rotations, flows, equivariance, laws, neighbours, convolution, mixing, cells, loop, recurrent, stack,
models, contract; and past the paper aliasing, scan, predictor, compensation, edges, self_motion,
probes, report, diagnosis. It needs torch, numpy and jaxtyping. Two wings stand on it: `flowlib.lab` makes
results, `flowlib.pages` makes pages.
"""

from flowlib.aliasing import AntiAliased
from flowlib.cells import Cell, ElmanCell, GatedCell
from flowlib.compensation import MotionCompensatedRNN
from flowlib.contract import check_my_group
from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.diagnosis import audit
from flowlib.edges import MarginForecaster
from flowlib.equivariance import equivariance_error, flow_equivariance_error, velocity_pairs
from flowlib.flows import (
    flow,
    flow_video,
    rotation_velocities,
    translation_velocities,
    velocity_index,
)
from flowlib.groups import Group
from flowlib.laws import (
    LawBroken,
    check_action,
    check_equivariance,
    check_flow,
    check_flow_equivariance,
    check_group,
    check_invariance,
)
from flowlib.mixing import SeparableMixing, VelocityConvolution
from flowlib.models import Classifier, Forecaster, FrameEncoder
from flowlib.predictor import (
    CorrelationPredictor,
    FlowPredictor,
    LocalPredictor,
    SoftPredictor,
)
from flowlib.recurrent import FERNN, GRNN, group_averaging
from flowlib.report import Report
from flowlib.rotations import Rotations
from flowlib.scan import ScanCell, linear_scan
from flowlib.self_motion import SelfMotion, WindowForecaster
from flowlib.stack import Stack
from flowlib.translations import Translations

__version__ = "0.1.0"

__all__ = [
    "FERNN",
    "GRNN",
    "AntiAliased",
    "Cell",
    "Classifier",
    "CorrelationPredictor",
    "ElmanCell",
    "FlowPredictor",
    "Forecaster",
    "FrameEncoder",
    "GatedCell",
    "Group",
    "GroupConvolution",
    "LawBroken",
    "LiftingConvolution",
    "LocalPredictor",
    "MarginForecaster",
    "MotionCompensatedRNN",
    "Report",
    "Rotations",
    "ScanCell",
    "SelfMotion",
    "SeparableMixing",
    "SoftPredictor",
    "Stack",
    "Translations",
    "VelocityConvolution",
    "WindowForecaster",
    "audit",
    "check_action",
    "check_equivariance",
    "check_flow",
    "check_flow_equivariance",
    "check_group",
    "check_invariance",
    "check_my_group",
    "equivariance_error",
    "flow",
    "flow_equivariance_error",
    "flow_video",
    "group_averaging",
    "linear_scan",
    "rotation_velocities",
    "translation_velocities",
    "velocity_index",
    "velocity_pairs",
]
