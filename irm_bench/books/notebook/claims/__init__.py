"""Conclusions of the notebook and beyond, one file each: statement, statistic, decision rule."""
