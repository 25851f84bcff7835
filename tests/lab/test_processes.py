"""Several processes train what one process trains."""

import pytest
import torch
from lab.launch import several, together
from torch import nn

from flowlib.lab.processes import (
    average_gradient,
    check_model,
    my_part,
    on_rank_0,
    process_group,
    rank,
    rank_0_first,
    world_size,
)
from flowlib.lab.training import OutOfTime, cosine, fit

pytestmark = several
RUN = dict(updates=12, record_every=3, learning_rate=0.1, schedule=cosine, progress=False)


def toy(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def loss(model, number):
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
    x = my_part(x)
    return (model(x) - x.sum(1, keepdim=True)).square().mean()


def validate(model):
    return loss_of_all(model).item()


@torch.no_grad()
def loss_of_all(model):
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    return (model(x) - x.sum(1, keepdim=True)).square().mean()


def in_group(function, *arguments):
    with process_group():
        return function(*arguments)


def trained(seed=0, **options):
    """History and weights of a run, as plain data."""
    called = []

    def noted(model):
        called.append(rank())
        return validate(model)

    model = toy(seed)
    history = fit(model, loss, **RUN | {"validate": noted} | options)
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    return history.loss, history.validation, weights.tolist(), called


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_come_to_the_numbers_of_one(processes):
    """Up to rounding: 2e-16 a sum, times some hundred for 12 updates of Adam."""
    alone = trained()
    found = together(processes, in_group, trained)
    for one in found:
        assert one[:3] == found[0][:3], "all processes hold the same numbers, to the last bit"
    for got, wanted in zip(found[0][:3], alone[:3], strict=True):
        torch.testing.assert_close(torch.tensor(got), torch.tensor(wanted), rtol=1e-12, atol=1e-12)
    assert found[0][0] != alone[0] or found[0][2] != alone[2], "they did add in another order"
    assert [one[3] for one in found] == [[0] * 4] + [[]] * (processes - 1), "rank 0 validates"


def parts():
    batch = torch.arange(8)
    x = nn.Parameter(torch.ones(1))
    model = nn.ParameterList([x])
    value = (my_part(batch) * x).float().mean()
    value.backward()
    return my_part(batch).tolist(), average_gradient(model, value).item(), x.grad.item()


def test_the_mean_over_the_parts_is_the_mean_over_the_batch():
    assert together(2, in_group, parts) == [([0, 1, 2, 3], 3.5, 3.5), ([4, 5, 6, 7], 3.5, 3.5)]
    assert parts() == ([*range(8)], 3.5, 3.5)


def stopped(path):
    try:
        return trained(checkpoint=path, deadline=0.0)
    except OutOfTime as stop:
        return stop


def resumed(processes, path):
    """From other initial weights: those of the checkpoint must reach every process."""

    def again():
        return trained(seed=1, checkpoint=path)

    return together(processes, in_group, again) if processes > 1 else [again()]


def test_a_run_of_two_goes_on_with_one_and_with_two(tmp_path):
    """One file, written by rank 0; who goes on needs not have been there."""
    whole = trained()
    for before, after in ((2, 2), (2, 1), (1, 2)):
        path = tmp_path / f"{before}{after}.pt"
        ends = together(before, in_group, stopped, path) if before > 1 else [stopped(path)]
        assert all(isinstance(end, OutOfTime) for end in ends), ends
        assert [p.name for p in tmp_path.glob(f"{path.name}*")] == [path.name]
        # Other initial weights: those of the checkpoint must reach every process.
        ends = resumed(after, path)
        for end in ends:
            for got, wanted in zip(end[:3], whole[:3], strict=True):
                torch.testing.assert_close(
                    torch.tensor(got), torch.tensor(wanted), rtol=1e-12, atol=1e-12
                )


def test_one_process_says_what_all_do():
    def who():
        return on_rank_0(rank), rank(), world_size(), rank_0_first(rank)

    assert together(2, in_group, who) == [(0, 0, 2, 0), (0, 1, 2, 1)]
    assert who() == (0, 0, 1, 0)

    def fails():
        on_rank_0(int, "seven")

    assert [type(error) for error in together(2, in_group, fails)] == [ValueError] * 2


def test_a_batch_that_does_not_divide(as_users_see_it):
    def three():
        return my_part(torch.ones(8, 2))

    for error in together(3, in_group, three):
        assert str(error) == (
            "the batch is 8, of 3 processes: it wants parts of one size, so take 2 processes, "
            "or a batch of 6 or 9"
        )

    def small():
        return my_part(torch.ones(1, 2))

    for error in together(2, in_group, small):
        assert "take 1 process, or a batch of 2" in str(error)


def test_batch_normalisation_is_refused():
    model = nn.Sequential(nn.Linear(4, 1), nn.BatchNorm1d(1)).double()

    def normalised():
        fit(model, loss, **RUN)

    for error in together(2, in_group, normalised):
        assert isinstance(error, ValueError)
        assert "Sequential has batch normalisation (1)" in str(error) and "2 processes" in str(
            error
        )
    check_model(model)  # one process may
