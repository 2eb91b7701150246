# Reads the tables; writes the figures, each in a job of its own, and the page.
from irm_bench.report import drawing

FIGURES = drawing.shown(CONFIG)


wildcard_constraints:
    figure="|".join(FIGURES) or "none",


def figure_tables(wildcards):
    """The tables that a figure says it reads."""
    return table_files(registry.metadata("figures", wildcards.figure)["TABLES"])


def page_sources():
    """Templates, stylesheet, scripts and the modules that make the page of them."""
    folders = (registry.PACKAGE / "report", registry.PACKAGE.parent / "report")
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted(
        os.path.relpath(path) for path in files if "__pycache__" not in path.parts
    )


rule figure:
    input:
        tables=figure_tables,
        plugin=lambda wildcards: plugin("figures", wildcards.figure),
        code=modules("figures/_axes", "report/drawing", "report/seeds", "report/series"),
    output:
        expand("results/figures/{{figure}}.{kind}", kind=("svg", "csv", "json")),
    log:
        "results/logs/figure/{figure}.log",
    benchmark:
        "results/benchmarks/figure/{figure}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=CONFIG.results_hash,
    script:
        "../scripts/figure.py"


rule report:
    input:
        tables=table_files(TABLES + JUDGED),
        figures=expand(
            "results/figures/{figure}.{kind}",
            figure=FIGURES,
            kind=("svg", "csv", "json"),
        ),
        code=page_sources(),
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=CONFIG.resolved,
    script:
        "../scripts/report.py"
