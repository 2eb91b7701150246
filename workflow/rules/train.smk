# Reads a shard's moments; writes the paths of a group's models: those of one method with one penalty,
# or all that are soon trained.
rule train:
    input:
        moments=result("moments/{shard}.npz"),
        code=code_of_training,
    output:
        result("trained/{group}/{shard}.npz"),
    log:
        result("logs/train/{group}.{shard}.log"),
    benchmark:
        result("benchmarks/train/{group}.{shard}.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        config=shard_hash,
        learning_rates=learning_rates,
    script:
        "../scripts/train.py"
