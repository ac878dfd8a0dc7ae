"""Web pages as tests look at them: their elements, strings that would break out of these, colours."""

import html.parser
import random
from collections.abc import Iterator


class Tree(html.parser.HTMLParser):
    """The elements with their attributes' names, comments and declarations; the text beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text: list[str] = []
        self.notes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(f"<{tag} {' '.join(name for name, _ in attrs)}>")
        self.notes += [value or "" for name, value in attrs if name == "data-note"]

    def handle_endtag(self, tag: str) -> None:
        self.elements.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.elements.append("<!-- -->")

    def handle_decl(self, decl: str) -> None:
        self.elements.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.elements.append("<? >")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def tree_of(document: str) -> Tree:
    tree = Tree()
    tree.feed(document)
    tree.close()
    return tree


PIECES = (
    *(
        "<",
        ">",
        '"',
        "'",
        "&",
        "&#",
        ";",
        "\x00",
        "\x1b",
        "\n",
        "\r",
        "\t",
        "`",
        "=",
        "/",
        "\\",
        "-->",
        "<!--",
    ),
    *("<script>", "</script>", "</pre>", "</span>", "</style>", "<![CDATA[", "]]>", "<?xml", "<!DOCTYPE x>"),
    *("onload=alert(1)", "javascript:", "&lt;", "&quot;", "&#x3c;", "\u2028", "\u202e", "\ud800", "\udc80"),
    *(
        "<img src=x onerror=alert(1)>",
        "<svg/onload=",
        "{{",
        "}}",
        "\ufffe",
        "\u0338",
        "\u226f",
        "＜",
        "a",
        " ",
    ),
)


def hostile_strings(count: int) -> Iterator[str]:
    draw = random.Random(7)
    for _ in range(count):
        yield "".join(draw.choices(PIECES, k=draw.randint(1, 8)))


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
