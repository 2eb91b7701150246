"""What a schema cannot say of a study: what its methods, penalties and data need of each other.

Every check raises ``ConfigError``, with the key, its value and what is allowed, or returns nothing.
"""

from irm_bench.config.model import (
    CHOSEN,
    DRAWN,
    GAUSSIAN,
    SINGLE,
    ConfigError,
    Method,
    Study,
)
from irm_bench.plugins.registry import Book

# Products of rows that a model may hold to split them into halves: 134 MB.
MAX_SPLIT_PRODUCTS = 2**25


def consistent(book: Book, study: Study, where: str) -> None:
    """Refuse a study that asks of a method, a penalty or a SEM what it cannot do."""
    keys = [str(method.key) for method in study.methods]
    if len(set(keys)) < len(keys):
        raise ConfigError(f"config key {where}.methods: {keys}; allowed is each one once")
    _check_sizes(study, where)
    for i, method in enumerate(study.methods):
        _check_environments(study, method, where)
        _check_loss(study, method, f"{where}.methods[{i}]")
        if "splits" in method.needs:
            _check_splits(study, method, where)
            _check_split_rows(study, method, where)
        _check_oracle(study, method, f"{where}.methods[{i}]")
        _check_intercept(study, method, f"{where}.methods[{i}]")
        _check_changes(study, method, f"{where}.methods[{i}]")
        _check_subsets(study, method, f"{where}.methods[{i}]")
    _check_selection(study, where)
    _check_learning_rate(study, where)
    _check_starts(study, where)
    _check_split_law(study, where)
    _check_precision(study, where)
    if study.sampling != "rows":
        _check_sampling(book, study, where)


def _check_sizes(study: Study, where: str) -> None:
    """A study trains something, on numbers of rows that its SEM can draw."""
    factor = study.model.sem.get("MULTIPLE_OF", 1)
    sizes = {"n_test_samples": [study.n_test_samples], "n_samples": list(study.n_samples)}
    if study.selection:
        sizes["n_validation_samples"] = [study.n_validation_samples]
    for key, values in sizes.items():
        for value in values:
            if value % factor:
                raise ConfigError(
                    f"config key {where}.{key}: {value}; {study.sem} draws rows of equal classes: "
                    f"allowed is a multiple of {factor}"
                )
    if min(study.n_samples) > max(method.max_n_samples for method in study.methods):
        raise ConfigError(
            f"config key {where}.n_samples: {study.n_samples[0]}; no method is trained on as many: "
            "allowed is at most the largest max_n_samples"
        )


def _check_selection(study: Study, where: str) -> None:
    """Rules that leave an environment out leave enough of them to train on."""
    if study.keep == CHOSEN and not study.selection:
        raise ConfigError(
            f"config key {where}.keep: 'chosen'; no rule of selection chooses: allowed is 'all'"
        )
    for i, selection in enumerate(study.selection):
        if selection.plugin.get("DATA") != "left_out":
            continue
        for method in study.methods:
            least = method.plugin.get("MIN_ENVIRONMENTS", 1) + 1
            for members in study.train_sets:
                if 1 < len(members) < least:
                    raise ConfigError(
                        f"config key {where}.selection[{i}].rule: {selection.name!r}; it trains "
                        f"{method.name} on all but one of {len(members)} environments: allowed "
                        f"are training sets of {least} or more"
                    )


def _check_environments(study: Study, method: Method, where: str) -> None:
    least = method.plugin.get("MIN_ENVIRONMENTS", 1)
    for members in study.train_sets:
        if len(members) < least:
            labels = [member.label for member in members]
            raise ConfigError(
                f"config key {where}.train_environments: {labels} is a single training "
                f"environment; {method.name} needs at least {least}"
            )


def _check_loss(study: Study, method: Method, where: str) -> None:
    """Without moments of rows that settle the loss, a method that needs them cannot run."""
    allowed = method.plugin.get("LOSSES", (study.loss.name,))
    if study.loss.name not in allowed:
        raise ConfigError(
            f"config key {where}.name: {method.name!r} does not train on the loss "
            f"{study.loss.name!r}; it allows {', '.join(allowed)}"
        )
    if study.loss.get("NEEDS") == "rows":
        missing = sorted(method.needs & {"product_variance", "splits"})
        if missing:
            raise ConfigError(
                f"config key {where}: {method.monitor.name!r} of {method.name} needs moments "
                f"({', '.join(missing)}), which do not settle the loss {study.loss.name!r}: "
                "allowed is the penalty plug_in"
            )


def _check_oracle(study: Study, method: Method, where: str) -> None:
    """A method that knows the oracle needs a SEM that does."""
    if "causal" in method.needs and not study.model.has("causal_solution"):
        raise ConfigError(
            f"config key {where}.name: {method.name!r} needs the causal solution, which "
            f"{study.sem} does not know: allowed is any method that does without"
        )


def _check_intercept(study: Study, method: Method, where: str) -> None:
    """A method that treats the intercept apart needs one."""
    if "intercept" in method.needs and not study.model.intercept:
        raise ConfigError(
            f"config key {where}.name: {method.name!r} needs an intercept, and the study has "
            "intercept: false; allowed is intercept: true"
        )


def _check_changes(study: Study, method: Method, where: str) -> None:
    """A method that trains in changed environments needs a SEM that has what it changes."""
    known = study.model.sem.get("PARAMETERS", {})
    for name in method.plugin.get("TRAINS_IN", {}):
        if name not in known:
            raise ConfigError(
                f"config key {where}.name: {method.name!r} trains in environments with another "
                f"{name}, and {study.sem} has the parameters {', '.join(known)}: allowed is any "
                "other method"
            )


def _check_subsets(study: Study, method: Method, where: str) -> None:
    """A method that goes through all subsets of the features can do so for a few features."""
    most = method.plugin.get("MAX_SUBSETS")
    if most is None:
        return
    d = max(model.n_features for model in study.models)
    if 2**d - 1 > most:
        raise ConfigError(
            f"config key {where}.name: {method.name!r} goes through all subsets of the features, "
            f"{2**d - 1:,} of {d} here: allowed are {most:,}, of {(most + 1).bit_length() - 1} "
            "features"
        )


def _check_splits(study: Study, method: Method, where: str) -> None:
    """A study whose rows are to be split into halves."""
    for n in study.n_samples:
        if n <= method.max_n_samples and n % 2:
            raise ConfigError(
                f"config key {where}.n_samples: {n}; {method.monitor} splits the rows into "
                "equal halves: allowed is an even number"
            )


def _check_split_rows(study: Study, method: Method, where: str) -> None:
    """Rows that are split are held for it, unless what splits give is drawn by its law."""
    if study.splits == GAUSSIAN:
        return
    d = max(model.n_features for model in study.models)
    n_products = max(map(len, study.train_sets)) * (d * (d + 1) // 2 + d)
    for n in study.n_samples:
        if n <= method.max_n_samples and n * n_products > MAX_SPLIT_PRODUCTS:
            raise ConfigError(
                f"config key {where}.n_samples: {n}; {method.monitor} holds {n_products} numbers a "
                f"row: allowed is at most {MAX_SPLIT_PRODUCTS // n_products} here (splits: "
                "gaussian holds none; u_statistic is its mean over all splits, for any n; "
                "max_n_samples skips a method)"
            )


def _check_split_law(study: Study, where: str) -> None:
    """The law of what splits give is that of moments, which have to settle the loss.

    Where moments are drawn too, it needs the data model to know the covariance of its products.
    """
    if study.splits != GAUSSIAN:
        return
    key = f"config key {where}.splits: {GAUSSIAN!r}"
    if study.loss.get("NEEDS") == "rows":
        raise ConfigError(
            f"{key}; it is the law of moments, which do not settle the loss {study.loss.name!r}: "
            f"allowed is {DRAWN!r}"
        )
    of_products = [m for m in study.methods if m.needs & {"splits", "product_variance"}]
    if study.sampling == "moments" and of_products and not _knows_products(study):
        raise ConfigError(
            f"{key}; with sampling 'moments' {of_products[0].monitor} needs the covariance of "
            f"products, and {study.sem} has no product_covariance here: allowed is sampling 'rows'"
        )


def _check_precision(study: Study, where: str) -> None:
    """Single precision is for updates from moments: rows and draws have their own."""
    if study.precision != SINGLE:
        return
    key = f"config key {where}.precision: {SINGLE!r}"
    if study.loss.get("NEEDS") == "rows":
        raise ConfigError(f"{key}; the loss {study.loss.name!r} needs rows: allowed is 'double'")
    for method in study.methods:
        needs = sorted(method.needs - {"intercept"})
        if method.is_stepped and needs:
            raise ConfigError(
                f"{key}; {method.name} with {method.monitor} needs more than moments "
                f"({', '.join(needs)}): allowed is 'double'"
            )


def _knows_products(study: Study) -> bool:
    """Whether the SEM knows the covariance of its products wherever methods train."""
    environments = [environment for members in study.train_sets for environment in members]
    for model in study.models:
        for environment in environments:
            if model.product_covariance(environment.mapping) is None:
                return False
    return True


def _check_learning_rate(study: Study, where: str) -> None:
    """A capped rate follows from theory, which has to know what is trained."""
    if study.learning_rate.rule != "capped":
        return
    model = study.model
    if not (model.is_fixed and model.has("population") and study.loss.name == "squared"):
        raise ConfigError(
            f"config key {where}.learning_rate.rule: 'capped'; it needs the squared loss, and "
            f"exact moments that are the same for every seed, which {study.sem} does not give: "
            "allowed is 'fixed'"
        )
    for method in study.methods:
        if method.is_stepped and not method.plugin.get("HESSIAN"):
            raise ConfigError(
                f"config key {where}.learning_rate.rule: 'capped'; {method.plugin.path} names no "
                "HESSIAN: allowed is 'fixed'"
            )


def _check_starts(study: Study, where: str) -> None:
    model = study.model
    if "oracle" in study.starts and not model.has("causal_solution"):
        raise ConfigError(
            f"config key {where}.start: 'oracle'; {study.sem} knows no causal_solution: allowed "
            "are ones, zeros, erm, random"
        )


def _check_sampling(book: Book, study: Study, where: str) -> None:
    """A study that has moments in place of rows."""
    model, key = study.model, f"config key {where}.sampling: {study.sampling!r}"
    if study.sampling == "moments":
        is_known = model.has("sample_moments") and model.is_fixed and not model.intercept
        function = "sample_moments"
    else:
        is_known, function = model.has("population"), "population"
    if not is_known:
        raise ConfigError(f"{key}; {study.sem} has no {function} here: allowed is 'rows'")
    if study.loss.get("NEEDS") == "rows":
        raise ConfigError(f"{key}; the loss {study.loss.name!r} needs rows: allowed is 'rows'")
    of_rows = {"product_variance", "splits", "rows"}
    if study.sampling == "moments" and study.splits == GAUSSIAN:
        of_rows = {"rows"}
    if study.sampling == "population":
        of_rows |= {"n_samples"}
    for method in study.methods:
        needs = sorted(method.needs & of_rows)
        if needs:
            penalties = [book.plugin("penalties", name) for name in book.names("penalties")]
            enough = [penalty.name for penalty in penalties if not penalty.get("NEEDS")]
            can_do_without = study.sampling == "moments" and "rows" not in needs
            other = ", splits: gaussian" if can_do_without else ""
            raise ConfigError(
                f"{key}; {method.monitor} of method {method.name} needs rows ({', '.join(needs)}): "
                f"allowed is 'rows'{other}, or of the penalties {', '.join(enough)}"
            )
    if study.sampling == "moments":
        _check_wishart(study, where)


def _check_wishart(study: Study, where: str) -> None:
    """The law of the moments of rows wants more rows than columns, the target's among them."""
    least = max(model.n_features for model in study.models) + 2
    sizes = [("n_samples", min(study.n_samples)), ("n_test_samples", study.n_test_samples)]
    if study.selection:
        sizes.append(("n_validation_samples", study.n_validation_samples))
    for key, n in sizes:
        if n < least:
            raise ConfigError(
                f"config key {where}.{key}: {n}; sampling 'moments' allows {least} or more"
            )
