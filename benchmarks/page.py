"""How fast exported pages write in headless Chromium.

    charrnn export page.html --checkpoint runs/novel
    python -m benchmarks.page page.html

Printed for each page: milliseconds until it is loaded, from the click until the first character, characters a
second, and frames a second meanwhile. Chromium must be installed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from browser import Browser, browser  # the tests drive it

SECONDS = 5.0
"""How long each page writes."""

WATCH = """(() => {
  window.frames = 0; window.first = null; window.clicked = performance.now();
  const frame = () => { window.frames += 1; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  new MutationObserver(() => { window.first ??= performance.now() - clicked; })
    .observe(document.querySelector("#text"), { childList: true, subtree: true, characterData: true });
  document.querySelector("#write").click();
})()"""

LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
SECONDS_SINCE = "((performance.now() - clicked) / 1000)"


def row(shown: Browser, page: Path) -> str:
    """Let a page write for some time."""
    shown.show(width=1000, height=1300)
    shown.open(page.absolute().as_uri())
    loaded = shown.value(LOADED)
    shown.type("#length", "1000000")
    shown.value(WATCH)
    time.sleep(SECONDS)
    written, frames, first = (
        shown.value(what)
        for what in (
            f"document.querySelector('#text').textContent.length / {SECONDS_SINCE}",
            f"window.frames / {SECONDS_SINCE}",
            "window.first",
        )
    )
    shown.click("#stop")
    cells = page.name, f"{loaded:.0f} ms", f"{first:.0f} ms", f"{written:.0f}", f"{frames:.0f}"
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print a row for each page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE")
    pages = parser.parse_args().pages
    print(
        "| page | loaded | first character | characters a second | frames a second |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser(Path(folder)) as shown:
        for page in pages:
            print(row(shown, page))


if __name__ == "__main__":
    main()
