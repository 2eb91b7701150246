# irm_bench: simulate → train → (select) → evaluate → aggregate → diagnose → judge → report.
from snakemake.utils import min_version

min_version("9.5")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/select.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/diagnose.smk"
include: "workflow/rules/audit.smk"


# Without a map its rules would write nothing.
if CONFIG.map:

    include: "workflow/rules/map.smk"


include: "workflow/rules/judge.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/provenance.smk"
include: "workflow/rules/keeping.smk"


rule all:
    default_target: True
    input:
        targets(),
