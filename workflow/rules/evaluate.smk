# Reads a shard's moments and trained models; writes its part of every table.
rule evaluate:
    input:
        moments=result("moments/{shard}.npz"),
        trained=expand(result("trained/{group}/{{shard}}.npz"), group=GROUPS),
        chosen=[result("selected.npz")] if SELECTS else [],
        code=code("stages.evaluate"),
    output:
        expand(result("parts/{{shard}}/{part}.npz"), part=PARTS),
    log:
        result("logs/evaluate/{shard}.log"),
    benchmark:
        result("benchmarks/evaluate/{shard}.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.stage_hash,
    script:
        "../scripts/evaluate.py"
