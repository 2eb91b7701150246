"""A book in one process, without Snakemake: for a script, an interactive session, or a test."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from irm_bench.config import Config


class Results(dict[str, "pd.DataFrame"]):
    """Tables by name; ``folder`` holds their files and ``page`` is the report, if kept."""

    folder: Path | None = None
    page: Path | None = None


def run(
    book: str | Path,
    *,
    seeds: int | list[int] | Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    folder: Path | str | None = None,
    report: bool = False,
    progress: bool = True,
    studies: Sequence[str] | None = None,
    **defaults: Any,
) -> Results:
    """Run a book, by its name or folder, and return its tables.

    Args:
        book: a book of the project by name, or the folder of any other; its files are run.
        seeds: how many seeds every study has, or which, or how they are added
            (``{"until": "decided", "at_most": 640}``).
        config: keys to lay over the book's config.
        folder: where to keep the files of the run; without one they are not kept.
        report: whether to draw the figures and write the page (it needs ``folder``).
        progress: whether to show a bar, in a terminal or in Jupyter.
        studies: which of the book's studies; all by default.
        defaults: keys that every study has unless it says otherwise, e.g. ``steps=1000``.

    Returns:
        The tables by name, as pandas frames.

    Raises:
        ConfigError: before any work, with the key, its value and what is allowed.
        ValueError: a report without a folder.
    """
    if report and folder is None:
        raise ValueError("a report is a file: name a folder to keep it in")
    from irm_bench.running import adding

    parsed = _config(str(book), dict(config or {}), defaults, seeds, studies)
    with _place(folder) as place:
        run_stages(parsed, place, progress=progress)
        while (look := adding.look_of(parsed, place)) != parsed.look:
            parsed = parsed.at_look(look)
            run_stages(parsed, place, progress=progress)
        if report:
            _report(parsed, place)
        found = Results(_read(parsed, place / "tables"))
    if folder is not None:
        found.folder = Path(folder)
        found.page = Path(folder) / "report.html" if report else None
    return found


def _config(
    book: str,
    overlay: dict[str, Any],
    defaults: dict[str, Any],
    seeds: int | list[int] | Mapping[str, Any] | None,
    names: Sequence[str] | None,
) -> "Config":
    """The book's config with all that is laid over it; ``seeds`` those of every study."""
    from irm_bench.config import ConfigError, checks, laid_over, merge, parse

    raw = merge(laid_over({**overlay, "book": book}), {"defaults": defaults})
    if names is not None:
        known = {study["name"]: study for study in raw.get("studies", [])}
        for name in names:
            if name not in known:
                raise ConfigError(f"studies: {name!r}; the book has {', '.join(known)}")
        raw["studies"] = [known[name] for name in names]
    if seeds is not None:
        raw["studies"] = [{**study, "seeds": seeds} for study in raw.get("studies", [])]
    parsed = parse(raw)
    checks.device(parsed)
    return parsed


@contextmanager
def _place(folder: Path | str | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="irm_bench-") as temporary:
        yield Path(temporary)


def _read(parsed: "Config", folder: Path) -> dict[str, "pd.DataFrame"]:
    from irm_bench.storage import tables

    found = {}
    for name, contract in tables.contracts(parsed).items():
        frame = tables.read(folder / f"{name}.csv", contract)
        texts = frame.select_dtypes("category").columns
        found[name] = frame.astype(dict.fromkeys(texts, object))
    return found


def run_stages(
    parsed: "Config",
    folder: Path,
    *,
    progress: bool = False,
    report: bool = False,
    until: str = "",
) -> Path:
    """Every stage of a config, one after the other, in a folder; the folder of its tables.

    ``until`` names the stage to end with; by default it is the last one.
    """
    from tqdm.auto import tqdm

    from irm_bench.running.progress import quiet

    steps = list(_steps(parsed, folder, report))
    names = [name for name, _ in steps]
    if until:
        last = len(names) - 1 - names[::-1].index(until)
        steps = steps[: last + 1]
    # one bar over all jobs, in place of those that each job has in a terminal
    with quiet(), tqdm(steps, unit="job", disable=_hides(progress), leave=False) as bar:
        for name, work in bar:
            bar.set_description(name)
            work()
    return folder / "tables"


def _hides(progress: bool) -> bool | None:
    """Whether a bar is hidden; None leaves it to whether there is a terminal."""
    if not progress:
        return True
    return False if "ipykernel" in sys.modules else None


def _steps(
    parsed: "Config", folder: Path, report: bool
) -> Iterator[tuple[str, Callable[[], object]]]:
    """The jobs of a run in order, each with the name of its stage."""
    from irm_bench.planning import plan
    from irm_bench.stages import (
        aggregate,
        audit,
        diagnose,
        evaluate,
        judge,
        locate,
        select,
        simulate,
        train,
    )

    tables, shards = folder / "tables", range(plan.n_shards(parsed))
    trained: dict[int, list[Path]] = {}
    moments = {shard: folder / "moments" / f"{shard}.npz" for shard in shards}
    for shard in shards:
        trained[shard] = [folder / "trained" / g / f"{shard}.npz" for g in plan.groups(parsed)]
        yield "simulate", _call(simulate.run, parsed, shard, moments[shard])
        for group, path in zip(plan.groups(parsed), trained[shard], strict=True):
            yield "train", _call(train.run, parsed, group, shard, moments[shard], path)
    chosen = None
    if any(study.selection for study in parsed.studies):
        chosen = folder / "selected.npz"
        scores = [folder / "scores" / f"{shard}.npz" for shard in shards]
        for shard, path in zip(shards, scores, strict=True):
            yield "score", _call(select.score, parsed, shard, moments[shard], trained[shard], path)
        table = tables / "selections.csv"
        yield "select", _call(select.merge, parsed, scores, chosen, table)
    parts = [folder / "parts" / f"{shard}" for shard in shards]
    diagnoses = [folder / "diagnosis" / f"{shard}" for shard in shards]
    for shard in shards:
        found = (parsed, shard, moments[shard], trained[shard])
        yield "evaluate", _call(evaluate.run, *found, parts[shard], chosen)
        yield "diagnose", _call(diagnose.run, *found, diagnoses[shard])
    yield "aggregate", _call(aggregate.run, parsed, parts, tables)
    yield "diagnosis", _call(diagnose.merge, parsed, diagnoses, tables)
    yield "audit", _call(audit.run, parsed, tables)
    if parsed.map is not None:
        drawn = []
        for name in locate.methods(parsed):
            pair = tuple(folder / "map" / f"{name}.{kind}.npz" for kind in ("runs", "minima"))
            drawn.append(pair)
            yield "map", _call(locate.run, parsed, name, *pair)
        yield "map", _call(locate.merge, parsed, drawn, tables)
    yield "judge", _call(judge.run, parsed, tables, tables)
    if report:
        yield "report", _call(_report, parsed, folder)


def _call(work: Callable[..., object], *arguments: Any) -> Callable[[], object]:
    return lambda: work(*arguments)


def _report(parsed: "Config", folder: Path) -> None:
    """Draw the figures and write the page."""
    from irm_bench.presentation import gallery
    from irm_bench.stages import draw, report

    draw.run(parsed, gallery.shown(parsed), folder / "tables", folder / "figures")
    report.run(parsed, folder / "tables", folder / "report.html", folder / "figures")
