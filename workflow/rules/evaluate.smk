# Reads a shard's moments and trained models; writes its part of every table.
rule evaluate:
    input:
        moments=result("moments/{shard}.npz"),
        trained=expand(result("trained/{group}/{{shard}}.npz"), group=GROUPS),
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
        config=shard_hash,
    script:
        "../scripts/evaluate.py"


# Of a config that selects it reads the choice too, for which all shards have to be trained. It is
# a rule of another name, for a profile says by name which jobs of a shard go together.
if SELECTS:

    ruleorder: evaluate_chosen > evaluate

    use rule evaluate as evaluate_chosen with:
        input:
            **rules.evaluate.input,
            chosen=result("selected.npz"),
