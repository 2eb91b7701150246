"""``snakemake --lint``, but for one demand: an environment a rule. All rules share the lock file."""

import json
import subprocess
import sys

EXEMPT = "Specify a conda environment or container for each rule."


def main() -> int:
    command = [sys.executable, "-m", "snakemake", "--lint", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    start = done.stdout.find("{")
    if start < 0:
        print(done.stdout, done.stderr, file=sys.stderr)
        return done.returncode
    found = json.loads(done.stdout[start:])
    places = [*found.get("rules", []), *found.get("snakefiles", [])]
    lints = [(place, lint) for place in places for lint in place.get("lints", [])]
    wrong = [(place, lint) for place, lint in lints if lint["title"] != EXEMPT]
    for place, lint in wrong:
        print(f"{place.get('for')}: {lint['title']} {lint['body']}", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
