"""What is wrong with a book is told in one line: the key or file, the value, what is allowed."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from irm_bench.config import ConfigError
from irm_bench.errors import PluginError
from irm_bench.storage import tables
from tests.unit import books
from tests.unit.books import IRM, PLACES, WrittenBook, study

pytestmark = pytest.mark.spread

ROWS = {**PLACES, "methods": [{"name": "erm"}]}


def refusal(book: WrittenBook, *studies: Mapping[str, Any], **keys: Any) -> str:
    """The one line that a config is refused with."""
    with pytest.raises(ConfigError) as caught:
        book.parse(*studies, **keys)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_book_itself_is_in_order(book: WrittenBook) -> None:
    book.parse(study(), study(name="two", **PLACES))


# --- the config -------------------------------------------------------------------------------

# What is changed in a good study, and the words that the refusal must hold.
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown option": (
        {"options": {"causes": 2}},
        ["studies[0].options.causes", "drawn", "n_causes, scale"],
    ),
    "half an integer": ({"options": {"n_causes": 1.5}}, ["options.n_causes", "1.5", "int", "2"]),
    "option as text": ({"options": {"n_causes": [2, "3"]}}, ["options.n_causes", "'3'", "int"]),
    "option as truth": ({"options": {"scale": True}}, ["options.scale", "True", "a number", "1.0"]),
    "no causes": ({"options": {"n_causes": 0}}, ["options.n_causes", "0", "at least 1"]),
    "unknown parameter of a method": (
        {"methods": [{"name": "spread", "betta": 1.0}]},
        ["studies[0].methods[0]", "'betta'", "beta, ridge"],
    ),
    "text for a parameter": (
        {"methods": [{"name": "spread", "beta": "1e-3"}]},
        ["methods[0].beta", "'1e-3'", "number", "1.0e-5"],
    ),
    "unknown parameter of an optimiser": (
        {"optimiser": {"name": "adam", "momentum": 0.9}},
        ["studies[0].optimiser", "'momentum'", "beta1"],
    ),
    "unknown optimiser": ({"optimiser": "sgd"}, ["studies[0].optimiser", "'sgd'", "adam, gd"]),
    "optimiser twice": (
        {"optimiser": ["adam", {"name": "adam", "beta1": [0.5, 0.9]}]},
        ["studies[0].optimiser", "adam", "once"],
    ),
    "unknown loss": ({"loss": "hinge"}, ["studies[0].loss", "'hinge'", "logistic, squared"]),
    "unknown start": ({"start": ["ones", "twos"]}, ["start", "twos", "ones", "random"]),
    "unknown rule": ({"selection": ["best"]}, ["selection[0].rule", "'best'", "in_distribution"]),
    "nothing held out": (
        {"selection": ["held_out_environment"]},
        ["selection[0].environments", "held_out_environment", "needs environments"],
    ),
    "needless environments": (
        {"selection": [{"rule": "oracle", "environments": [{"sigma": 1.0}]}]},
        ["selection[0].environments", "oracle", "its own"],
    ),
    "unknown held-out parameter": (
        {"selection": [{"rule": "held_out_environment", "environments": [{"tau": 1.0}]}]},
        ["selection[0].environments", "'tau'", "sigma, shift"],
    ),
    "rule twice": (
        {"selection": ["oracle", {"rule": "oracle"}]},
        ["selection[1].rule", "'oracle'", "once"],
    ),
    "too few to leave one out": (
        {"selection": ["leave_one_environment_out"]},
        ["selection[0].rule", "irm", "2 environments", "3 or more"],
    ),
    "a rate that theory cannot cap": (
        {"learning_rate": {"rule": "capped", "value": 1.0}},
        ["learning_rate.rule", "'capped'", "drawn", "'fixed'"],
    ),
    "capped without curvature": (
        {
            "sem": "example_1",
            "test_environments": [{"sigma": 1.0}],
            "methods": [{"name": "spread"}],
            "learning_rate": {"rule": "capped", "value": 1.0},
        },
        ["learning_rate.rule", "spread.py", "HESSIAN", "'fixed'"],
    ),
    "start at an unknown oracle": (
        {**ROWS, "start": "oracle"},
        ["start", "'oracle'", "rows_alone", "ones, zeros, erm, random"],
    ),
    "an oracle that is not known": (
        {**ROWS, "methods": [{"name": "oracle"}]},
        ["methods[0].name", "'oracle'", "causal solution", "rows_alone"],
    ),
    "moments without a law": (
        {"sampling": "moments"},
        ["sampling", "'moments'", "drawn", "'rows'"],
    ),
    "an intercept of drawn moments": (
        {
            "sem": "example_1",
            "test_environments": [{"sigma": 1.0}],
            "sampling": "moments",
            "intercept": True,
        },
        ["sampling", "'moments'", "example_1", "'rows'"],
    ),
    "too few validation rows of drawn moments": (
        {
            "sem": "example_1",
            "test_environments": [{"sigma": 1.0}],
            "sampling": "moments",
            "n_validation_samples": 4,
            "selection": ["in_distribution"],
        },
        ["n_validation_samples", "4", "6 or more"],
    ),
    "no method is left": (
        {"methods": [{"name": "erm", "max_n_samples": 10}]},
        ["n_samples", "40", "max_n_samples"],
    ),
    "unknown place": (
        {**ROWS, "test_environments": [{"place": "nowhere"}]},
        ["test_environments[0]", "'nowhere'", "'here', 'there', 'far'"],
    ),
    "number for a text": (
        {**ROWS, "train_environments": [["here", 1.0]]},
        ["train_environments[0]", "1.0", "'here', 'there', 'far'"],
    ),
    "text for a number": (
        {"train_environments": [[0.5, {"sigma": 1.0, "shift": "left"}]]},
        ["train_environments[0]", "'left'", "a number"],
    ),
    "text for a number without default": (
        {"test_environments": [{"sigma": "large"}]},
        ["test_environments[0]", "'large'", "greater than 0"],
    ),
    "σ of a SEM without": ({**ROWS, "train_environments": [[{"sigma": 1}]]}, ["'sigma'", "place"]),
    "missing parameter": (
        {**ROWS, "test_environments": [{"spread": 1.0}]},
        ["test_environments[0]", "'place'", "rows_alone", "missing"],
    ),
    "text with a comma": (
        {**ROWS, "test_environments": [{"place": "here, there"}]},
        ["place", "here, there"],
    ),
    "split halves of a loss by rows": (
        {"loss": "logistic", "methods": [{"name": "irm", "penalty": "split_half"}]},
        ["'split_half'", "irm", "'logistic'", "plug_in"],
    ),
    "a method of another loss": (
        {"loss": "logistic", "methods": [{"name": "irm_matrix"}]},
        ["'irm_matrix'", "'logistic'", "squared"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_study_is_told_key_value_and_allowed(book: WrittenBook, case: str) -> None:
    keys, words = BAD[case]
    message = refusal(book, study(**keys))
    for word in words:
        assert word in message, message


def test_kinds_of_a_parameter_are_one(book: WrittenBook) -> None:
    """Without default or choices a parameter may be text or number, but is one of them."""
    named = "def feature_names(options):\n    return ['x', 'z']\n"
    source = books.ROWS_ALONE.replace("CHOICES", "_CHOICES")
    source = source.replace('SLOPES[environment["place"]]', "0.5")
    book.add("sems/free", source + named)
    keys = {**ROWS, "sem": "free"}
    for sets, tests in (([["here", 3]], ["here"]), ([["here", "there"]], [1.0])):
        given = {"train_environments": sets, "test_environments": [{"place": tests}]}
        message = refusal(book, study(**keys | given))
        assert "'place'" in message
        assert "number" in message
        assert "text" in message
        assert "free.py" in message


# --- names ------------------------------------------------------------------------------------


def columns_of_tables(book: WrittenBook) -> set[str]:
    """The columns that stand beside those that plugins name, in any table."""
    everything = study(
        optimiser=["gd", "adam"],
        start=["ones", "zeros"],
        selection=["oracle"],
        methods=[{"name": "erm"}],
    )
    logistic = study(
        name="two",
        sem="classes",
        loss="logistic",
        train_environments=[[1.0]],
        test_environments=[{"width": 1.0}],
        methods=[{"name": "erm"}],
    )
    found = tables.contracts(book.parse(everything, logistic)).values()
    of_plugins = {"n_causes", "scale", "sigma", "shift", "width", "tilt"}
    of_plugins |= {"beta1", "beta2", "epsilon", "weight_decay", "error_weight"}
    names: set[str] = set()
    for contract in found:
        if of_plugins & set(contract.names):
            names |= set(contract.names)
    return names - of_plugins


@pytest.mark.parametrize("constant", ["PARAMETERS", "OPTIONS", "PARAMS", "EXTRAS"])
def test_no_name_of_a_plugin_may_be_a_column(book: WrittenBook, constant: str) -> None:
    kind = "sems" if constant in ("PARAMETERS", "OPTIONS") else "methods"
    for i, name in enumerate(sorted(columns_of_tables(book))):
        given = f"{constant} = {{{name!r}: 1.0}}\n"
        if kind == "sems":
            book.add(f"sems/named_{i}", given + "def sample(): ...\n")
            message = refusal(book, study(sem=f"named_{i}"))
        else:
            book.add(f"methods/named_{i}", given + "def fit(problem): ...\n")
            message = refusal(book, study(methods=[{"name": f"named_{i}"}]))
        assert f"named_{i}.py" in message
        assert f"{name!r} in {constant}" in message


@pytest.mark.parametrize("value", ["['beta']", "{1: 2.0}", "{'a b': 1.0}", "{'': 1.0}", "3"])
def test_parameters_are_a_mapping_from_names(book: WrittenBook, value: str) -> None:
    book.add("methods/odd", f"PARAMS = {value}\ndef fit(problem): ...\n")
    message = refusal(book, study(methods=[{"name": "odd"}]))
    assert "odd.py" in message
    assert "PARAMS" in message


def test_constants_are_read_and_not_run(book: WrittenBook) -> None:
    book.add("methods/computed", "PARAMS = dict(beta=1.0)\ndef fit(problem): ...\n")
    message = refusal(book, study(methods=[{"name": "computed"}]))
    for word in ("computed.py", "PARAMS", "literal"):
        assert word in message


def method(name: str) -> str:
    return f"PARAMS = {{{name!r}: 1.0}}\ndef fit(problem): ...\n"


# Plugins that call two things by one name, in one study or in two of one config.
CLASHES: dict[str, tuple[dict[str, str], list[dict[str, Any]], str]] = {
    "option and parameter": (
        {"sems/both": books.ROWS_ALONE + "OPTIONS = {'spread': 1.0}\n"},
        [{**ROWS, "sem": "both"}],
        "spread",
    ),
    "option and a method's": (
        {"methods/scaled": method("scale")},
        [{"methods": [{"name": "scaled"}]}],
        "scale",
    ),
    "environment's and a method's": (
        {"methods/shifted": method("shift")},
        [{"methods": [{"name": "shifted"}]}],
        "shift",
    ),
    "a method's and an optimiser's": (
        {"methods/beta": method("beta1")},
        [{"methods": [{"name": "beta"}], "optimiser": "adam"}],
        "beta1",
    ),
    "what it takes and what it reports": (
        {"methods/told": method("size") + "EXTRAS = {'size': 'of φ'}\n"},
        [{"methods": [{"name": "told"}]}],
        "size",
    ),
    "across studies": (
        {"methods/scaled": method("scale")},
        [{}, {**ROWS, "methods": [{"name": "scaled"}]}],
        "scale",
    ),
    "text here, number there": (
        {"sems/where": books.ROWS_ALONE.replace('"spread"', '"sigma"').replace("place", "shift")},
        [
            {},
            {
                **ROWS,
                "sem": "where",
                "train_environments": [["here"]],
                "test_environments": [{"shift": "far"}],
            },
        ],
        "shift",
    ),
}


@pytest.mark.parametrize("case", CLASHES)
def test_one_name_means_one_thing(book: WrittenBook, case: str) -> None:
    plugins, studies, name = CLASHES[case]
    for plugin, source in plugins.items():
        book.add(plugin, source)
    named = [study(**keys) | {"name": f"study_{i}"} for i, keys in enumerate(studies)]
    message = refusal(book, *named)
    assert re.search(rf"'{name}' .*allowed are names that differ", message), message
    assert ".py" in message


def test_methods_may_share_a_parameter(book: WrittenBook) -> None:
    methods = [{"name": "spread"}, {"name": "ridge"}]  # both have ``ridge``
    assert book.parse(study(methods=methods)).studies[0].methods[1].grid == (("ridge", (0.1,)),)


# --- files ------------------------------------------------------------------------------------

# Of a SEM's file, what is replaced by what, and the words that the fault must hold.
FAULTS: dict[str, tuple[str, str, list[str]]] = {
    "x of a column too many": (
        "return np.column_stack([x, z]), y",
        "return np.column_stack([x, z, z]), y",
        ["sample", ", 4) and y", ", 3) and ("],
    ),
    "y as a column": ("), y\n", "), y[:, None]\n", ["sample", "and y of shape (", ", 1);"]),
    "no pair": (
        "return np.column_stack([x, z]), y",
        "return {'x': x}",
        ["sample", "dict", "(x, y)"],
    ),
    "NaN": ("z = y +", "z = np.nan * y +", ["sample", "not finite"]),
    "infinite": ("), y\n", "), y / 0.0\n", ["sample", "not finite"]),
    "gram": ("return Moments(gram,", "return Moments(gram[:2],", ["population", "gram", "(2, 3)"]),
    "cross": ("gram, cross,", "gram, cross[:1],", ["population", "cross", "(1,)", "(3,)"]),
    "target": ("of_y + mean_y**2,", "cross,", ["population", "target", "(3,)", "()"]),
    "means": ("np.append(means, mean_y))", "means)", ["population", "mean", "(3,)", "(4,)"]),
    "oracle": ('np.append(mechanism["weights"], 0.0)', 'mechanism["weights"]', ["causal_solution"]),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("case", FAULTS)
def test_a_faulty_sem_is_named_with_what_it_gave_and_should(book: WrittenBook, case: str) -> None:
    given, instead, words = FAULTS[case]
    assert given in books.DRAWN
    path = book.add("sems/faulty", books.DRAWN.replace(given, instead))
    with pytest.raises((ConfigError, PluginError)) as caught:
        book.run(study(sem="faulty"))
    message = str(caught.value)
    assert "\n" not in message
    for word in (str(path), *words):
        assert word in message, message


@pytest.mark.parametrize("roles", ['["cause"]', '["cause", "cause", "spurious"]'])
def test_faulty_roles_are_named(book: WrittenBook, roles: str) -> None:
    source = re.sub(r"return \[\"cause\"\].*", f"return {roles}", books.DRAWN)
    path = book.add("sems/faulty", source)
    model = book.parse(study(sem="faulty")).studies[0].model
    with pytest.raises(PluginError, match=rf"{path.name}: roles gives .*'effect'"):
        _ = model.roles


# Whole files that no SEM may be, and the words of the refusal, before any work.
FILES: dict[str, tuple[str, list[str]]] = {
    "no sample": ("PARAMETERS = {'place': None}\n", ["'sample'", "none"]),
    "no Python": ("def sample(:\n", ["invalid syntax"]),
    "not UTF-8": ("\udcff = 1\n", ["utf-8"]),
    "what is not installed": ("import no_such_library\n" + books.ROWS_ALONE, ["no_such_library"]),
    "fails at once": (books.ROWS_ALONE.replace("SLOPES[", "SLOPS["), ["NameError", "SLOPS"]),
    "other arguments": (
        books.ROWS_ALONE.replace("rng, n_samples, environment, mechanism", "n, rng"),
        ["TypeError", "sample"],
    ),
    "NaN at once": (books.ROWS_ALONE.replace("y = x +", "y = np.nan * x +"), ["not finite"]),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_sem_is_refused_before_any_work(book: WrittenBook, case: str) -> None:
    source, words = FILES[case]
    path = book.folder / "sems" / "faulty.py"
    path.write_bytes(source.encode("utf-8", "surrogateescape"))
    message = refusal(book, study(**{**ROWS, "sem": "faulty"}))
    for word in ("faulty", *words):
        assert word in message, message


def test_labels_of_another_kind_are_refused(book: WrittenBook) -> None:
    """The logistic loss is of labels 0 and 1."""
    given = study(loss="logistic", methods=[{"name": "erm"}])
    message = r"\.py: sample gives targets .*'logistic' is of 0, 1"
    with pytest.raises(ConfigError, match="drawn" + message):
        book.parse(given)
    # some that two rows do not show
    source = books.CLASSES.replace("> 0).astype(float)", "> 0) * (2.0 if n_samples > 2 else 1.0)")
    book.add("sems/late", source)
    widths = {"train_environments": [[1.0]], "test_environments": [{"width": 1.0}]}
    with pytest.raises(PluginError, match="late" + message):
        book.run(given | {"sem": "late"} | widths)


@pytest.mark.parametrize(
    "chosen", ["scores[0]", "np.full(3, 7)", "np.array([0])", "np.full(3, -1)"]
)
def test_a_faulty_rule_is_named(book: WrittenBook, chosen: str) -> None:
    path = book.add(
        "selection/odd",
        f"import numpy as np\nDATA = 'train'\ndef choose(scores):\n    return {chosen}\n",
    )
    with pytest.raises(PluginError) as caught:
        book.run(study(methods=[IRM], selection=["odd"]))
    assert str(path) in str(caught.value)
    assert "choose" in str(caught.value)


@pytest.mark.parametrize("name", ["../drawn", "sems/drawn", "/etc/passwd", ".", "", "Drawn"])
def test_a_plugins_name_cannot_leave_its_folder(book: WrittenBook, name: str) -> None:
    message = refusal(book, study(sem=name))
    assert repr(name) in message
    assert "drawn" in message
