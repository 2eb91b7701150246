# Reads nothing but the config; writes how often the intervals hold a truth that is known.
rule audit:
    input:
        code=code("stages.audit", *SEMS),
    output:
        table_files("audit"),
    log:
        result("logs/audit.log"),
    benchmark:
        result("benchmarks/audit.tsv")
    # Nothing but the page waits for it: it runs where no other job can.
    priority: -1
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=(CONFIG.results_hash, str(CONFIG.audit)),
    script:
        "../scripts/audit.py"
