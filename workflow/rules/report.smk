# Reads the tables; writes the figures and the page.
from irm_bench.report import inputs


report: "../report/workflow.rst"


# All in one process: a figure takes less time than starting one and reading the tables.
rule figures:
    input:
        tables=some_tables(gallery.table_names(FIGURES)),
        code=code("stages.draw", *FIGURES),
    output:
        [
            report(
                result(f"figures/{figure.name}.svg"),
                caption="../report/figure.rst",
                category="Figures",
                labels={"figure": figure.name},
            )
            for figure in FIGURES
        ],
        figure_files("csv", "json"),
    log:
        result("logs/figures.log"),
    benchmark:
        result("benchmarks/figures.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.results_hash,
        figures=[figure.name for figure in FIGURES],
    script:
        "../scripts/figures.py"


rule report:
    input:
        tables=table_files(),
        figures=figure_files("svg", "csv", "json"),
        code=code("report.page", *CONFIG.claims, *FIGURES),
        page=given(inputs.of_page(CONFIG)),
        published=given(inputs.published(CONFIG)),
        baseline=inputs.baseline(CONFIG),
    output:
        report(result("report.html"), caption="../report/page.rst", category="Page"),
    log:
        result("logs/report.log"),
    benchmark:
        result("benchmarks/report.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        config=CONFIG.resolved,
    script:
        "../scripts/report.py"
