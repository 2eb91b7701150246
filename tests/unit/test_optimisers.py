"""Optimisers, step by step against torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from irm_bench.plugins.optimisers import adam, gd

N_STEPS = 60
SHAPES = [(3, 4), (2, 2, 3), (5,)]
# One value a run, within what is in use.
RATES = st.floats(1e-5, 1e-1)


def some_gradients(shape: tuple[int, ...], seed: int) -> Tensor:
    """Gradients (step, …, run) of sizes that differ by weight, none of them nearly 0."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(N_STEPS, *shape))
    return torch.tensor(signs * rng.uniform(0.1, 1, signs.shape) * 10 ** rng.uniform(-2, 2, shape))


def stepped_by_torch(
    start: Tensor, gradients: Tensor, optimiser: type, **options: object
) -> Tensor:
    """Parameters (step, …) of one run by an optimiser of torch, one gradient a step."""
    parameters = torch.nn.Parameter(start.clone())
    stepper = optimiser([parameters], **options)
    path = []
    for gradient in gradients:
        parameters.grad = gradient.clone()
        stepper.step()
        path.append(parameters.detach().clone())
    return torch.stack(path)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), shape=st.sampled_from(SHAPES), seed=st.integers(0, 2**31))
def test_adam_is_torchs_step_by_step(
    data: st.DataObject, shape: tuple[int, ...], seed: int
) -> None:
    """Runs of different parameters in one batch, to 1e-12 of the largest weight."""
    n_runs = shape[-1]
    ranges = {
        "beta1": st.floats(0.0, 0.99),
        # Without a memory of squares a gradient near 0 makes the last digits large, here and there.
        "beta2": st.floats(0.5, 0.999),
        "epsilon": st.floats(1e-10, 1e-4),
        "weight_decay": st.floats(0.0, 0.1),
        "learning_rate": RATES,
    }
    per_run = st.lists(st.fixed_dictionaries(ranges), min_size=n_runs, max_size=n_runs)
    drawn = data.draw(per_run)
    start = torch.tensor(np.random.default_rng(seed + 1).normal(size=shape))
    gradients = some_gradients(shape, seed)
    params = {
        name: torch.tensor([of_run[name] for of_run in drawn], dtype=torch.float64)
        for name in ranges
    }
    rates = params.pop("learning_rate")
    parameters, memory = start, adam.init(start)
    path = []
    for step, gradient in enumerate(gradients):
        parameters, memory = adam.update(parameters, gradient, memory, step, rates, params)
        path.append(parameters)
    found = torch.stack(path)
    for run, of_run in enumerate(drawn):
        expected = stepped_by_torch(
            start[..., run],
            gradients[..., run],
            torch.optim.Adam,
            lr=of_run["learning_rate"],
            betas=(of_run["beta1"], of_run["beta2"]),
            eps=of_run["epsilon"],
            weight_decay=of_run["weight_decay"],
        )
        error = (found[..., run] - expected).abs().max()
        assert error <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_descent_is_torchs_step_by_step(shape: tuple[int, ...]) -> None:
    gradients = some_gradients(shape, 1)
    start = torch.ones(shape, dtype=torch.float64)
    rates = torch.linspace(1e-3, 1e-1, shape[-1], dtype=torch.float64)
    parameters, memory = start, gd.init(start)
    for step, gradient in enumerate(gradients):
        parameters, memory = gd.update(parameters, gradient, memory, step, rates, {})
    for run, rate in enumerate(rates.tolist()):
        expected = stepped_by_torch(start[..., run], gradients[..., run], torch.optim.SGD, lr=rate)
        assert torch.allclose(parameters[..., run], expected[-1], rtol=1e-12, atol=0)


def test_a_long_training_of_adam_stays_torchs() -> None:
    """10,000 steps on a quadratic with the defaults: the powers of β are running products."""
    target = torch.tensor([[3.0], [-2.0]], dtype=torch.float64)
    params = {name: torch.tensor([value]).double() for name, value in adam.PARAMS.items()}
    rate = torch.tensor([1e-3], dtype=torch.float64)
    parameters = torch.zeros(2, 1, dtype=torch.float64)
    memory = adam.init(parameters)
    reference = torch.nn.Parameter(torch.zeros(2, 1, dtype=torch.float64))
    stepper = torch.optim.Adam([reference], lr=1e-3)
    for step in range(10_000):
        gradient = parameters - target
        parameters, memory = adam.update(parameters, gradient, memory, step, rate, params)
        reference.grad = reference.detach() - target
        stepper.step()
    assert torch.allclose(parameters, reference.detach(), rtol=1e-12, atol=0)
    assert (parameters - target).abs().max() < 1e-3
