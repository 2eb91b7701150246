"""Methods of this book alone."""
