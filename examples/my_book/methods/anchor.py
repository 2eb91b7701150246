"""Anchor regression with environments as anchors: residuals' means count γ-fold."""

import torch

LABEL = "anchor regression"
REFERENCE = "Rothenhäusler et al. 2021, equation 5"
PARAMS = {"gamma_anchor": 2.0}
# What a method asks for besides second moments.
NEEDS = ("means",)
LOSSES = ("squared",)


def fit(problem):
    """φ (d, run) in closed form: nothing is stepped."""
    means, target_means = problem.means[:-1], problem.means[-1]  # (d, pair) and (pair,)
    extra = problem.spread(problem.params["gamma_anchor"] - 1)
    gram = problem.moments.gram + extra * means[:, None] * means[None, :]
    cross = problem.moments.cross + extra * means * target_means
    grams = problem.slots.total(gram).permute(2, 0, 1)  # (run, d, d)
    crosses = problem.slots.total(cross).T  # (run, d)
    return torch.linalg.solve(grams, crosses).T
