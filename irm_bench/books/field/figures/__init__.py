"""Figures of this book, one a file."""
