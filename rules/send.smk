"""Files that were given, sent to the object storage where jobs find them (rules/storage.smk)."""


rule send:
    """Send {wildcards.given}, which a job needs, to the object storage."""
    input:
        lambda wildcards: local(SENT[wildcards.given]),
    output:
        "<results>/given/{given}",
    log:
        "<logs>/send/{given}.log",
    benchmark:
        "<benchmarks>/send/{given}.tsv"
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=500,
    shell:
        "cp {input:q} {output:q} 2> {log:q}"
