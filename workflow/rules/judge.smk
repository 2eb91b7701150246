# Reads the tables of results; writes what they say of the book's numbers and claims.
rule judge:
    input:
        results=tables_of_seeds(),
        code=code("stages.judge", *CONFIG.claims),
        book=book_files("printed.csv"),
    output:
        table_files("judge"),
    log:
        RESULTS + "/logs/judge.log",
    benchmark:
        RESULTS + "/benchmarks/judge.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=(CONFIG.results_hash, [claim.name for claim in CONFIG.claims]),
    script:
        "../scripts/judge.py"
