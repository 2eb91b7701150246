"""irm_bench: claims about invariant risk minimization, tested over seeds against exact truth.

``irm_bench.run("my_book", seeds=10)`` runs a book in this process and returns its tables.
"""

import sys

from irm_bench.library import run
from irm_bench.running import interrupts

__all__ = ["run"]

if sys.argv[:1] == ["-m"]:  # what Python calls a module that it is still looking for: a command
    sys.excepthook = interrupts.told
