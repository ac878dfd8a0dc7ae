"""Take the pictures of a page of `charrnn evaluate --html`, light and dark, in headless Chromium.

charrnn evaluate novel.txt --html page.html
python docs/surprise.py page.html docs
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1000, 640
SCHEMES = {"dark": 0, "light": 1}
POINTED_AT = "l3"
"""The first character of this class seems to be pointed at, so that its note is shown."""


def main(page: Path, folder: Path) -> None:
    """Write `surprise-light.png` and `surprise-dark.png`."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"there is none of {', '.join(BROWSERS)} here; install Chromium")
    with tempfile.TemporaryDirectory() as temporary:
        pointed = Path(temporary) / "page.html"
        pointed.write_text(_pointed(page.read_text(encoding="utf-8")), encoding="utf-8")
        for name, scheme in SCHEMES.items():
            picture = folder / f"surprise-{name}.png"
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            command += [f"--window-size={WIDTH},{HEIGHT}", f"--blink-settings=preferredColorScheme={scheme}"]
            command += [f"--screenshot={picture}", pointed.as_uri()]
            subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - the browser


def _pointed(page: str) -> str:
    """The page as it looks when one character is pointed at; its policy would not let this be changed."""
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n', "", page)
    place = re.findall(r'<span class="(\w+)"', page).index(POINTED_AT) + 1
    return page.replace("span:hover", f"span:nth-of-type({place})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
