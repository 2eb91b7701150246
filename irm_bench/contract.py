"""What a table promises: its columns, each with its kind and meaning."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: name, kind (text, integer, number) and meaning with its unit."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Contract:
    """The columns of one table, in order."""

    name: str
    summary: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    """Columns from (name, kind, meaning)."""
    return tuple(Column(*row) for row in rows)
