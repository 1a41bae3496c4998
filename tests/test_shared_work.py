"""What the tests of one run share is made once; what takes long begins first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import once


def test_what_is_shared_is_made_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever asks meanwhile waits, and what failed is tried again."""
    made = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("half")
        if len(made) == 1:
            raise OSError("no space")
        path.write_text("whole")

    with pytest.raises(OSError, match="no space"):
        once(tmp_path_factory, "shared", make)
    with ThreadPoolExecutor(4) as pool:
        paths = [*pool.map(lambda _: once(tmp_path_factory, "shared", make), range(8))]
    assert len(made) == 2
    assert len(set(paths)) == 1
    assert paths[0].read_text() == "whole"


def test_long_tests_run_first(request: pytest.FixtureRequest) -> None:
    is_long = [item.get_closest_marker("long") is not None for item in request.session.items]
    assert is_long == sorted(is_long, reverse=True)
