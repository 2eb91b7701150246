# Reads a shard's moments and trained models; writes where each training would have ended, what the
# penalty's estimators give on its rows, and where random starts lead; then the tables of all shards.
rule diagnose:
    input:
        moments=result("moments/{shard}.npz"),
        trained=expand(result("trained/{group}/{{shard}}.npz"), group=GROUPS),
        code=code("stages.diagnose"),
    output:
        expand(result("diagnosis/{{shard}}/{part}.npz"), part=DIAGNOSIS_PARTS),
    log:
        result("logs/diagnose/{shard}.log"),
    benchmark:
        result("benchmarks/diagnose/{shard}.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=shard_hash,
    script:
        "../scripts/diagnose.py"


rule diagnosis:
    input:
        parts=expand(
            result("diagnosis/{shard}/{part}.npz"),
            shard=SHARDS,
            part=DIAGNOSIS_PARTS,
        ),
        code=code("stages.diagnose"),
    output:
        table_files("diagnosis"),
    log:
        result("logs/diagnosis.log"),
    benchmark:
        result("benchmarks/diagnosis.tsv")
    # Claims wait for it, and the page for them.
    priority: 1
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.results_hash,
    script:
        "../scripts/diagnosis.py"
