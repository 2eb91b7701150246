# Reads the tables; writes the figures, each in a job of its own, and the page.
from irm_bench.report import drawing, inputs


report: "../report/workflow.rst"


FIGURES = drawing.shown(CONFIG)


wildcard_constraints:
    figure="|".join(FIGURES) or "none",


rule figure:
    input:
        tables=lambda wildcards: table_files(
            registry.metadata("figures", wildcards.figure)["TABLES"]
        ),
        plugin=lambda wildcards: plugin("figures", wildcards.figure),
        code=modules("figures/_axes", "report/drawing", "report/seeds", "report/series"),
    output:
        report(
            "results/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        "results/figures/{figure}.csv",
        "results/figures/{figure}.json",
    log:
        "results/logs/figure/{figure}.log",
    benchmark:
        "results/benchmarks/figure/{figure}.tsv"
    threads: 1
    resources:
        mem_mb=memory(500, 8),
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=CONFIG.results_hash,
    script:
        "../scripts/figure.py"


rule report:
    input:
        tables=table_files(ALL_TABLES),
        figures=expand(
            "results/figures/{figure}.{kind}",
            figure=FIGURES,
            kind=("svg", "csv", "json"),
        ),
        code=inputs.sources(),
        published=inputs.published(),
        baseline=inputs.baseline(CONFIG),
    output:
        report(inputs.PAGE, caption="../report/page.rst", category="Page"),
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    threads: 1
    resources:
        mem_mb=memory(600, 8),
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=CONFIG.resolved,
    script:
        "../scripts/report.py"
