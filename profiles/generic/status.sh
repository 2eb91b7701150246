#!/bin/sh
# Tells Snakemake how a job is: running, success or failed. Here by Slurm's squeue.
said=$(squeue --noheader --states=all --jobs="$1" --format=%T 2>&1)
case "$said" in
COMPLETED*) echo success ;;
BOOT_FAIL* | CANCELLED* | DEADLINE* | FAILED* | NODE_FAIL* | OUT_OF_MEMORY* | PREEMPTED* | TIMEOUT*)
    echo failed ;;
*"Invalid job id"*) echo failed ;; # forgotten: whether it did its work is for its files to say
*) echo running ;;                 # also where the controller does not answer just now
esac
