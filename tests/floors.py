"""The oldest versions that pyproject.toml allows of what the library runs on, as constraints for pip.

How the suite is run on them: CONTRIBUTING.md.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

# What these stand on, where a later version makes them warn: Matplotlib 3.9 calls what pyparsing 3.3 has renamed.
BENEATH = ["pyparsing<3.3"]
PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def floors() -> list[str]:
    """A line each: the requirements of the library and of its extras for users, >= read as ==."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = (*project["dependencies"], *extras["exact"], *extras["report"], *extras["explore"])
    return [line.replace(">=", "==") for line in dict.fromkeys(lines)] + BENEATH


if __name__ == "__main__":
    print("\n".join(floors()))
