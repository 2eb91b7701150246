"""Which trainings share a job: all that are soon done, and no others."""

from typing import Any

import pytest

from irm_bench import config
from irm_bench.planning import plan
from irm_bench.plugins.registry import known_books

ROWS = {"name": "irm", "penalty": "split_half"}
MOMENTS = {"name": "irm", "penalty": "plug_in"}
CLOSED = {"name": "erm"}
NO_KERNEL = {"name": "vrex"}


def groups_of(*methods: dict[str, Any], **defaults: Any) -> dict[str, list[plan.Cell]]:
    study = {"name": "notebook", "methods": list(methods)}
    defaults = {"n_samples": 100, "n_test_samples": 100, "seeds": 10, **defaults}
    raw = {"defaults": defaults, "studies": [study], "shards": 2, "claims": [], "figures": []}
    return plan.groups(config.parse(config.laid_over(raw)))


@pytest.mark.parametrize("book", sorted(known_books()))
def test_every_cell_of_a_book_is_trained_by_one_job(book: str) -> None:
    parsed = config.parse(config.laid_over({"book": book}))
    cells = [cell for of_job in plan.groups(parsed).values() for cell in of_job]
    assert len(cells) == len(set(cells))
    assert set(cells) == set(plan.cells(parsed))


def test_what_goes_through_rows_or_is_stepped_by_torch_has_a_job_of_its_own() -> None:
    found = groups_of(CLOSED, MOMENTS, ROWS, NO_KERNEL)
    assert set(found) == {"quick", "irm-split_half", "vrex"}
    assert {str(cell.key) for cell in found["quick"]} == {"erm", "irm-plug_in"}


# A step of the five runs of a shard, in two environments of four features.
STEP = 5 * 2 * 4**2


def test_what_takes_long_has_a_job_of_its_own() -> None:
    soon_done = plan.QUICK_PRODUCTS // STEP
    assert set(groups_of(CLOSED, MOMENTS, steps=soon_done)) == {"quick"}
    assert set(groups_of(CLOSED, MOMENTS, steps=soon_done + 1)) == {"quick", "irm-plug_in"}


def test_what_one_job_does_is_soon_done_however_many_share_it() -> None:
    two_thirds = plan.QUICK_PRODUCTS // STEP * 2 // 3
    unbiased = {"name": "irm", "penalty": "u_statistic"}
    found = groups_of(CLOSED, MOMENTS, unbiased, steps=two_thirds)
    assert set(found) == {"quick", "irm-u_statistic"}


def test_more_seeds_leave_the_jobs_as_they_are() -> None:
    """Else what one look trained would be trained anew at the next."""
    seeds = {"until": "decided", "first": 4, "at_most": 1000}
    study = {"name": "notebook", "methods": [CLOSED, MOMENTS]}
    defaults = {"seeds": seeds, "steps": plan.QUICK_PRODUCTS // 200}
    raw = {"defaults": defaults, "studies": [study], "shards": 1, "figures": []}
    parsed = config.parse(config.laid_over(raw))
    first = plan.groups(parsed)
    for look in (2, 5):
        found = plan.groups(parsed.at_look(look))
        assert {name: len(cells) for name, cells in found.items()} == {
            name: len(cells) for name, cells in first.items()
        }
