"""The tutorial as a notebook with its outputs: ``python docs/notebook.py`` (the extra docs; half a minute)."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

SCRIPT = Path(__file__).parent / "examples" / "tutorial.py"


def main() -> None:
    """Run every cell of the script and write it beside the script; nothing in it tells when or where it ran."""
    notebook = jupytext.read(SCRIPT)
    NotebookClient(notebook, timeout=300, record_timing=False).execute()
    for k, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{k}", {}
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(notebook, SCRIPT.with_suffix(".ipynb"))


if __name__ == "__main__":
    main()
