# Reads a shard's moments and trained models; writes the scores of what a rule chooses among; then,
# of all shards, which model each seed takes. Runs for a config that selects alone.
rule score:
    input:
        moments=result("moments/{shard}.npz"),
        trained=expand(result("trained/{group}/{{shard}}.npz"), group=GROUPS),
        code=code("stages.select"),
    output:
        result("scores/{shard}.npz"),
    log:
        result("logs/score/{shard}.log"),
    benchmark:
        result("benchmarks/score/{shard}.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=shard_hash,
    script:
        "../scripts/score.py"


rule select:
    input:
        scores=expand(result("scores/{shard}.npz"), shard=SHARDS),
        code=code(
            "stages.select",
            *(rule.plugin for study in CONFIG.studies for rule in study.selection),
        ),
    output:
        selected=result("selected.npz"),
        table=result("tables/selections.csv"),
    log:
        result("logs/select.log"),
    benchmark:
        result("benchmarks/select.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.results_hash,
    script:
        "../scripts/select.py"
