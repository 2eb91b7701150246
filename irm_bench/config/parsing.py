"""From YAML to a typed config: defaults filled in, and everything wrong refused."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irm_bench.config import checks, mapping, plugin_checks, schema, size
from irm_bench.config.model import (
    CHOSEN,
    Audit,
    Config,
    ConfigError,
    Method,
    Printed,
    PrintedModel,
    Section,
    Study,
)
from irm_bench.config.plain import from_yaml, plain
from irm_bench.config.studies import parse_study
from irm_bench.errors import PluginError
from irm_bench.plugins.registry import Book, BookError, find_book, with_plugins

DEFAULT_BOOK = "notebook"
DEFAULTS: dict[str, Any] = {
    "sem": "example_1",
    "options": {},
    "loss": "squared",
    "intercept": False,
    "n_samples": 10_000,
    "n_test_samples": 10_000,
    "n_validation_samples": 10_000,
    "error_weights": [1e-5],
    "steps": 50_000,
    "learning_rate": {"rule": "fixed", "value": 1e-3},
    "optimiser": "gd",
    "draws": 1,
    "start": "ones",
    "selection": [],
    "seeds": 100,
    "sampling": "rows",
    "trajectories": False,
}
AUDIT_DEFAULTS: dict[str, Any] = {"replicates": 2000, "seed_counts": [5, 10, 30, 100]}

# Numbers between the stages of a shard, about: 134 MB. More seeds make more shards.
MAX_SHARD_NUMBERS = 2**24


def parse(raw: Mapping[str, Any], checked: bool = False) -> Config:
    """Validate a whole raw config (nested dicts and lists, as YAML gives them) and type it.

    A job's config is ``checked`` already, by the workflow, against the schema.

    Raises:
        ConfigError: for the first thing wrong with it.
    """
    raw = plain(raw, counts=not checked)
    if not checked:
        schema.check(raw)
    book = _book(raw)
    defaults = {**DEFAULTS, **raw.get("defaults", {})}
    raw_studies = [_with_defaults(study, defaults) for study in raw["studies"]]
    if not checked:
        size.check(raw_studies, raw.get("limits", {}))
    look = _look(raw, raw_studies)
    try:
        studies = [
            parse_study(book, f"studies[{i}]", study, raw["root_seed"], look)
            for i, study in enumerate(raw_studies)
        ]
    except PluginError as error:
        raise ConfigError(str(error)) from error
    checks.unique([study.name for study in studies])
    checks.distinct_columns(studies)
    plugins = {
        kind: plugin_checks.known_all(book, kind, raw.get(kind, [])) for kind in KINDS_LISTED
    }
    sections = tuple(_section(section) for section in raw.get("sections", []))
    checks.page(book, sections, raw.get("lead", []))
    return Config(
        book=book,
        title=raw["title"],
        root_seed=raw["root_seed"],
        shards=max(raw.get("shards", 1), _least_shards(studies)),
        device=raw.get("device", "cpu"),
        studies=tuple(studies),
        figures=plugins["figures"],
        claims=plugins["claims"],
        sections=sections,
        lead=tuple(raw.get("lead", [])),
        source={"name": "the source", **raw.get("source", {})},
        printed=_printed(book, raw),
        map=mapping.parse_map(book, raw, studies),
        audit=_audit(raw.get("audit", {})),
        has_averages=raw.get("averages", False),
        baseline=raw.get("baseline", ""),
        resolved=_resolved(raw, studies, look),
        look=look,
    )


# The numbers that a book's source prints.
PRINTED_FILE = "printed.csv"
KINDS_LISTED = ("figures", "claims")


def laid_over(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the book that ``raw`` names, the default one's if it names none, with
    ``raw``'s own keys laid over it.

    Raises:
        ConfigError: there is no such book, or its config is not YAML.
    """
    raw = plain(raw)
    book = _book(raw)
    return merge(read(book.config), raw) | {"book": raw.get("book", DEFAULT_BOOK)}


def of_book(name: str, *overlays: Mapping[str, Any]) -> Config:
    """The config of a book, by its name or folder, with overlays laid over it, the last one on top.

    Raises:
        ConfigError: as ``parse``; there is no such book.
    """
    raw: dict[str, Any] = {}
    for overlay in overlays:
        raw = merge(raw, plain(overlay))
    return parse(laid_over(raw | {"book": name}))


def read(path: Path | str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: if it does not.
    """
    try:
        raw = from_yaml(Path(path).read_text(encoding="utf-8"))
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(raw, dict):
        kind = type(raw).__name__
        raise ConfigError(f"{path} holds a {kind}; allowed is a mapping of config keys")
    return raw


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above`` laid over ``below``: mappings key by key, everything else replaced."""
    merged = dict(below)
    for key, value in above.items():
        is_nested = isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
        merged[key] = merge(below[key], value) if is_nested else value
    return merged


def _with_defaults(study: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A study with what it does not say; training sets may be said under either of two keys."""
    keys = ("train_sigmas", "train_environments")
    says_sets = any(key in study for key in keys)
    kept = {k: v for k, v in defaults.items() if not (says_sets and k in keys)}
    return {**kept, **study}


def _book(raw: Mapping[str, Any]) -> Book:
    name = raw.get("book", DEFAULT_BOOK)
    try:
        book = find_book(str(name))
    except BookError as error:
        raise ConfigError(f"config key book: {error}") from None
    try:
        places = raw.get("plugins", [])
        return with_plugins(book, [places] if isinstance(places, str) else places)
    except BookError as error:
        raise ConfigError(f"config key plugins: {error}") from None


def _look(raw: Mapping[str, Any], studies: list[dict[str, Any]]) -> int:
    """At which look at the results a run is; 0 where no study adds seeds."""
    if any(isinstance(study["seeds"], Mapping) for study in studies):
        return int(raw.get("look", 1))
    if "look" in raw:
        raise ConfigError(
            f"config key look: {raw['look']}; no study adds seeds until claims are decided: "
            "allowed is no look"
        )
    return 0


def _least_shards(studies: list[Study]) -> int:
    """How many shards keep the memory of their jobs within bounds, whatever the number of seeds.

    The same at every look, where seeds are added.
    """
    total = 0
    for study in studies:
        n_seeds = study.added.at_most if study.added else len(study.seeds)
        total += n_seeds * _numbers_of_a_seed(study)
    return -(-total // MAX_SHARD_NUMBERS)


def _numbers_of_a_seed(study: Study) -> int:
    """About how many numbers the files between the stages hold of one seed."""
    d = max(model.n_features for model in study.models)
    needs = {need for method in study.methods for need in method.needs}
    of_dataset = d * d + 2 * d + 3
    if "product_variance" in needs:
        of_dataset += (d * (d + 1) // 2 + d) ** 2
    n_train, n_test = sum(map(len, study.train_sets)), len(study.test_environments)
    n_datasets = len(study.models) * (len(study.n_samples) * n_train + n_test)
    n_cells = 0 if study.keep == CHOSEN else _n_cells(study)
    # what each rule chooses has rows too, one for each start of a method
    n_cells += len(study.selection) * len(study.starts) * len(study.methods)
    n_cells *= len(study.models) * len(study.n_samples)
    # A row of a table is worth 100 numbers, texts and all.
    n_rows = n_cells * (n_train + len(study.train_sets) * (n_test + 60 * study.trajectories))
    n_trained = _n_cells(study) * len(study.models) * len(study.n_samples) * len(study.train_sets)
    return n_datasets * of_dataset + n_trained * d + 100 * n_rows


def _n_cells(study: Study) -> int:
    """How many cells there are for each structure, n and training set."""
    return sum(_cells_of_a_method(study, method) for method in study.methods)


def _cells_of_a_method(study: Study, method: Method) -> int:
    """How many cells a method has for each structure, n and training set."""
    n_cells = math.prod(len(values) for _, values in method.grid) * max(1, len(method.tuned))
    if method.is_stepped:
        n_cells *= len(study.optimisers_of(method)) * len(study.starts)
        n_cells *= len(study.learning_rate.values)
    return n_cells


def _section(raw: Mapping[str, Any]) -> Section:
    return Section(**{**raw, "covers": tuple(raw.get("covers", []))})


def _printed(book: Book, raw: Mapping[str, Any]) -> Printed | None:
    if "printed" not in raw:
        return None
    models = []
    for name, told in raw["printed"]["models"].items():
        models.append((name, PrintedModel(**{"study": raw["printed"]["study"], **told})))
    return Printed(raw["printed"]["study"], tuple(models), _is_repeated(book))


def _is_repeated(book: Book) -> bool:
    """Whether the book's printed numbers are statistics of many runs: by the file's header."""
    path = book.file(PRINTED_FILE)
    if path is None:
        return False
    with path.open(encoding="utf-8") as file:
        return "statistic" in file.readline().strip().split(",")


def _audit(raw: Mapping[str, Any]) -> Audit:
    found = {**AUDIT_DEFAULTS, **raw}
    return Audit(found["replicates"], tuple(sorted(found["seed_counts"])))


def _resolved(raw: Mapping[str, Any], studies: list[Study], look: int) -> dict[str, Any]:
    """The config with every default written out, in canonical order: what provenance stores."""
    resolved = {"shards": 1, "device": "cpu", "figures": [], "claims": [], **raw}
    resolved["book"] = _book(raw).name
    resolved["audit"] = {**AUDIT_DEFAULTS, **raw.get("audit", {})}
    for key in ("defaults", "baseline", "limits"):  # written out; of one command alone
        resolved.pop(key, None)
    defaults = {**DEFAULTS, **raw.get("defaults", {})}
    resolved["studies"] = [
        _with_defaults(study, defaults) | {"seeds": _resolved_seeds(typed)}
        for study, typed in zip(raw["studies"], studies, strict=True)
    ]
    if look:
        resolved["look"] = look
    ordered: dict[str, Any] = schema.ordered(resolved)
    return ordered


def _resolved_seeds(study: Study) -> list[int] | dict[str, Any]:
    """The list of them, or how they are added."""
    if study.added is None:
        return list(study.seeds)
    return {"until": "decided", "at_most": study.added.at_most, "first": study.added.first}
