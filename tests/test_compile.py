"""Compiled and exported models, in a process of their own: the shape checks of the tests, which are
written in Python, would break the graph."""

import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 7),
    reason="torch compiles a FERNN in one graph, and exports it, from 2.7 on",
)
SCRIPT = """
import torch
import flowlib as fl

torch.manual_seed(0)
torch.set_num_threads(1)
V, video = fl.translation_velocities(1), torch.rand(2, 3, 1, 5, 6)
for options in {options}:
    model = fl.Forecaster(fl.FERNN(fl.Translations((5, 6)), V, 1, 2, **options), 1)
    compiled = torch.compile(model, fullgraph=True, backend="{backend}")
    for net in (model, compiled):
        net(video, 2).square().sum().backward()
        gradients = [p.grad.clone() for p in model.parameters()]
        model.zero_grad()
        if net is model:
            wanted = model(video, 2), gradients
    torch.testing.assert_close((compiled(video, 2), gradients), wanted)
    exported = torch.export.export(model.rnn, (video,)).module()
    torch.testing.assert_close(exported(video), model.rnn(video))
print("done")
"""


def run(options, backend):
    script = SCRIPT.format(options=options, backend=backend)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.endswith("done\n"), done.stderr


def test_no_graph_breaks():
    run("[{}]", "aot_eager")


@pytest.mark.slow
def test_no_graph_breaks_with_any_cell_or_mixing():
    mixing = "dict(velocity_mixing=1), dict(velocity_mixing=1, separable=True)"
    run(f"[dict(cell=fl.GatedCell), dict(cell=fl.ScanCell), {mixing}]", "aot_eager")


@pytest.mark.slow
def test_compiled_by_inductor():
    run("[{}]", "inductor")


def test_an_exported_program_runs_without_flowlib(tmp_path):
    """And gives the numbers that it gave here."""
    make = "import torch, flowlib as fl; torch.manual_seed(0); video = torch.rand(1, 3, 1, 5, 6); "
    make += "rnn = fl.FERNN(fl.Translations((5, 6)), fl.translation_velocities(1), 1, 2); "
    make += "torch.export.save(torch.export.export(rnn, (video,)), 'rnn.pt2'); "
    make += "torch.save((video, rnn(video).detach()), 'numbers.pt')"
    use = "import sys; sys.modules['flowlib'] = None; import torch; "
    use += "video, states = torch.load('numbers.pt'); "
    use += "torch.testing.assert_close(torch.export.load('rnn.pt2').module()(video), states)"
    for script in (make, use):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
