"""What ``python -m theory report`` runs."""

from __future__ import annotations

import sys
from pathlib import Path


def run(output: str) -> int:
    """Write the report; 1 if something on it failed, each failure one line on standard error."""
    path = Path(output)
    with path.open("a", encoding="utf-8"):  # a path that cannot be written is told now, not after a minute
        pass
    print("python -m theory report: proves, draws, certifies: about a minute ...", file=sys.stderr, flush=True)
    from .evidence import gather  # these load much; a terminal then gets a progress bar
    from .page import page

    evidence = gather()
    path.write_text(page(evidence), encoding="utf-8")
    for failure in evidence.failures:
        print(f"python -m theory report: {failure}", file=sys.stderr)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(evidence.results)} theorems; open it in a browser")
    return 1 if evidence.failures else 0
