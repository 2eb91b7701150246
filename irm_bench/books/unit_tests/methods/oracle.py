"""The oracle of the linear unit tests: ERM trained where the spurious features tell nothing.

Their rows are shuffled in the training environments, as they are in those of the test.
"""

from irm_bench.books.unit_tests.methods import erm

LABEL = "oracle"
COLOR = "#000000"
MARKER = "x"
DASH = (0, (1, 1))
REFERENCE = "Aubin et al. 2021: ERM on shuffled data"
IS_CONTROL = True
TRAINS_IN = {"shuffled": 1.0}

# It is ERM in all but the rows that it sees.
gradient = erm.gradient
kernel = erm.kernel
