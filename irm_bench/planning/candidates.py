"""Which cells of a study a rule chooses among: those that differ in what is tuned alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from irm_bench.config import Config, Selection, Study
from irm_bench.planning.plan import Cell, cells_of


@dataclass(frozen=True)
class Candidates:
    """Cells that differ in parameters, learning rate or optimiser; ``first`` is the place of the
    first of them in the study."""

    study: Study
    first: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Choice:
    """A rule's choice among candidates; ``name`` is unique in a config."""

    name: str
    order: tuple[int, int]
    selection: Selection
    candidates: Candidates


def candidates(study: Study) -> list[Candidates]:
    """The groups of cells to choose within, in the order of the study's table."""
    groups: dict[object, list[Cell]] = {}
    places: dict[object, int] = {}
    for place, cell in enumerate(cells_of(study)):
        shared = (cell.model, cell.n_samples, cell.train, cell.key, cell.start)
        groups.setdefault(shared, []).append(cell)
        places.setdefault(shared, place)
    return [Candidates(study, places[key], tuple(cells)) for key, cells in groups.items()]


def choices(config: Config) -> Iterator[Choice]:
    """Every choice that a config asks for; its rows stand behind those of a study's cells."""
    for i, study in enumerate(config.studies):
        order = sum(1 for _ in cells_of(study)) if study.selection else 0
        for j, selection in enumerate(study.selection):
            for k, group in enumerate(candidates(study)):
                yield Choice(f"{i}/{j}/{k}", (i, order), selection, group)
                order += 1
