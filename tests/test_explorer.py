"""The explorer: its page in headless Chromium, whose numbers are theory.risk's, whose state is its link, on a phone too."""

from __future__ import annotations

import ast
import csv
import json
import math
import random
import re
import subprocess
import sys
from fractions import Fraction
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from test_report_in_browser import BROWSER, needs_a_browser

from figures.__main__ import main
from figures.explorer.javascript import COMPOSED, WEIGHTED, javascript_of
from theory import STRATEGIES, Strategy, risk

CLOSE = (
    1e-12  # relative: the same operations in the same order, but for pow and exp; the worst of 2,000 settings was 4e-15
)
LINK = "#d=7&m=9&sigma2=0.5&nmax=12&place=unseen&lam=0.5&mu=2&t=0.3&formula=value_composed&show=pretrained+value_composed+mixed"

UNUSED = {  # further parts of the link, and what the page says of each
    "cosine=2": "cosine = 2; allowed is a number from -1 to 1",
    "m=2.5": "m = 2.5; allowed is a whole number from 1 to 1000",
    "t=": "t = ; allowed is a number from 0.001 to Infinity",
    "place=%": "place = %; allowed: task, unseen",
    "constructor=1": "constructor = 1; allowed are d, m, sigma2, nmax, cosine, lam, mu, t, place, formula, show",
    "formula=a%3Cb%3E": f"formula = a<b>; allowed: {', '.join([*STRATEGIES, *COMPOSED])}",
}

# Runs in the page once its plots are drawn: the questions' answers, and what a user would see, said to the frame around it.
ASK = """
<script>
addEventListener("load", async () => {
  while (!document.body.dataset.ready) await new Promise(done => setTimeout(done, 20));
  await new Promise(done => setTimeout(done, 200));
  const wide = document.documentElement.clientWidth, all = s => [...document.querySelectorAll(s)];
  const scrolls = e => e.closest(".scroll, .display, pre, .plot") !== null;
  const said = () => document.getElementById("unused").checkVisibility() ? document.getElementById("unused").innerText : "";
  const start = { hash: hash(), unused: said(), formula: all(".formula:not([hidden])").map(e => e.dataset.key), csv: csv(), svg: svg(),
    overflow: document.documentElement.scrollWidth - wide,
    beyond: all("body *").filter(e => !scrolls(e) && e.getBoundingClientRect().right > wide + 1).map(e => e.tagName + e.id),
    unreachable: all("input, select, button").filter(e => e.tabIndex < 0 || !(e.labels?.length || e.textContent)).map(e => e.id) };
  const slider = document.getElementById("d");
  slider.value = 0;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise(done => setTimeout(done, 400));
  const values = QUESTIONS.map(q => risk(q.name, q.place, q.n, q));
  parent.postMessage(JSON.stringify({ ...start, values, moved: location.hash, afterwards: said(),
    loaded: performance.getEntriesByType("resource").map(e => e.name), cells: all("#numbers td").length }), "*");
});
</script>
"""
FRAME = """<body style="margin:0"><iframe src="page.html{link}" style="width:390px;height:900px;border:0"></iframe><pre id="found"></pre>
<script>addEventListener("message", e => document.getElementById("found").textContent = e.data)</script>"""


def questions(count: int) -> list[dict[str, Any]]:
    rng = random.Random(7)
    asked = []
    for k in range(count):
        names = [*STRATEGIES, *COMPOSED]
        name = names[k % len(names)]
        asked.append({
            "name": name, "place": rng.choice(("task", "unseen")), "n": rng.randint(0, 200), "d": rng.randint(2, 100),
            "m": rng.randint(1, 300), "sigma2": 10 ** rng.uniform(-3, 1), "cosine": rng.choice((1, -1, rng.uniform(-1, 1))),
            "lam": rng.choice((0, 10 ** rng.uniform(-2, 2))) if name in (*WEIGHTED, *COMPOSED) else 0,
            "mu": rng.choice((0, 10 ** rng.uniform(-2, 2))), "t": rng.choice((math.inf, 10 ** rng.uniform(-3, 2))),
        })  # fmt: skip
    return asked


def answer(q: dict[str, Any]) -> float:
    strategy: Any = q["name"]
    lam, mu, sigma2, cosine = q["lam"], q["mu"], q["sigma2"], q["cosine"]
    if strategy in COMPOSED:
        if q["t"] == math.inf:  # exact: the block law in floats keeps 3e-13 where a few-shot weight is small
            lam, mu, sigma2, cosine = map(Fraction, (lam, mu, sigma2, cosine))
        strategy = Strategy(COMPOSED[strategy], few_shot=lam, replay=mu, time=q["t"])
        lam = 0
    task = "unseen" if q["place"] == "unseen" else cosine
    shots = {"pretrain_shots": q["m"], "few_shot_weight": lam}
    return float(risk(strategy, q["n"], q["d"], noise_variance=sigma2, task=task, **shots))


@needs_a_browser
@pytest.mark.long
def test_the_page_computes_what_the_calculator_does(tmp_path: Path) -> None:
    pytest.importorskip("bokeh", reason="the explorer's page is not made: Bokeh is not installed")
    page = tmp_path / "page.html"
    assert main(["explore", "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < 3e6
    asked = questions(200)
    ask = ASK.replace("QUESTIONS", json.dumps(asked))
    page.write_text(text.replace("</body>", ask + "</body>"), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.replace("{link}", "&".join([LINK + "+mixd", *UNUSED])), encoding="utf-8")
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
        "--virtual-time-budget=20000", f"--user-data-dir={tmp_path}/profile", "--window-size=500,1000", "--dump-dom", frame.as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout
    match = re.search(r'<pre id="found">(.+?)</pre>', shown, re.S)
    assert match, shown[-2000:]
    found = json.loads(unescape(match[1]))

    for q, value in zip(asked, found["values"], strict=True):
        assert value == pytest.approx(answer(q), rel=CLOSE), q
    parts = dict(part.split("=") for part in found["hash"][1:].split("&"))
    assert parts == {**dict(part.split("=") for part in LINK[1:].split("&")), "cosine": "1", "show": parts["show"]}
    assert set(parts["show"].split("+")) == {"pretrained", "value_composed", "mixed"}
    assert "d=2&" in found["moved"]
    said = [f"show = mixd; allowed: {', '.join([*STRATEGIES, *COMPOSED])}", *UNUSED.values()]
    assert found["unused"].splitlines() == [f"Not used from the link: {text}." for text in said]
    assert found["afterwards"] == ""
    assert found["formula"] == ["value_composed unseen 11"]
    rows = list(csv.DictReader(found["csv"].splitlines()))
    assert [(row["strategy"], row["n_shots"]) for row in rows] == [
        (name, str(n)) for name in ("pretrained", "value_composed") for n in range(13)  # mixed: no closed form at a weight
    ]  # fmt: skip
    strategy = Strategy("value", few_shot=0.5, replay=2.0, time=0.3)
    expected = risk(strategy, 12, 7, pretrain_shots=9, noise_variance=0.5, task="unseen")
    assert float(rows[-1]["risk"]) == pytest.approx(expected, rel=CLOSE)
    assert found["svg"].count("<svg") >= 3
    assert "<path" in found["svg"]
    written = re.findall(r"<text[^>]*>([^<]+)</text>", found["svg"])
    assert [x for x in written if x in ("pretrained", "value, composed", "mixed, all")] == [
        "pretrained",
        "value, composed",
    ]
    assert "risk on unseen tasks" in written[:-1]  # a plot's title
    assert written[-1] == "risk on unseen tasks; d = 7, m = 9, σ² = 0.5, λ = 0.5, μ = 2, t = 0.3"
    assert found["cells"] == 2 * 5
    assert found["overflow"] <= 0
    assert [found[fault] for fault in ("beyond", "unreachable", "loaded")] == [[], [], []]


def test_python_that_has_no_javascript_is_refused() -> None:
    for text in ("a @ b", "a % b", "sin(a)", "1.5"):
        with pytest.raises(ValueError, match="no JavaScript form"):
            javascript_of(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        ("folder.html", "a directory"),
        ("page.png", "not the name of a page"),
        ("", "a directory"),
        ("none/page.html", "in 'none', which is not a directory"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_work(
    output: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("figures.explorer.page.page", lambda: pytest.fail("the page was made"))
    Path("folder.html").mkdir()
    with pytest.raises(SystemExit) as caught:
        main(["explore", "--output", output])
    assert caught.value.code == 2
    said = f"argument --output: {output!r} is {fault}; allowed: a name that ends in .html, in a directory that is there"
    assert capsys.readouterr().err == f"python -m figures explore: {said}\n"


def test_without_bokeh_it_says_what_to_install(tmp_path: Path) -> None:
    """And leaves no page behind."""
    program = "import sys; sys.modules['bokeh'] = None; from figures.__main__ import main; sys.exit(main(['explore']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert [*tmp_path.iterdir()] == []
    assert done.returncode == 2
    assert done.stderr == (
        "python -m figures explore: the explorer needs Bokeh, which is not installed: pip install bokeh latex2mathml\n"
    )
