# Reads the tables; writes the figures and the page.
from irm_bench.report import inputs


report: "../report/workflow.rst"


# All in one process: a figure takes less time than starting one and reading the tables.
rule figures:
    input:
        tables=table_files(gallery.table_names(FIGURES)),
        plugins=[plugin("figures", name) for name in FIGURES],
        code=modules("presentation.drawing"),
    output:
        [
            report(
                f"results/figures/{name}.svg",
                caption="../report/figure.rst",
                category="Figures",
                labels={"figure": name},
            )
            for name in FIGURES
        ],
        figure_files("csv", "json"),
    log:
        "results/logs/figures.log",
    benchmark:
        "results/benchmarks/figures.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.results_hash,
        figures=FIGURES,
    script:
        "../scripts/figures.py"


rule report:
    input:
        tables=table_files(ALL_TABLES),
        figures=figure_files("svg", "csv", "json"),
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
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=CONFIG.resolved,
    script:
        "../scripts/report.py"
