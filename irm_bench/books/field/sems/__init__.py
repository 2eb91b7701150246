"""Data models of this book, one a file."""
