"""The linear unit tests (Aubin et al. 2021): the book of their sweep."""
