"""A self-contained HTML page with a text coloured by surprise: no scripts, no requests, everything escaped.

The elements depend on how surprising each character was, never on what it is. Knows nothing of models.
"""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence

from charrnn.display.sanitizer import visible
from charrnn.display.surprise.characters import Character
from charrnn.display.surprise.scale import LEVELS, level_of

_LIGHT = "--ink:#1c1d21;--soft:#62646d;--paper:#fbfaf7;--card:#fff;--line:#e4e0d8;" + "".join(
    f"--l{number}:{level.light};" for number, level in enumerate(LEVELS)
)
_DARK = "--ink:#e7e6e3;--soft:#a0a2ab;--paper:#16171b;--card:#1e2025;--line:#383b44;" + "".join(
    f"--l{number}:{level.dark};" for number, level in enumerate(LEVELS)
)

_STYLE = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media(prefers-color-scheme:dark){{:root{{{_DARK}}}}}
body{{font:1rem/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:2.5rem 1.5rem 9rem;
color:var(--ink);background:var(--paper)}}
h1{{font-size:1.5rem;font-weight:650;margin:0 0 .25rem;overflow-wrap:anywhere}}
p,dt{{margin:0;font-size:.85rem;color:var(--soft)}}
dl{{display:flex;flex-wrap:wrap;gap:.6rem 2.25rem;margin:1.25rem 0}}
dd{{margin:0;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}}
ul{{display:flex;flex-wrap:wrap;gap:.4rem;list-style:none;padding:0;margin:0 0 1rem;font-size:.85rem}}
li{{padding:.1rem .6rem;border-radius:.3rem;border:1px solid var(--line)}}
pre{{font:.95rem/1.75 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;tab-size:4;
white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 1rem;padding:1.25rem 1.5rem;border-radius:.6rem;
background:var(--card);border:1px solid var(--line)}}
pre span{{border-radius:.15em}}
pre span:hover{{outline:2px solid}}
pre span:hover::after{{content:attr(data-note);position:fixed;right:1.5rem;bottom:1.5rem;white-space:pre;
padding:.8rem 1.1rem;border-radius:.6rem;color:var(--ink);background:var(--card);
border:1px solid var(--soft);box-shadow:0 .4rem 1.6rem #0004}}
""" + "".join(f".l{number}{{background:var(--l{number})}}\n" for number in range(len(LEVELS)))

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"

_HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
"""

ALTERNATIVES = 5
"""In the note on a character, at most."""

_SIGNS = {"\n": "⏎", "\t": "→", " ": "␣"}


def page(title: str, figures: Sequence[tuple[str, str]], characters: Iterable[Character], extent: str) -> str:
    """The whole page.

    Args:
        title: what the text is called.
        figures: names and values, at the top.
        characters: the text.
        extent: how much of it is shown, in words.
    """
    shown = "".join(f"<div><dt>{_safe(name)}</dt><dd>{_safe(value)}</dd></div>" for name, value in figures)
    levels = "".join(
        f'<li class="l{number}">chance {level.meaning}</li>' for number, level in enumerate(LEVELS)
    )
    return (
        f"{_HEAD}<title>{_safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_safe(title)}</h1>\n<p>How surprising each character was to the model, by the chance that it "
        "had: 1/2, 1/4, 1/8 … are 1, 2, 3 … bits. Point at one to see what was likelier.</p>\n"
        f"<dl>{shown}</dl>\n<ul>{levels}</ul>\n"
        f"<pre>\n{''.join(map(_element, characters))}</pre>\n<p>{_safe(extent)}</p>\n</body>\n</html>\n"
    )


def _element(character: Character) -> str:
    """A character, in an element of its own where it was not expected."""
    level = 0 if character.bits is None else level_of(character.bits)
    if character.bits is None or not level:
        return _safe(character.text)
    # Of a newline the sign is coloured: it has no place itself.
    text = character.text.replace("\n", "⏎")
    after = "\n" if "\n" in character.text else ""
    return f'<span class="l{level}" data-note="{_note(character)}">{_safe(text)}</span>{after}'


def _note(character: Character) -> str:
    """What it cost and what was likelier, as the value of an attribute."""
    lines = [f"{_sign(character.text)}   {character.bits:.1f} bits"]
    lines += [f"{_sign(text)}   {chance:.0%}" for text, chance in character.likelier[:ALTERNATIVES]]
    return "&#10;".join(map(_safe, lines))


def _sign(text: str) -> str:
    return "".join(_SIGNS.get(character, character) for character in text)


def _safe(text: str) -> str:
    return html.escape(visible(text))
