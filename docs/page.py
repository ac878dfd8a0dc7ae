"""Take the pictures of an exported page, light and dark, in headless Chromium, while it shows a text.

charrnn export page.html --prompt "The function "
python docs/page.py page.html docs
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import browser

WIDTH, HEIGHT = 880, 960


def main(page: Path, folder: Path) -> None:
    """Write `page-light.png` and `page-dark.png`."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser(Path(profile)) as driven:
        for name in ("light", "dark"):
            driven.show(width=WIDTH, height=HEIGHT, dark=name == "dark")
            driven.open(page.resolve().as_uri() + "#temperature=0.7&length=300&surprise=1")
            driven.click("#write")
            driven.until("document.querySelectorAll('#next button').length > 0")
            driven.value("document.activeElement.blur(), scrollTo(0, 0)")
            driven.screenshot(folder / f"page-{name}.png", width=WIDTH, height=HEIGHT, dark=name == "dark")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
