"""irm_bench: claims about invariant risk minimization, tested over seeds against exact truth.

``irm_bench.run("my_book", seeds=10)`` runs a book in this process and returns its tables.
"""

from irm_bench.library import run

__all__ = ["run"]
