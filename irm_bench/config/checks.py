"""What a schema cannot say: names, and what studies, methods and penalties need of each other.

Every check raises ``ConfigError``, with the key, its value and what is allowed, or returns nothing.
"""

from irm_bench.config.model import ConfigError, Method, Study
from irm_bench.plugins import registry

# Products of rows that a model may hold to split them into halves: 134 MB.
MAX_SPLIT_PRODUCTS = 2**25


def known(kind: str, name: str, where: str) -> None:
    """Refuse a name that no plugin bears."""
    try:
        registry.path(kind, name)
    except registry.UnknownPluginError as error:
        raise ConfigError(f"config key {where}: {error}") from None


def unique(study_names: list[str]) -> None:
    """Refuse two studies of one name."""
    for i, name in enumerate(study_names):
        if name in study_names[:i]:
            raise ConfigError(
                f"config key studies[{i}].name: {name!r} is the name of studies"
                f"[{study_names.index(name)}] already; allowed are names that differ"
            )


def consistent(study: Study, where: str) -> None:
    """Refuse a study that asks of a method, a penalty or a SEM what it cannot do."""
    keys = [method.key for method in study.methods]
    if len(set(keys)) < len(keys):
        raise ConfigError(f"config key {where}.methods: {keys}; allowed is each one once")
    for method in study.methods:
        metadata = registry.metadata("methods", method.name)
        least = metadata.get("MIN_ENVIRONMENTS", 1)
        for sigmas in study.train_sets:
            if len(sigmas) < least:
                raise ConfigError(
                    f"config key {where}.train_sigmas: {[e['sigma'] for e in sigmas]} is a single "
                    f"training environment; {method.name} needs at least {least}"
                )
        if "splits" in registry.metadata("penalties", method.monitor)["NEEDS"]:
            _check_splits(study, method, where)
    if study.sampling == "moments":
        _check_moments(study, where)


def _check_splits(study: Study, method: Method, where: str) -> None:
    """A study whose rows are to be split into halves, and held for it."""
    d = registry.load("sems", study.sem).n_features(study.dim)
    n_products = max(map(len, study.train_sets)) * (d * (d + 1) // 2 + d)
    for n in study.n_samples:
        if n > method.max_n_samples:
            continue
        if n % 2:
            raise ConfigError(
                f"config key {where}.n_samples: {n}; {method.monitor} splits the rows into "
                "equal halves: allowed is an even number"
            )
        if n * n_products > MAX_SPLIT_PRODUCTS:
            raise ConfigError(
                f"config key {where}.n_samples: {n}; {method.monitor} holds {n_products} numbers a "
                f"row: allowed is at most {MAX_SPLIT_PRODUCTS // n_products} here (u_statistic is "
                "its mean over all splits, for any n; max_n_samples skips a method)"
            )


def _check_moments(study: Study, where: str) -> None:
    """A study that draws moments in place of rows."""
    sem = registry.load("sems", study.sem)
    if not hasattr(sem, "sample_moments"):
        raise ConfigError(
            f"config key {where}.sampling: 'moments'; {study.sem} has no sample_moments: "
            "allowed is 'rows'"
        )
    for method in study.methods:
        needs = registry.metadata("penalties", method.monitor)["NEEDS"]
        if needs:
            enough = [
                name
                for name in registry.names("penalties")
                if not registry.metadata("penalties", name)["NEEDS"]
            ]
            raise ConfigError(
                f"config key {where}.sampling: 'moments'; {method.monitor} of method {method.name} "
                f"needs rows ({', '.join(needs)}): allowed is 'rows', or of the penalties "
                f"{', '.join(enough)}"
            )
    least = sem.n_features(study.dim) + 2
    for key, n in (("n_samples", min(study.n_samples)), ("n_test_samples", study.n_test_samples)):
        if n < least:
            raise ConfigError(
                f"config key {where}.{key}: {n}; sampling 'moments' allows {least} or more"
            )
