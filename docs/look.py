"""Pictures of an HTML page for a person to look at: desktop, phone, dark, print. Needs Chromium.

python docs/look.py report.html DIRECTORY
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOOKS = {
    "desktop.png": ["--window-size=1100,6000"],
    "dark.png": ["--window-size=1100,6000", "--blink-settings=preferredColorScheme=0"],
    "phone.png": ["--window-size=400,6000"],
    "print.pdf": ["--no-pdf-header-footer"],
}


def main(page: Path, directory: Path) -> None:
    """Write one file a look; a phone's width is that of a frame, as browsers have a least window width."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("docs/look.py: no Chromium found")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        frame = Path(temporary, "frame.html")
        style = "width:375px;height:6000px;border:0"
        frame.write_text(f'<body style="margin:0"><iframe src="{page.as_uri()}" style="{style}"></iframe>')
        for name, options in LOOKS.items():
            kind = "--print-to-pdf" if name.endswith(".pdf") else "--screenshot"
            source = frame if name == "phone.png" else page
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
            command += [f"--user-data-dir={temporary}/{name}", *options, f"{kind}={directory / name}", source.as_uri()]
            subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
