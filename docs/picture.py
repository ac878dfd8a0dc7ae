"""Draw the display of a real run, as it stood some way through, into an SVG file.

python docs/picture.py runs/python docs/training.svg
"""

import io
import json
import re
import sys
import tomllib
from pathlib import Path

from rich.console import Console
from rich.text import Text

from charrnn.display.live import LiveDisplay
from charrnn.runs.report import Report

SHARE = 0.95
"""How far through the run the picture is taken."""


def main(run: Path, picture: Path) -> None:
    """Replay what the run reported up to there, and draw the panel."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    display = LiveDisplay(console)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    end_seconds = lines[-1]["seconds"]
    for line in lines:
        if line["seconds"] > SHARE * end_seconds:
            break
        progress = line["seconds"] / end_seconds
        values = {"validation_nats": None} | line
        display.report(Report(**values, progress=progress, remaining_seconds=end_seconds - line["seconds"]))
    assert display.last_report is not None
    display.sample(*_sample(run, display.last_report.step))
    config = tomllib.loads((run / "config.toml").read_text(encoding="utf-8"))
    command = f"charrnn train {' '.join(config['corpus'])} --max-time {config['max_time']}"
    console.print(Text(f"$ {command}"))
    console.print(display.panel())
    drawn = console.export_svg(title="charrnn")
    # The picture stands alone: no fonts are fetched from elsewhere.
    picture.write_text(re.sub(r",\s*url\([^)]*\) format\([^)]*\)", "", drawn), encoding="utf-8")


def _sample(run: Path, step: int) -> tuple[str, str]:
    """The newest sample at a step."""
    text = (run / "samples.txt").read_text(encoding="utf-8")
    found = re.findall(r"^--- (step ([\d,]+))\n(.*?)(?=\n\n--- step|\Z)", text, re.MULTILINE | re.DOTALL)
    title, _, sample = [part for part in found if int(part[1].replace(",", "")) <= step][-1]
    return title, sample


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
