# Reads nothing but the config; writes where each method tends to on the data of every study, a job a
# method, so that a new method is one job; then the tables of all. Runs for a config with a map alone.
rule map_method:
    input:
        code=code_of_map,
        data=given(CONFIG.book.files("data/**/*")),
    output:
        runs=result("map/{method}.runs.npz"),
        minima=result("map/{method}.minima.npz"),
    log:
        result("logs/map/{method}.log"),
    benchmark:
        result("benchmarks/map/{method}.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.map_hash,
    script:
        "../scripts/map_method.py"


rule map:
    input:
        runs=expand(result("map/{method}.runs.npz"), method=MAPPED),
        minima=expand(result("map/{method}.minima.npz"), method=MAPPED),
        code=code("stages.locate"),
    output:
        table_files("map"),
    log:
        result("logs/map.log"),
    benchmark:
        result("benchmarks/map.tsv")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        config=CONFIG.map_hash,
    script:
        "../scripts/map.py"
