"""``python -m benchmarks.explorer``: how long the explorer takes to paint, and to follow a slider, in headless Chromium.

First paint and the plots' first drawing count from the start of the page's loading; a slider's move from its event to the end of
the frame in which everything is redrawn (all strategies shown, every slider in turn). The page asks for no network.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

from figures.explorer.page import page

ALLOWED = {"first paint": 1000.0, "plots drawn": 1000.0, "slider, median": 30.0}  # milliseconds
MOVES = 10  # of each slider
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

MEASURE = """
<script>
addEventListener("load", async () => {
  while (!document.body.dataset.ready) await new Promise(done => setTimeout(done, 1));
  const drawn = performance.now(), moves = {};
  await new Promise(done => setTimeout(done, 500));
  document.querySelectorAll("[name=strategy]").forEach(e => { if (!e.checked) e.click(); });
  await new Promise(done => setTimeout(done, 500));
  for (const slider of document.querySelectorAll("input[type=range]")) {
    moves[slider.id] = [];
    for (let k = 1; k <= COUNT; k++) {
      slider.value = Number(slider.min) + (slider.max - slider.min) * (k / (COUNT + 1));
      const start = performance.now();
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      draw(); // what the next animation frame would do: headless pages may have none
      document.body.getBoundingClientRect(); // layout, too
      moves[slider.id].push(performance.now() - start);
      await new Promise(done => setTimeout(done, 20));
    }
  }
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
  const loaded = performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length;
  fetch("/found", { method: "POST", body: JSON.stringify({ paint, drawn, moves, loaded }) });
});
</script>
"""


class Handler(BaseHTTPRequestHandler):
    """Gives out the page, and takes what it measured."""

    html: bytes
    found: Queue[dict]

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.html if self.path == "/" else b"")

    def do_POST(self) -> None:
        self.found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


def measured(browser: str) -> dict:
    """By the page's own clock, in milliseconds; from this machine's server, as a dumped page's clock would be virtual."""
    html = page().replace("</body>", MEASURE.replace("COUNT", str(MOVES)) + "</body>").encode()
    handler = type("Handler", (Handler,), {"html": html, "found": Queue()})
    with tempfile.TemporaryDirectory() as directory, ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1300,1000",
            "--remote-debugging-port=0", f"--user-data-dir={directory}", f"http://127.0.0.1:{server.server_port}/",
        ]  # fmt: skip
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return handler.found.get(timeout=120)
        finally:
            running.terminate()
            running.wait()
            server.shutdown()


def main() -> int:
    """Print the times; 1 if one is beyond what is allowed."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        print(f"python -m benchmarks.explorer: none of {', '.join(NAMES)} is on the PATH", file=sys.stderr)
        return 2
    found = measured(browser)
    every = [x for moves in found["moves"].values() for x in moves]
    times = {"first paint": found["paint"], "plots drawn": found["drawn"], "slider, median": statistics.median(every)}
    for name, x in times.items():
        print(f"{name:<16} {x:7.1f} ms, at most {ALLOWED[name]:g} allowed")
    worst = max(found["moves"], key=lambda name: statistics.median(found["moves"][name]))
    print(
        f"slowest slider   {statistics.median(found['moves'][worst]):7.1f} ms ({worst}); largest of all {max(every):.1f} ms"
    )
    print(f"files asked for  {found['loaded']:5d}")
    return int(found["loaded"] > 0 or any(not x <= ALLOWED[name] for name, x in times.items()))


if __name__ == "__main__":
    sys.exit(main())
