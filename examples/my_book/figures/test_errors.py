"""Test error of every method in every environment of the first study."""

from irm_bench.presentation.axes import legend_above, level, points

TITLE = "Test error, environment by environment"
SECTION = "drawn"
STUDY = "drawn"
TABLES = ("summary",)
SIZE = (6.2, 3.2)


def data(tables, config):
    """What is drawn: mean squared errors over seeds, with their intervals."""
    table = tables["summary"]
    chosen = (table["study"] == STUDY) & (table["split"] == "test")
    chosen &= (table["quantity"] == "mse") & (table["ci_method"] == "t")
    chosen &= (table["selection"] == "") & (table["beta"].isna() | (table["beta"] == 10.0))
    columns = ["environment", "method", "penalty", "mean", "ci_low", "ci_high"]
    return table.loc[chosen, [*columns, "n_seeds", "n_diverged"]]


def draw(data, figure, looks):
    """Onto an empty matplotlib figure."""
    ax = figure.subplots()
    environments = list(data["environment"].unique())
    methods = looks(data)
    for i, series in enumerate(methods):
        rows = series.rows(data)
        places = [environments.index(name) for name in rows["environment"]]
        shift = 0.6 * (i / len(methods) - 0.5)
        points(ax, [place + shift for place in places], rows, series)
    ax.set_xticks(range(len(environments)), environments)
    ax.set(ylabel="mean squared error", yscale="log")
    legend_above(figure, ax)


def describe(data, looks):
    """For those who cannot see it."""
    return f"Points with bars for {data['environment'].nunique()} test environments."


def caption(data, looks):
    return f"Points: mean squared error on the sampled rows; bars: {level(data)}."
