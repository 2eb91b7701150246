"""irm_bench: invariant risk minimization tested over seeds, environments and estimators."""
