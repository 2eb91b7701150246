# Reads the parts of all shards; writes the tables.
rule aggregate:
    input:
        parts=expand(result("parts/{shard}/{part}.npz"), shard=SHARDS, part=PARTS),
        code=code("stages.aggregate"),
    output:
        table_files("aggregate"),
    log:
        result("logs/aggregate.log"),
    benchmark:
        result("benchmarks/aggregate.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.results_hash,
    script:
        "../scripts/aggregate.py"
