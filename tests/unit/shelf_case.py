"""A site of ten books: one small run of a book elsewhere, kept under ten names."""

import json
import shutil
from pathlib import Path

from irm_bench import config, library
from irm_bench.publishing import site
from irm_bench.running import provenance

BOOK = Path(__file__).parents[2] / "examples/my_book"
SIZES = {"n_samples": 60, "n_test_samples": 60, "steps": 40, "seeds": 2}
NAMES = ("alder", "birch", "cedar", "elm", "fir", "holly", "larch", "maple", "oak", "pine")
KEPT = ("tables", "figures", "report.html", "provenance.json")


def build(folder: Path) -> Path:
    """The folder of the site."""
    parsed = config.parse(config.laid_over({"book": str(BOOK), "defaults": SIZES}))
    run, results = folder / "run", folder / "results"
    library.run_stages(parsed, run, report=True)
    provenance.write(parsed, run, run / "provenance.json")
    for name in NAMES:
        shutil.copytree(run, results / name, ignore=_all_but_kept)
        _name(results / name / "provenance.json", f"The book of the {name}")
    site.run_shelf(results, folder / "site")
    return folder / "site"


def _all_but_kept(folder: str, names: list[str]) -> list[str]:
    is_top = Path(folder).name == "run"
    return [name for name in names if is_top and name not in KEPT]


def _name(path: Path, title: str) -> None:
    """Give the book of a run another title."""
    told = json.loads(path.read_text(encoding="utf-8"))
    told["results"]["config"]["title"] = title
    path.write_text(json.dumps(told), encoding="utf-8")
