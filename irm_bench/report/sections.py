"""The chapters of a page: the book's, one for each other study, and those of every page."""

from collections.abc import Callable, Sequence

from irm_bench.config import Config, Section, Study
from irm_bench.presentation.series import find_study
from irm_bench.report.ledger import Ledger

# What every page ends with; the first of them comes before the chapters of other studies.
CLAIMS = Section("claims", "Claim by claim", table="claims")
COMMON = (
    CLAIMS,
    Section("looks", "Were there seeds enough?", table="looks"),
    Section("runs", "Would another run have said the same?", table="runs"),
    Section("methods", "Methods and statistics"),
    Section("coverage", "Do the intervals hold what they promise?", table="coverage"),
    Section("controls", "Would the rules notice?", table="controls"),
    Section("changes", "What changed since the former page", table="former"),
    Section("published", "Against the published run", table="published"),
    Section("package", "Data and provenance"),
    Section("cite", "How to cite"),
    Section("glossary", "Glossary"),
    Section("sources", "Where every number comes from"),
)
# How the list of contents groups the chapters; what is in none of these tells the story.
STORY, EVIDENCE, RECORD = "Story", "Evidence", "Record"
GROUPS = {
    "claims": EVIDENCE,
    "looks": EVIDENCE,
    "runs": EVIDENCE,
    "methods": EVIDENCE,
    "coverage": EVIDENCE,
    "changes": RECORD,
    "published": RECORD,
    "package": RECORD,
    "cite": RECORD,
    "glossary": RECORD,
    "sources": RECORD,
}
# The template of a study without a chapter of its book.
STUDY_TEMPLATE = "study.html.j2"


def chapters_of_claims(config: Config) -> dict[str, list[str]]:
    """The claims that a chapter tells the verdicts of, as each claim's file says."""
    places: dict[str, list[str]] = {}
    for claim in config.claims:
        for chapter in claim.get("SECTION", ()):
            places.setdefault(chapter, []).append(claim.name)
    return places


def claims_of(config: Config, ledger: Ledger) -> Callable[[str], list[str]]:
    """A function: the claims of a chapter that have been judged."""
    places = chapters_of_claims(config)
    judged = set(ledger.rows("claims")["claim"]) if "claims" in ledger else set()

    def of_chapter(chapter: str) -> list[str]:
        return [name for name in places.get(chapter, []) if name in judged]

    return of_chapter


def untold(config: Config) -> list[Study]:
    """The studies that no chapter of the book tells of; the page writes one for each."""
    told = {section.study for section in config.sections}
    told.update(*(section.covers for section in config.sections))
    return [study for study in config.studies if study.name not in told]


def shown(config: Config, ledger: Ledger) -> list[Section]:
    """The sections whose study the config has and whose table is there, with rows."""
    of_studies = []
    for study in untold(config):
        title = study.name.replace("_", " ").capitalize()
        of_studies.append(Section(f"study-{study.name}", title, study.name))
    found = []
    own = {section.name for section in config.sections}  # a book may have its own "methods"
    common = [section for section in COMMON if section.name not in own]
    claims = [section for section in common if section == CLAIMS]
    others = [section for section in common if section != CLAIMS]
    for section in (*config.sections, *claims, *of_studies, *others):
        has_study = not section.study or find_study(config, section.study)
        has_table = not section.table or (
            section.table in ledger and len(ledger.rows(section.table))
        )
        if has_study and has_table:
            found.append(section)
    return found


def grouped(chapters: Sequence[Section]) -> dict[str, list[Section]]:
    """The chapters by group of the list of contents, in the order of the page."""
    groups: dict[str, list[Section]] = {STORY: [], EVIDENCE: [], RECORD: []}
    common = {section.name for section in COMMON if section in chapters}
    for section in chapters:
        group = GROUPS.get(section.name, STORY) if section.name in common else STORY
        groups[group].append(section)
    return groups


def template(section: Section) -> str:
    """The template of a section."""
    if section.name.startswith("study-"):
        return STUDY_TEMPLATE
    return f"{section.name}.html.j2"
