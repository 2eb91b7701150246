"""How to cite the project: CITATION.cff, as BibTeX and as tags for indexes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from irm_bench.presentation.places import project_file

FILE = project_file("CITATION.cff")


@dataclass(frozen=True)
class Citation:
    """What CITATION.cff says, as far as the page needs it."""

    title: str
    version: str
    date: str
    authors: tuple[str, ...]
    keywords: tuple[str, ...]
    abstract: str
    repository: str = ""

    @property
    def year(self) -> str:
        return self.date[:4]

    @property
    def bibtex(self) -> str:
        fields = {
            "title": f"{{{self.title}}}",
            "author": " and ".join(f"{{{name}}}" for name in self.authors),
            "year": self.year,
            "version": self.version,
            "note": "Computer software",
        }
        lines = (f"  {name} = {{{value}}}," for name, value in fields.items())
        return "\n".join(["@misc{irm_bench,", *lines, "}"])


def load(path: Path = FILE) -> Citation | None:
    """The citation; None where the file is not there, as in a copy of the modules alone."""
    if not path.exists():
        return None
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Citation(
        title=found["title"],
        version=str(found["version"]),
        date=str(found["date-released"]),
        authors=tuple(map(_name, found["authors"])),
        keywords=tuple(found.get("keywords", ())),
        abstract=" ".join(found.get("abstract", "").split()),
        repository=str(found.get("repository-code", "")),
    )


def _name(author: dict[str, Any]) -> str:
    return author.get("name") or f"{author['given-names']} {author['family-names']}"
