"""The whole report in headless Chromium, as wide as a desk and as narrow as a phone: sizes, links, overflow."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from figures.report.evidence import gather
from figures.report.page import page
from theory.ledger import Ledger
from theory.proofs.runner import ProofResults

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
needs_a_browser = pytest.mark.skipif(
    BROWSER is None,
    reason=f"what a browser makes of the pages is not measured: none of {', '.join(NAMES)} is on the PATH",
)

FAULTS = ("empty", "flat", "broken", "beyond", "cut", "unsaid", "unlabelled", "images")

# Runs inside the page after it is loaded, all details open, and tells the frame around it what it measured.
MEASURE = """
<script>
addEventListener("load", async () => {
  await document.fonts.ready;
  document.querySelectorAll("details").forEach(d => d.open = true);
  const box = e => e.getBoundingClientRect(), all = s => [...document.querySelectorAll(s)];
  const name = e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 60);
  const wide = document.documentElement.clientWidth;
  const scrolls = e => e.closest(".display, .scroll, pre, .statement, math") !== null;
  const fractions = all("mfrac").filter(e => !(box(e).height > box(e.children[0]).height + box(e.children[1]).height - 2));
  parent.postMessage(JSON.stringify({
    width: wide,
    maths: all("math").length,
    empty: all("math").filter(e => !(box(e).width > 2 && box(e).height > 2)).map(name),
    fractions: all("mfrac").length,
    flat: fractions.map(name),
    links: all("a[href^='#']").length,
    broken: all("a").filter(e => !document.getElementById(decodeURIComponent(e.hash.slice(1)))).map(name),
    overflow: document.documentElement.scrollWidth - wide,
    beyond: all("main *, header *, nav *").filter(e => !scrolls(e) && box(e).right > wide + 1).map(name),
    cut: all(".display, .scroll, pre, .statement").filter(e => getComputedStyle(e).overflowX == "hidden").map(name),
    unsaid: all(".display, .scroll, pre, .statement").filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).backgroundImage == "none").map(name),
    unlabelled: all("td[data-label]").filter(e => wide < 640 && box(e).width > 0 && getComputedStyle(e, "::before").content == "none").map(name),
    images: all("img").filter(e => !(e.naturalWidth > 50 && box(e).width > 50)).map(e => e.alt),
    font: [...document.fonts].map(f => f.family + " " + f.status),
  }), "*");
});
</script>
"""
FRAME = """<body style="margin:0">{frames}<pre id="found"></pre><script>
const found = [];
addEventListener("message", e => {{
  found.push(JSON.parse(e.data));
  if (found.length == {count}) document.getElementById("found").textContent = JSON.stringify(found);
}});
</script>"""


def measured(directory: Path, *widths: int) -> list[dict]:
    """What the page says of itself at each of these widths, in this order, in one browser."""
    frame = directory / "frame.html"
    frames = [f'<iframe src="page.html" style="width:{width}px;height:900px;border:0"></iframe>' for width in widths]
    frame.write_text(FRAME.format(frames="".join(frames), count=len(widths)), encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--virtual-time-budget=20000",
        f"--user-data-dir={directory}/profile", "--window-size=1300,1000", "--dump-dom", frame.as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    match = re.search(r'<pre id="found">(.+?)</pre>', shown, re.S)
    assert match, shown[-2000:]
    found = {one["width"]: one for one in json.loads(unescape(match[1]))}
    assert found.keys() == {*widths}
    return [found[width] for width in widths]


@needs_a_browser
@pytest.mark.long
def test_the_page_is_sound_on_a_desk_and_on_a_phone(
    tmp_path: Path, proofs: ProofResults, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("figures.report.evidence.claims", lambda: ledger)
    evidence = replace(gather((), ("pretrained_by_dimension", "six_strategies"), workers=1), results=proofs)
    assert evidence.failures == []
    text = page(evidence)
    (tmp_path / "page.html").write_text(text.replace("</body>", MEASURE + "</body>"), encoding="utf-8")
    for found in measured(tmp_path, 1100, 375):
        assert found["maths"] == text.count("<math ") > 1000
        assert found["fractions"] == text.count("<mfrac>") > 100
        assert found["links"] > len(evidence.results)
        assert found["font"] == ["Report Math loaded"]
        assert found["overflow"] <= 0
        for fault in FAULTS:
            assert found[fault] == [], (found["width"], fault)


def test_without_a_browser_it_is_said_what_is_not_measured() -> None:
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "-k", "not without", __file__]
    done = subprocess.run(command, env={**os.environ, "PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 skipped" in done.stdout
    assert "what a browser makes of the pages is not measured: none of chromium, " in done.stdout


@needs_a_browser
def test_the_measures_see_what_is_broken(tmp_path: Path) -> None:
    broken = """<!DOCTYPE html><main><a href="#nowhere">a link</a><div style="width:2000px">wide</div><img alt="no picture">
<math style="display:none"><mi>x</mi></math><mfrac><mi>a</mi><mi>b</mi></mfrac><pre style="overflow-x:hidden">code</pre>
<div class="scroll" style="overflow-x:auto;width:50px"><table style="width:99px"><td data-label="n">1</td></table></div></main>"""
    (tmp_path / "page.html").write_text(broken + MEASURE, encoding="utf-8")
    (found,) = measured(tmp_path, 375)
    assert found["overflow"] > 0
    assert found["font"] == []
    assert {fault: len(found[fault]) for fault in FAULTS} == dict.fromkeys(FAULTS, 1)
