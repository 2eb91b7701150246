"""Conclusions of the paper and beyond, one file each: statement, statistic, decision rule."""
