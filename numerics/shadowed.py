"""Imported first: where another module is named theory, one in the user's folder, say, this says so, and what to do."""

from __future__ import annotations

import theory

if getattr(theory, "risk", None) is None:
    place = getattr(theory, "__file__", None)
    raise ImportError(f"'theory' is another module here, {place}: rename it, or start Python from another folder")
