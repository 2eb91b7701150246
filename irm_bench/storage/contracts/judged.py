"""Contracts of the tables that compare the results with the book's numbers, and of the claims."""

from dataclasses import replace

from irm_bench.config.layout import Layout
from irm_bench.storage.contracts import WHOLE, Contract, columns, mains, names


def _printed(layout: Layout) -> Contract:
    return Contract(
        "printed",
        "Every number that the source prints, beside a 95% prediction interval of one run of ours.",
        columns(
            ("where", "text", "where the number stands in the source"),
            (
                "model",
                "text",
                "which model of the source it is of, or the data alone",
            ),
            ("quantity", "text", "what the number is; names as in the other tables"),
            ("split", "text", "train or test environments; empty for none"),
            *(
                (name, kind, f"{name} of the environment; empty for none or all")
                for name, kind in layout.main_parameters
            ),
            ("step", "integer", "updates made so far; empty for results after training"),
            ("printed", "number", "the number as printed"),
            ("half_unit", "number", "half a unit of its last printed digit"),
            ("compared_with", "text", "which of our runs: method and penalty, and the study"),
            ("n_seeds", "integer", "our runs, diverged ones left out; 0: this config has none"),
            ("n_diverged", "integer", "our runs that diverged"),
            ("mean", "number", "our mean over seeds"),
            ("pi_low", "number", "lower end of the 95% prediction interval of one further run"),
            ("pi_high", "number", "upper end of the 95% prediction interval of one further run"),
            (
                "inside",
                "integer",
                "1: the printed number is inside, to its last digit; 0: it is not",
            ),
        ),
        apart=("where", "model", "quantity", "split", *names(mains(layout)), "step"),
    )


def _source(layout: Layout) -> Contract:
    return _repeated(layout) if layout.has_repeated_source else _printed(layout)


def _repeated(layout: Layout) -> Contract:
    cell: list[tuple[str, str, str]] = []
    if layout.counts_environments:
        averaged = "parameter of the environment; empty: the mean over the test environments"
        cell.append(("n_samples", "integer", "rows of each training environment"))
        cell.append(("n_environments", "integer", "how many training environments there are"))
        cell += [(name, kind, averaged) for name, kind in layout.main_parameters]
    return Contract(
        "printed",
        "Statistics of the source's own runs beside the same statistics of ours.",
        columns(
            ("where", "text", "where the source's runs stand"),
            ("model", "text", "which model of the source it is of"),
            *((name, kind, "option of the data model") for name, kind in layout.options),
            *cell,
            ("quantity", "text", "what is summarised; names as in the other tables"),
            ("statistic", "text", "mean, sd (ddof = 1) or median over runs"),
            ("printed", "number", "the source's"),
            ("standard_error", "number", "its bootstrap standard error"),
            ("n", "integer", "runs of the source"),
            ("half_unit", "number", "half a unit of the last digit that the source prints"),
            ("n_seeds", "integer", "our runs, diverged ones left out; 0: this config has none"),
            ("n_diverged", "integer", "our runs that diverged"),
            ("ours", "number", "ours"),
            ("our_error", "number", "its bootstrap standard error"),
            ("difference", "number", "ours less the source's"),
            ("ci_low", "number", "lower end of the difference's 95% two-sample interval"),
            ("ci_high", "number", "upper end of that interval"),
            ("inside", "integer", "1: the interval holds 0; 0: it does not"),
            ("p_value", "number", "two-sided p value of no difference"),
            ("p_adjusted", "number", "the same after Holm's adjustment over the table"),
        ),
        apart=(
            "where",
            "model",
            *(name for name, _ in layout.options),
            *(name for name, *_ in cell),
            "quantity",
            "statistic",
        ),
    )


VERDICT = "supported, supported within a stated limit, refuted in part, refuted, inconclusive"


CLAIMS = Contract(
    "claims",
    "One row a claim: its verdict, and the estimate that it rests on first.",
    columns(
        ("claim", "text", "file of the book's claims"),
        ("title", "text", "short name"),
        ("kind", "text", "finding; check: an identity, which cannot come out false"),
        ("status", "text", "confirmatory: registered before this run; exploratory; empty: neither"),
        ("family", "text", "family of tests that are adjusted together (Holm)"),
        ("study", "text", "study of the config that it looks at first"),
        ("verdict", "text", VERDICT),
        ("sentence", "text", "the finding in words, composed from the numbers"),
        ("quantity", "text", "what the estimate is"),
        ("estimate", "number", "the estimate"),
        ("ci_low", "number", "lower end of its 95% interval"),
        ("ci_high", "number", "upper end of its 95% interval"),
        ("ci_method", "text", "kind of the interval"),
        ("p_value", "number", "two-sided p value of the estimate's test"),
        ("p_adjusted", "number", "the same after Holm's adjustment over the family"),
        ("margin", "number", "margin or bound of that test"),
        ("truth", "number", "its exact value, where one is known"),
        ("n_seeds", "integer", "seeds behind the estimate"),
        ("n_diverged", "integer", "seeds left out because training diverged"),
        ("single_seed_disagree", "number", "share of seeds whose one run leads to another verdict"),
        ("single_seed_low", "number", "lower end of its 95% Wilson interval"),
        ("single_seed_high", "number", "upper end of its 95% Wilson interval"),
        (
            "single_seed_misled",
            "number",
            "the same of readers who leave open what one run is too near to tell",
        ),
        ("single_seed_undecided", "number", "share of seeds whose one run leaves it open to them"),
        ("seeds_needed", "number", "seeds at which each test alone is decided in 80% of runs"),
        ("bound", "text", "what the claim needs of the estimate"),
        ("exceptions", "text", "the tests that do not hold, each with its outcome: the first few"),
        ("rule", "text", "the decision rule, declared in the claim's file"),
        ("statement", "text", "what is claimed"),
        ("source", "text", "where it is claimed"),
    ),
    apart=("claim",),
)


CLAIM_DETAILS = Contract(
    "claim_details",
    "One row a part of a claim: a test, an estimate or a fact.",
    columns(
        ("claim", "text", "file of the book's claims"),
        ("part", "text", "key of the part in its claim"),
        ("role", "text", "primary: its test is in the family; secondary; fact: no test"),
        ("quantity", "text", "what the estimate is"),
        ("estimate", "number", "the estimate"),
        ("ci_low", "number", "lower end of its 95% interval"),
        ("ci_high", "number", "upper end of its 95% interval"),
        ("ci_method", "text", "kind of the interval"),
        ("rule", "text", "what the claim needs of it"),
        ("margin", "number", "margin or bound in the rule"),
        ("test", "text", "kind of the test"),
        ("p_value", "number", "two-sided: twice the smaller one-sided p, for the rule or against"),
        ("p_adjusted", "number", "after Holm's adjustment over the family; empty if not primary"),
        ("outcome", "text", "holds, fails or open"),
        ("truth", "number", "its exact value, where one is known"),
        ("n_seeds", "integer", "seeds behind it, diverged ones left out"),
        ("n_diverged", "integer", "seeds left out because training diverged"),
        ("single_seed_holds", "number", "share of seeds that meet the rule one by one"),
        ("spread", "number", "standard deviation over seeds, on the scale of the test"),
        ("effect", "number", "distance of the estimate from the bound, in that; below 0: not met"),
        ("seeds_needed", "number", "seeds at which a test at 5% finds that in 80% of runs"),
    ),
    apart=("claim", "part"),
)


MARGINS = Contract(
    "margins",
    "Each claim's verdict if all margins of its rule had been smaller or larger.",
    columns(
        ("claim", "text", "file of the book's claims"),
        ("factor", "number", "what every margin is multiplied by"),
        ("verdict", "text", VERDICT),
        ("stands", "integer", "1: the verdict of the declared margins; 0: another"),
    ),
    apart=("claim", "factor"),
)


CONTROLS = Contract(
    "controls",
    "Negative controls: a false twin of each claim, which its rule must refute.",
    columns(
        ("claim", "text", "file of the book's claims"),
        ("title", "text", "what the claim is called"),
        ("twin", "text", "what was made false"),
        ("expected", "text", "the verdict that a rule which tests something gives"),
        ("verdict", "text", VERDICT),
        ("as_expected", "integer", "1: the verdict is the expected one; 0: it is not"),
        ("sentence", "text", "the twin's finding in words"),
    ),
    apart=("claim",),
)


LOOKS = Contract(
    "looks",
    "What was known of each claim at each look, where seeds are added until all are decided.",
    columns(
        ("look", "integer", "which look at the results it was, from 1"),
        ("n_seeds", "integer", "how many seeds there were"),
        ("level", "number", "level of the intervals of claims at this look"),
        ("claim", "text", "file of the book's claims"),
        ("title", "text", "what the claim is called"),
        ("verdict", "text", VERDICT),
        ("open", "integer", "1: more seeds may decide it; 0: they will not, or it is decided"),
    ),
    apart=("look", "claim"),
)


def contracts(layout: Layout) -> tuple[Contract, ...]:
    """The contracts, with the columns that follow a config's SEMs."""
    return (
        replace(_source(layout), stage="judge", kept=WHOLE),
        replace(CLAIMS, stage="judge", kept=WHOLE),
        replace(CLAIM_DETAILS, stage="judge", kept=WHOLE),
        replace(MARGINS, stage="judge", kept=WHOLE),
        replace(CONTROLS, stage="judge", kept=WHOLE),
        *([replace(LOOKS, stage="judge", kept=WHOLE)] if layout.has_looks else []),
    )
