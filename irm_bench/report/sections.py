"""The chapters of the page, in the notebook's order, and what each of them needs."""

from collections.abc import Callable
from dataclasses import dataclass

from irm_bench.config import Config
from irm_bench.presentation.series import find_study
from irm_bench.report.ledger import Book


@dataclass(frozen=True)
class Section:
    """A chapter of the page: its template, its heading, and the study or table that it needs."""

    name: str
    title: str
    study: str = ""
    table: str = ""

    @property
    def template(self) -> str:
        return f"sections/{self.name}.html.j2"


SECTIONS = (
    Section("data", "Motivation and data", "notebook"),
    Section("environments", "Different environments", "notebook"),
    Section("penalty", "The IRM penalty", "notebook"),
    Section("training", "Training", "notebook"),
    Section("comparison", "IRM and standard learning", "notebook"),
    Section("ideal", "Ideal performance", "notebook"),
    Section("excess", "What keeps IRM from the ideal", "notebook", table="decomposition"),
    Section("where", "Where does IRM help?", "sigma_grid"),
    Section("calculator", "Try it: exact risks", "notebook", table="calculator"),
    Section("learning_rate", "When training diverges", "sigma_grid_fixed_rate"),
    Section("error_weight", "The weight of the error", "error_weight"),
    Section("sample_size", "How many rows?", "sample_size"),
    Section("z_mechanism", "When Z itself changes", "z_mechanism"),
    Section("conclusions", "What the notebook concludes", "notebook"),
    Section("claims", "Claim by claim", table="claims"),
    Section("methods", "Methods and statistics"),
    Section("coverage", "Do the intervals hold what they promise?", table="coverage"),
    Section("changes", "What changed since the former page", table="changes"),
    Section("published", "Against the published run", table="published"),
    Section("package", "Data and provenance"),
    Section("cite", "How to cite"),
    Section("sources", "Where every number comes from"),
)


# Where the page treats what the notebook says under a heading.
PLACES = {
    "Different Environments": "environments",
    "The IRM Penalty": "penalty",
    "IRM vs. Standard Learning": "comparison",
    "All outputs": "comparison",
    "Tracking Ideal Performance": "ideal",
    "Where Does IRM Help?": "where",
    "Beyond the notebook": "conclusions",
}
# A claim of a study that has a chapter of its own belongs there too.
OWN_CHAPTER = ("error_weight", "sample_size", "z_mechanism")


def claims_of(book: Book) -> Callable[[str], list[str]]:
    """A function: the claims that a section tells the verdicts of, by the claims' own words."""
    places: dict[str, list[str]] = {}
    for claim in book.rows("claims").itertuples() if "claims" in book else ():
        found = (place for words, place in PLACES.items() if str(claim.source).startswith(words))
        chapter = {str(claim.study)} & set(OWN_CHAPTER)
        for name in dict.fromkeys((next(found, "conclusions"), *chapter)):
            places.setdefault(name, []).append(str(claim.claim))
    return lambda section: places.get(section, [])


def shown(config: Config, book: Book) -> list[Section]:
    """The sections whose study the config has and whose table is there, with rows."""
    return [
        section
        for section in SECTIONS
        if (not section.study or find_study(config, section.study))
        and (not section.table or (section.table in book and len(book.rows(section.table))))
    ]
