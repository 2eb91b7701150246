"""Structural equation models, one file each: rows, population moments, causal solution."""
