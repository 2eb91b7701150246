# Reads a shard's moments and trained models; writes its part of every table.
rule evaluate:
    input:
        moments="results/moments/{shard}.npz",
        trained=expand("results/trained/{group}/{{shard}}.npz", group=GROUPS),
        code=modules("stages.evaluate"),
    output:
        expand("results/parts/{{shard}}/{part}.npz", part=PARTS),
    log:
        "results/logs/evaluate/{shard}.log",
    benchmark:
        "results/benchmarks/evaluate/{shard}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.stage_hash,
    script:
        "../scripts/evaluate.py"
