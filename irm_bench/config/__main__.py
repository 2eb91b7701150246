"""``python -m irm_bench.config``: whether config files can be run together."""

import sys
from typing import Any

from irm_bench.config import ConfigError, merge, parse, read


def main(paths: list[str]) -> int:
    """Check config files, later ones overlaid on earlier ones; 0 if they can be run together."""
    try:
        raw: dict[str, Any] = {}
        for path in paths:
            raw = merge(raw, read(path))
        parse(raw)
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
