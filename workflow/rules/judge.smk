# Reads the tables of results; writes what they say of the book's numbers and claims.
rule judge:
    input:
        results=tables_of_seeds(),
        code=code("stages.judge", *CONFIG.claims),
        printed=given(CONFIG.book.files("printed.csv", "registration.json")),
    output:
        table_files("judge"),
    log:
        result("logs/judge.log"),
    benchmark:
        result("benchmarks/judge.tsv")
    # The page waits for it.
    priority: 1
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=(CONFIG.results_hash, [claim.name for claim in CONFIG.claims]),
    script:
        "../scripts/judge.py"
