# Reads the tables; writes the figures, each in a job of its own, and the page.
from irm_bench.report import drawing


report: "../report/workflow.rst"


FIGURES = drawing.shown(CONFIG)
# A published run of the same config is compared with; how to cite the page is told in it.
PUBLISHED = ("results/published/about.json", "CITATION.cff")


wildcard_constraints:
    figure="|".join(FIGURES) or "none",


def figure_tables(wildcards):
    """The tables that a figure says it reads."""
    return table_files(registry.metadata("figures", wildcards.figure)["TABLES"])


def page_sources():
    """Templates, stylesheet, scripts and the modules that make the page of them."""
    folders = (registry.PACKAGE / "report", registry.PACKAGE.parent / "report")
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    found = {os.path.relpath(p) for p in files if "__pycache__" not in p.parts}
    return sorted(found | set(modules("provenance", "verify")))


rule figure:
    input:
        tables=figure_tables,
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
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
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
        code=page_sources(),
        published=[path for path in PUBLISHED if os.path.exists(path)],
        baseline=[CONFIG.baseline] if CONFIG.baseline else [],
    output:
        report("results/report.html", caption="../report/page.rst", category="Page"),
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
