"""Figures of the report, one file each: tables in, figure and the table that it draws out."""
