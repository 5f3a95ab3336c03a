"""`cdg`: the console's command line."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version


def main(argv: Sequence[str] | None = None) -> int:
    """Only the version so far: the screens are not part of this release, and the word says so."""
    parser = argparse.ArgumentParser(prog="cdg", description="The console of the guard.")
    parser.add_argument("--version", action="version", version=f"cdg {version('cold-display-guard')}")
    parser.parse_args(argv)
    print("cdg: this release has no screens yet; run `cdg-core serve` and use the manage API", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
