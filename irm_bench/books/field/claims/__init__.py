"""Claims of this book, one a file."""
