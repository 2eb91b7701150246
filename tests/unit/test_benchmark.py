"""The benchmark runs, writes what it says, and its rivals compute what the engine computes."""

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import torch

import irm_bench
from benchmarks import batched_loop, components, digits, notebook_loop, scaling, unit_tests
from benchmarks.contenders import CONTENDERS, METHODS, draw_rows
from irm_bench import config
from tests.workflow import warm

ROOT = Path(__file__).parents[2]


def benchmark(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one to its end."""
    command = [warm.python(), f"benchmarks/{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    done = benchmark("speed.py", "--quick", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    assert "times the notebook's loop" in done.stdout.replace("×", "times")
    return folder


def test_every_contender_and_method_is_timed_on_one_core_and_on_all(folder: Path) -> None:
    table = pd.read_csv(folder / "benchmark.csv")
    runs = table[table["part"] == "trained run"]
    cores = {1, json.loads((folder / "benchmark.json").read_text())["machine"]["cores"]}
    found = set(zip(runs["what"], runs["method"], runs["cores"], strict=True))
    assert found >= {(c, m, k) for c in CONTENDERS for m in METHODS for k in cores}
    assert (runs["value"] > 0).all()
    assert (runs["low"] <= runs["value"]).all()
    assert (runs["value"] <= runs["high"]).all()


def test_every_axis_has_slopes(folder: Path) -> None:
    table = pd.read_csv(folder / "benchmark.csv")
    growth = table[table["part"] == "growth"]
    axes = {axis: set(xs) for axis, xs in scaling.AXES["quick"].items()}
    assert {axis: set(rows["x"]) for axis, rows in growth.groupby("axis")} == axes
    slopes = json.loads((folder / "benchmark.json").read_text())["conclusions"]["slopes"]
    assert len(slopes) == len(growth.groupby(["axis", "what"]))
    assert np.isfinite(list(slopes.values())).all()


def test_the_figure_is_one_image_for_light_and_dark(folder: Path) -> None:
    text = (folder / "benchmark.svg").read_text()
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "prefers-color-scheme:dark" in text
    assert "currentColor" in text


def test_every_job_whose_memory_is_told_has_a_config() -> None:
    for jobs in scaling.MEMORY.values():
        for keys in jobs.values():
            (study,) = config.parse(scaling.study(**keys)).studies
            assert study.methods


def test_a_slope_is_the_exponent_of_the_upper_half() -> None:
    xs = [1, 10, 100, 1000, 10_000]
    assert scaling.slope(xs, [5.0, 5.0, *(x**1.5 for x in xs[2:])]) == pytest.approx(1.5)
    assert scaling.slope([2, 4], [3.0, 6.0]) == pytest.approx(1.0)


@pytest.mark.parametrize("method", METHODS)
def test_the_batched_rival_is_the_notebooks_loop(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, n_steps = 40, 200
    runs = [[(x[:n], y[:n]) for x, y in run] for run in draw_rows()[:3]]
    permutations = [torch.randperm(n) for _ in range(n_steps)]
    steps = iter(permutations)

    def signs(n_samples: int) -> torch.Tensor:
        found = torch.ones(n_samples, dtype=torch.float64)
        found[next(steps)[1::2]] = -1
        return found

    monkeypatch.setattr(batched_loop, "random_signs", signs)
    x = torch.tensor(np.array([[x for x, _ in run] for run in runs]))
    y = torch.tensor(np.array([[y for _, y in run] for run in runs]))
    found = batched_loop.train(x, y, "" if method == "erm" else method, n_steps, 1e-3, 1e-5)
    expected = notebook_loop.train(
        [(torch.tensor(x), torch.tensor(y)[:, None]) for x, y in runs[1]],
        notebook_loop.PENALTIES.get(method),
        n_steps,
        1e-3,
        1e-5,
        lambda step: permutations[step],
    )
    assert torch.allclose(found[1], expected[-1], rtol=1e-9, atol=1e-12)


def test_the_matrix_benchmark_measures_both_sides() -> None:
    done = benchmark("matrix.py", "--quick")
    assert done.returncode == 0, done.stderr
    told = done.stdout
    ratios = re.findall(r"(\d+) times the loop through rows", told)
    assert len(ratios) == 2  # in single and in double precision
    assert all(int(ratio) > 1 for ratio in ratios)
    assert len(re.findall(r"slope -?\d", told)) == 2


def test_icp_is_measured_against_the_loop_over_subsets_and_agrees_with_it() -> None:
    done = benchmark("icp.py", "--quick")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"(\d+) subsets: .*, irm_bench .* s, \d+ times", done.stdout) == ["3", "15"]


def test_the_sweep_of_the_unit_tests_is_what_its_models_cost() -> None:
    """19 configurations of 6 data sets, 5 methods, 50 seeds and 20 draws, at a second a model."""
    measured = pd.read_csv(unit_tests.TABLE).assign(irm_bench_seconds=1.0)
    sweep = unit_tests.of_sweep(measured)
    assert sweep["n_models"].sum() == 19 * 6 * 5 * 50 * 20
    # eleven configurations have three environments, the others 2 and 4 to 10
    mean = (11 * 3 + 2 + sum(range(4, 11))) / 19
    hours = 19 * 6 * 5 * 50 * 20 * mean / 3 / 3600
    assert sweep["core_hours"].sum() == pytest.approx(hours)
    assert sweep["shard_core_hours"].sum() == pytest.approx(hours / 50)


def test_what_studies_cost_is_measured_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    study = {"methods": [{"name": "erm"}], "n_samples": 60, "steps": 40, "seeds": 3}
    names = ("notebook", "sigma_grid")
    overlay = {"defaults": {"n_test_samples": 60}, "audit": {"replicates": 20, "seed_counts": [2]}}
    overlay["studies"] = [study | {"name": name} for name in names]
    config_file = tmp_path / "small.json"  # which is YAML too
    config_file.write_text(json.dumps(overlay))
    small = ["--config", str(config_file)]
    done = benchmark("studies.py", "notebook", "sigma_grid", *small)
    assert done.returncode == 0, done.stderr
    assert re.search(r"without them \d+ CPU s, with all \d+ CPU s:\n-?\d+% of", done.stdout)
    refused = benchmark("studies.py", "notebook", "sigma_gird", *small)
    assert refused.returncode == 2
    assert "no studies of notebook: sigma_gird; it has notebook, sigma_grid" in refused.stderr


def test_more_bytes_move_a_weight_less() -> None:
    moves = [row["largest_move"] for row in digits.rows_of(50, n_steps=200, n_seeds=2)]
    assert moves == sorted(moves, reverse=True)
    assert 0 < moves[-1] < moves[0] / 1000


def test_a_sequence_of_splits_trains_as_the_pipeline_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline's own sequence, the one of its root seed, gives the pipeline's models."""
    parsed, study = components.study_of_notebook(quick=True)
    monkeypatch.setattr(components, "FIRST_SEQUENCE", parsed.root_seed)
    found = components.Trainings(parsed, study, n_seeds=2).phi(0)
    split_half = [{"name": "irm", "penalty": "split_half"}]
    one = {"studies": [{"name": "notebook", "methods": split_half}], "claims": [], "figures": []}
    one["audit"] = {"replicates": 20, "seed_counts": [2]}
    sizes = {"n_samples": 100, "n_test_samples": 100, "steps": 1200, "seeds": 2}
    models = irm_bench.run("notebook", config=one, **sizes)["models"]
    names = [f"phi_{j}" for j in range(1, 5)]
    assert found == pytest.approx(models[names].to_numpy(), abs=1e-9)


def test_components_are_those_that_values_are_made_of() -> None:
    rng = np.random.default_rng(0)
    n_sequences, n_seeds = 300, 400
    exact = (
        2.0 * rng.normal(size=n_seeds)
        + 0.5 * rng.normal(size=(n_sequences, 1))
        + 1.0 * rng.normal(size=(n_sequences, n_seeds))
    )
    found = components.components(exact, exact + 0.3 * rng.normal(size=exact.shape))
    variances = [variance for variance, _ in found.values()]
    assert variances == pytest.approx([4.0, 0.25, 1.0, 0.09], rel=0.2)
    nothing_shared = components.components(exact - exact.mean(axis=1)[:, None], exact)
    assert nothing_shared["split sequence, shared"][0] == 0
