"""Estimators of the invariance penalty, one file each."""
