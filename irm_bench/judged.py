"""Contracts of the tables that compare the results with the notebook and with theory."""

from irm_bench.contract import Contract, columns

PRINTED = Contract(
    "printed",
    "Every number that the notebook prints, beside the 95% prediction interval of one run of ours.",
    columns(
        ("where", "text", "where the number stands in the notebook"),
        ("model", "text", "the notebook's IRM (irm) or standard model (erm), or the data alone"),
        ("quantity", "text", "what the number is; names as in the other tables"),
        ("split", "text", "train or test environments; empty for none"),
        ("sigma", "number", "σ of the environment; empty for none or all"),
        ("step", "integer", "updates made so far; empty for results after training"),
        ("printed", "number", "the number as printed"),
        ("half_unit", "number", "half a unit of its last printed digit"),
        ("compared_with", "text", "which of our runs: method and penalty, and the study"),
        ("n_seeds", "integer", "our runs, diverged ones left out; 0: this config has none"),
        ("n_diverged", "integer", "our runs that diverged"),
        ("mean", "number", "our mean over seeds"),
        ("pi_low", "number", "lower end of the 95% prediction interval of one further run"),
        ("pi_high", "number", "upper end of the 95% prediction interval of one further run"),
        ("inside", "integer", "1: the printed number is inside, to its last digit; 0: it is not"),
    ),
)

CONTRACTS = (PRINTED,)
