# Reads the tables of results; writes what they say of the notebook's numbers and conclusions.
rule judge:
    input:
        results=table_files(EVIDENCE),
        code=modules("stages.judge"),
        claims=[plugin("claims", name) for name in CONFIG.claims],
        numbers=os.path.relpath(registry.PACKAGE / "books/notebook/printed.csv"),
    output:
        table_files(JUDGED),
    log:
        "results/logs/judge.log",
    benchmark:
        "results/benchmarks/judge.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=(CONFIG.results_hash, CONFIG.claims),
    script:
        "../scripts/judge.py"
