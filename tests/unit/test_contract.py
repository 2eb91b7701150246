"""One contract for every plugin of the project: what ``make check`` does.

Of the example's plugins it is done word by word, by the tutorial (``test_books.py``).
"""

import pytest

from irm_bench import check
from irm_bench.plugins.registry import find_book
from tests.unit import books

pytestmark = pytest.mark.spread

CHECKS = list(check.checks(find_book("notebook")))


@pytest.mark.parametrize(("what", "work"), CHECKS, ids=[what for what, _ in CHECKS])
def test_a_plugin_keeps_its_contract(what: str, work: object) -> None:
    work()  # type: ignore[operator]


WRONG = {
    "penalties/off": (
        "LABEL = 'off'\nNEEDS = ()\nMEAN = ''\n"
        "def value(slope, problem, draw): return 4 * slope.value**2\n"
        "def gradient(slope, problem, draw): return slope.gradient * (7 * slope.value)\n",
        "penalties/off, gradient",
        "not that of the value",
    ),
    "methods/curl": (
        "import torch\nLABEL = 'curl'\n"
        "def gradient(parameters, slope, problem, draw): return parameters.roll(1, 0)\n",
        "methods/curl, gradient",
        "not the gradient of any objective",
    ),
    "sems/wrong": (
        books.DRAWN.replace("[[of_y + 1]]", "[[of_y + 2]]"),
        "sems/wrong, exact moments",
        "standard errors",
    ),
    "methods/loud": (
        "LABEL = 'loud'\ndef fit(problem): raise RuntimeError('broken on purpose')\n",
        "sems/drawn with loss squared, all stages",
        "broken on purpose",
    ),
    "optimisers/mute": ("PARAMS = {}\n", "optimisers/mute", "no LABEL"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_plugin_that_breaks_its_contract_is_named(book: books.WrittenBook, name: str) -> None:
    text, place, words = WRONG[name]
    book.add(name, text)
    found = check.checks(find_book(str(book.folder)))
    wanted = [work for what, work in found if what == place]
    assert wanted
    with pytest.raises(Exception, match=words):
        wanted[0]()
