"""Web pages that stand alone: no scripts, no requests, everything escaped; light or dark as preferred.

What a page may do is said in it: its policy allows one style, known by its hash, and nothing else. Knows
nothing of what is shown.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence

from charrnn.display.sanitizer import visible

_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:2.5rem 1.5rem 9rem;
color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem;font-weight:650;margin:0 0 .25rem;overflow-wrap:anywhere}
p,dt{margin:0;font-size:.85rem;color:var(--soft)}
dl{display:flex;flex-wrap:wrap;gap:.6rem 2.25rem;margin:1.25rem 0}
dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
ul{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;padding:0;margin:0 0 1rem;font-size:.85rem}
li{padding:.1rem .6rem;border-radius:.3rem;border:1px solid var(--line)}
pre{font:.95rem/1.75 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;tab-size:4;
white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 1rem;padding:1.25rem 1.5rem;border-radius:.6rem;
background:var(--card);border:1px solid var(--line)}
pre span{border-radius:.15em}
pre span:hover{outline:2px solid}
pre span:hover::after{content:attr(data-note);position:fixed;right:1.5rem;bottom:1.5rem;white-space:pre;
padding:.8rem 1.1rem;border-radius:.6rem;color:var(--ink);background:var(--card);
border:1px solid var(--soft);box-shadow:0 .4rem 1.6rem #0004}
"""

_LIGHT = "--ink:#1c1d21;--soft:#62646d;--paper:#fbfaf7;--card:#fff;--line:#e4e0d8;"
_DARK = "--ink:#e7e6e3;--soft:#a0a2ab;--paper:#16171b;--card:#1e2025;--line:#383b44;"

_SIGNS = str.maketrans({"\n": "⏎", "\t": "→", " ": "␣"})


class Style:
    """The style of a page: what all pages have, and background colours for some of its text.

    A piece of text of the class `lN`, N counted from 0, has the N-th colour.

    Args:
        colours: background colours, each for a light page and for a dark one.
        more: rules of this kind of page alone.
    """

    def __init__(self, colours: Sequence[tuple[str, str]], more: str = "") -> None:
        light, dark = (
            "".join(f"--l{number}:{pair[side]};" for number, pair in enumerate(colours)) for side in (0, 1)
        )
        self.text = (
            f"\n:root{{color-scheme:light dark;{_LIGHT}{light}}}\n"
            f"@media(prefers-color-scheme:dark){{:root{{{_DARK}{dark}}}}}{_STYLE}"
            + "".join(f".l{number}{{background:var(--l{number})}}\n" for number in range(len(colours)))
            + more
        )
        self.hash = base64.b64encode(hashlib.sha256(self.text.encode()).digest()).decode()


def web_page(title: str, style: Style, body: str) -> str:
    """A whole page.

    Args:
        title: as text.
        style: of it.
        body: elements, in which every text is `safe`.
    """
    policy = f"default-src 'none'; style-src 'sha256-{style.hash}'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{safe(title)}</title>\n<style>{style.text}</style>\n</head>\n<body>\n"
        f"<h1>{safe(title)}</h1>\n{body}</body>\n</html>\n"
    )


def safe(text: str) -> str:
    """A text as it may stand in an element or in an attribute's quotes."""
    return html.escape(visible(text))


def figures(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values side by side."""
    shown = "".join(f"<div><dt>{safe(name)}</dt><dd>{safe(value)}</dd></div>" for name, value in rows)
    return f"<dl>{shown}</dl>\n"


def coloured(text: str, level: int, note: Sequence[str]) -> str:
    """A character in a colour of the style, with what is told of it where it is pointed at.

    Args:
        text: the character; of a newline the sign is coloured: it has no place itself.
        level: the number of the colour.
        note: lines.
    """
    after = "\n" if "\n" in text else ""
    told = "&#10;".join(map(safe, note))
    return f'<span class="l{level}" data-note="{told}">{safe(text.replace(chr(10), "⏎"))}</span>{after}'


def sign(text: str) -> str:
    """A character as a note names it: blanks have signs."""
    return text.translate(_SIGNS)
