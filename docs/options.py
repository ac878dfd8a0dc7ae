"""Write the table of options into `docs/options.md`, from the settings themselves.

python docs/options.py
"""

from pathlib import Path

from written import write_part

from charrnn.config.declaration import option_name, settings_of
from charrnn.config.settings import TrainSettings

PAGE = Path(__file__).parent / "options.md"
BEGIN, END = "<!-- options: written by docs/options.py -->\n", "<!-- end of options -->"


def table() -> str:
    """The options of `charrnn train` with their defaults."""
    rows = ["| option | default | what it is |", "|---|---|---|"]
    for _, item, _ in settings_of(TrainSettings):
        if not item.metadata or not item.metadata["is_option"]:
            continue
        spec = item.metadata
        value = " ".join(spec["choices"]) if spec["choices"] else spec["metavar"] or ""
        default = spec["chosen"] if item.default is None else str(item.default)
        option = f"`{option_name(item.name)}{' ' + value if value else ''}`".replace("|", "\\|")
        rows.append(f"| {option} | {default if default not in ('', 'False') else ''} | {spec['help']} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    write_part(PAGE, BEGIN, table(), END)
