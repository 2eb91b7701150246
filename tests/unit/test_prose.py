"""Raw names put into words."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irm_bench.presentation.prose import curly, in_words

LABELS = {
    "plug_in": "plug-in",
    "train_risk": "mean squared error, training",
    "vrex": "V-REx",
    "irm": "IRM",
    "oracle": "oracle",
    "coral": "matching (CORAL)",
}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("correlation of Z_j at σ=0.1", "correlation of Zⱼ at σ = 0.1"),
        ("those of 1e-05 at 2.5e-06", "those of 10⁻⁵ at 2.5 × 10⁻⁶"),
        ("mean |weight| of Z, IRM (plug_in)", "mean |weight| of Z, IRM (plug-in)"),
        ("train_risk, penalty and phi_2", "mean squared error, training, penalty and φ₂"),
        ("phi_z where gamma=-4", "φ(Z) where γ = −4"),
        ("X_12", "X₁₂"),
        ("the 'best possible' error isn't", "the ‘best possible’ error isn’t"),
        ('the seeds\' "own" ends.', "the seeds’ “own” ends."),
        ("sample_size", "sample size"),
        ("vrex on example_1, then irm.", "V-REx on example 1, then IRM."),
        (
            "the oracle, a coral, irm.py and methods/irm",
            "the oracle, a coral, irm.py and methods/irm",
        ),
    ],
)
def test_names_become_words(raw: str, words: str) -> None:
    assert in_words(raw, LABELS) == words


@given(st.text(string.ascii_letters + string.digits + " _'\".,;=()-σφ"))
def test_what_is_in_words_stays_so_and_has_no_straight_quotes(text: str) -> None:
    words = in_words(text)
    assert not set("'\"") & set(words)
    assert curly(words) == words
