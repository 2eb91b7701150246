# Reads nothing but the config; writes the moments of every dataset, a file a shard of seeds.
rule simulate:
    input:
        code=code("stages.simulate", *SEMS),
        data=given(CONFIG.book.files("data/**/*")),
    output:
        result("moments/{shard}.npz"),
    log:
        result("logs/simulate/{shard}.log"),
    benchmark:
        result("benchmarks/simulate/{shard}.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=shard_hash,
    script:
        "../scripts/simulate.py"
