# Reads a shard's moments and trained models; writes where each training would have ended, what the
# penalty's estimators give on its rows, and where random starts lead; then the tables of all shards.
rule diagnose:
    input:
        moments=RESULTS + "/moments/{shard}.npz",
        trained=expand(RESULTS + "/trained/{group}/{{shard}}.npz", group=GROUPS),
        code=code("stages.diagnose"),
    output:
        expand(RESULTS + "/diagnosis/{{shard}}/{part}.npz", part=DIAGNOSIS_PARTS),
    log:
        RESULTS + "/logs/diagnose/{shard}.log",
    benchmark:
        RESULTS + "/benchmarks/diagnose/{shard}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.stage_hash,
    script:
        "../scripts/diagnose.py"


rule diagnosis:
    input:
        parts=expand(
            RESULTS + "/diagnosis/{shard}/{part}.npz",
            shard=SHARDS,
            part=DIAGNOSIS_PARTS,
        ),
        models=RESULTS + "/tables/models.csv",
        code=code("stages.diagnose"),
    output:
        table_files("diagnosis"),
    log:
        RESULTS + "/logs/diagnosis.log",
    benchmark:
        RESULTS + "/benchmarks/diagnosis.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.results_hash,
    script:
        "../scripts/diagnosis.py"
