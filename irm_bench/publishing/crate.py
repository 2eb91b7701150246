"""The RO-Crate of a site: what each file is, what made it, and how it may be used."""

import json
from pathlib import Path
from typing import Any

from irm_bench.config import Config
from irm_bench.report import citation
from irm_bench.storage import archives, tables

FILE = "ro-crate-metadata.json"
KINDS = {
    ".html": "text/html",
    ".csv": "text/csv",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".md": "text/markdown",
    ".cff": "application/yaml",
}
WHAT = {
    "index.html": "The report: every conclusion, its figures, its data inside",
    "provenance.json": "Where every table and figure comes from",
    "CITATION.cff": "How to cite",
    "LICENSE": "The licence of software and results",
    "tables/README.md": "What every column of the tables means",
}


def write(config: Config, told: dict[str, Any], folder: Path, paths: list[str]) -> None:
    """Write the description of the files ``paths`` of a folder beside them."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate()
    cited = citation.load()
    crate.name = config.title
    crate.description = cited.abstract if cited else config.title
    crate.datePublished = cited.date if cited else "1970-01-01"
    crate.license = "https://spdx.org/licenses/MIT.html"
    files = [
        crate.add_file(folder / path, path, properties=_file(config, folder, path))
        for path in paths
    ]
    makers = [
        crate.add(ContextEntity(crate, f"#author-{i}", {"@type": "Organization", "name": name}))
        for i, name in enumerate(cited.authors if cited else ())
    ]
    crate.root_dataset["author"] = makers
    software = {
        "@type": ["SoftwareSourceCode", "ComputationalWorkflow"],
        "name": "irm_bench",
        "version": str(told["version"]),
        "programmingLanguage": "Snakemake, Python",
        "identifier": str(told["code"]["commit"]),
    }
    tool = crate.add(ContextEntity(crate, "#irm_bench", software))
    run = {"@type": "CreateAction", "name": "The run", "identifier": told["config_hash"]}
    action = crate.add(ContextEntity(crate, "#run", run))
    action["instrument"], action["result"] = tool, files
    crate.mainEntity = files[paths.index("index.html")]
    text = json.dumps(crate.metadata.generate(), ensure_ascii=False, indent=1, sort_keys=True)
    archives.write_text(folder / FILE, text + "\n")


def _file(config: Config, folder: Path, path: str) -> dict[str, Any]:
    """What a file is: kind, size, checksum, and a sentence."""
    place = Path(path)
    return {
        "name": place.name,
        "description": WHAT.get(path) or _described(config, place),
        "encodingFormat": KINDS.get(place.suffix, "text/plain"),
        "contentSize": str((folder / path).stat().st_size),
        "sha256": archives.digest(folder / path),
    }


def _described(config: Config, place: Path) -> str:
    if place.suffix == ".sha256":
        return f"Checksum of {place.stem}"
    if place.parent.name == "tables":
        return tables.contracts(config)[place.stem].summary
    title = config.book.plugin("figures", place.stem).metadata["TITLE"]
    return f"Data of the figure: {title}" if place.suffix == ".csv" else f"Figure: {title}"
