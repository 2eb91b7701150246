# Reads the records of the jobs behind all tables and figures; writes where they came from.
# Seconds of work, not worth a place in a cluster's queue:
localrules:
    report,
    provenance,


rule provenance:
    input:
        tables=table_files(),
        figures=figure_files("svg"),
        code=code("running.provenance"),
    output:
        result("provenance.json"),
    log:
        result("logs/provenance.log"),
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 500 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        config=CONFIG.resolved,
    script:
        "../scripts/provenance.py"
