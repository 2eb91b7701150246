"""The book "field": every rival method on the same exact truth."""
