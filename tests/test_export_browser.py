"""The exported page in a browser: what people do there, and that nothing it holds is ever run or fetched."""

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import Browser, browser
from page_in_node import PAINT, WRITE, in_node
from program import KOREAN, SMALL, charrnn

from charrnn.display.sanitizer import visible
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import load, save
from charrnn.runs.training_state import TrainingState
from charrnn.text.vocabulary import Vocabulary

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>-->\u2028\u202e\x1b\ud800"


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    result = charrnn("export", file, "--checkpoint", run_folder, "--prompt", "One ")
    assert result.code == 0, result.err
    return file


@pytest.fixture
def opened(driven: Browser, page: Path) -> Iterator[Browser]:
    """The page, from a file; whatever is done there, it asks for nothing and nothing is complained of."""
    driven.show(width=900, height=1200)
    driven.open(page.as_uri())
    yield driven
    assert driven.complaints() == []
    assert driven.requests() == [page.as_uri()]


def text(driven: Browser) -> str:
    return str(driven.value("document.querySelector('#text').textContent"))


def written(driven: Browser) -> str:
    """The text, once it is written."""
    driven.until("document.querySelector('#stop').disabled && !document.querySelector('#copy').disabled")
    return text(driven)


def test_it_writes_what_node_writes(opened: Browser, page: Path) -> None:
    assert opened.value("document.querySelector('#prompt').value") == "One "
    for temperature, seed in ((0, 1), (1, 7)):
        opened.type("#temperature", str(temperature))
        opened.type("#seed", str(seed))
        opened.click("#write")
        given = {"prompt": "One ", "seed": seed, "temperature": temperature, "length": 500}
        (expected,) = in_node([page], WRITE, [given])
        assert written(opened) == "One " + expected["text"]


def test_stop_go_on_and_the_likeliest(opened: Browser) -> None:
    opened.type("#length", "100000")
    opened.click("#write")
    opened.until("document.querySelector('#text').textContent.length > 20")
    opened.click("#stop")
    stopped = written(opened)
    assert 20 < len(stopped) < 100_000
    assert opened.value("document.querySelectorAll('#next button').length") == 5
    chosen = opened.value(
        "document.querySelector('#next li:nth-child(2) button span:nth-child(2)').textContent"
    )
    opened.click("#next li:nth-child(2) button")
    picked = {"⏎": "\n", "␣": " "}.get(chosen, chosen)
    assert text(opened) == stopped + picked
    opened.type("#length", "30")
    opened.click("#go-on")
    more = written(opened)
    assert more.startswith(stopped + picked)
    assert len(more) == len(stopped) + 31


def test_a_beginning_can_be_chosen_bar_by_bar(opened: Browser) -> None:
    opened.type("#prompt", "One fle")
    opened.until("document.querySelector('#next button span:nth-child(2)')?.textContent === 'w'")
    opened.click("#next button")
    assert text(opened) == "One flew"


def test_surprise_and_a_text_that_is_pasted(opened: Browser, run_folder: Path, tmp_path: Path) -> None:
    opened.click("#write")
    written(opened)
    background = "getComputedStyle(document.querySelector('#text .l1, #text .l2')).backgroundColor"
    assert opened.value(background) == "rgba(0, 0, 0, 0)"
    opened.click("#surprise")
    assert opened.value(background) != "rgba(0, 0, 0, 0)"
    (tmp_path / "pasted.txt").write_text("One flew over 7 birds! Qü")
    opened.type("#pasted", "One flew over 7 birds! Qü")
    opened.until("document.querySelector('#score').textContent.includes('bits per character over 24')")
    score = opened.value("document.querySelector('#score').textContent")
    ours = charrnn("evaluate", tmp_path / "pasted.txt", "--checkpoint", run_folder, "--json").json
    assert float(score.split()[0]) == pytest.approx(ours["bits_per_character"], abs=0.01)
    assert "unknown to the model" in score


PAINTED = (
    "[...document.querySelectorAll('#text span')].flatMap((span) => "
    "Array.from(span.textContent, () => span.className.match(/w\\d/)?.[0] ?? ''))"
)
"""What each character of the text is painted with by a cell."""


def until_painted(driven: Browser, page: Path, cell: int, symbols: int) -> None:
    """Wait until the text is painted as Node paints it, what was given too."""
    given = {"layer": 1, "cell": cell, "prompt": "One ", "seed": 1, "symbols": symbols}
    (found,) = in_node([page], PAINT, [given])
    assert len(set(found["classes"])) > 2
    driven.until(f"JSON.stringify({PAINTED}) === JSON.stringify({json.dumps(found['classes'])})")


def press(driven: Browser, key: str, code: int) -> None:
    for kind in ("rawKeyDown", "keyUp"):
        driven.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def test_a_cell_is_watched(opened: Browser, page: Path) -> None:
    """Chosen by hands on the keyboard, before the text is written and after."""
    opened.type("#length", "200")
    opened.click("#write")
    plain = written(opened)
    assert set(opened.value(PAINTED)) == {""}
    assert opened.value("document.querySelector('#cell').disabled")
    opened.value("document.querySelector('#layer').focus()")
    press(opened, "ArrowDown", 40)
    opened.type("#cell", "5")
    until_painted(opened, page, 5, 204)
    assert "cell 1:5 after each character" in opened.value("document.querySelector('#legend').innerText")
    background = "getComputedStyle(document.querySelector('#text .w0, #text .w3')).backgroundColor"
    assert opened.value(background) != "rgba(0, 0, 0, 0)"
    opened.click("#write")
    assert written(opened) == plain
    until_painted(opened, page, 5, 204)
    opened.value("document.querySelector('#cell').focus()")
    press(opened, "ArrowUp", 38)
    until_painted(opened, page, 6, 204)
    opened.show(width=360, height=800)
    assert opened.value("document.documentElement.scrollWidth") <= 360
    assert "layer=1&cell=6" in opened.value("document.querySelector('#link').href")
    opened.value("document.querySelector('#layer').focus()")
    press(opened, "ArrowUp", 38)
    assert set(opened.value(PAINTED)) == {""}
    assert text(opened) == plain
    assert opened.value("document.querySelector('#legend').checkVisibility()") is False


def test_a_cell_is_chosen_while_the_page_writes(opened: Browser, page: Path) -> None:
    opened.type("#length", "100000")
    opened.click("#write")
    opened.until("document.querySelector('#text').textContent.length > 50")
    opened.value(
        "{ const layer = document.querySelector('#layer'); layer.value = '1'; "
        "layer.dispatchEvent(new Event('input')); }"
    )
    opened.until("document.querySelectorAll('#text .w0, #text .w3').length > 5")
    opened.click("#stop")
    until_painted(opened, page, 1, len(written(opened)))


def test_a_link_keeps_the_settings(opened: Browser, page: Path) -> None:
    opened.type("#prompt", "One & all\n")
    opened.type("#temperature", "0.5")
    opened.click("#link")
    address = opened.value("location.href")
    assert address.startswith(page.as_uri() + "#")
    opened.ask("Page.navigate", url="about:blank")
    opened.open(address)
    opened.events[:] = [event for event in opened.events if address not in str(event)]
    assert opened.value("document.querySelector('#prompt').value") == "One & all\n"
    assert opened.value("document.querySelector('#temperature').value") == "0.5"
    assert opened.value("document.querySelector('#temperature-slider').value") == "0.5"


def test_it_fits_a_phone_and_is_dark_where_that_is_wished(opened: Browser, tmp_path: Path) -> None:
    opened.click("#write")
    written(opened)
    backgrounds = []
    for dark in (False, True):
        picture = tmp_path / f"{dark}.png"
        opened.screenshot(picture, width=360, height=800, dark=dark)
        width, height = struct.unpack(">II", picture.read_bytes()[16:24])
        assert (width, height) == (360, 800)
        assert opened.value("document.documentElement.scrollWidth") <= 360
        backgrounds.append(opened.value("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds == ["rgb(251, 250, 247)", "rgb(22, 23, 27)"]


def test_hands_on_the_keyboard(opened: Browser) -> None:
    opened.value("document.querySelector('#prompt').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        opened.ask(
            "Input.dispatchKeyEvent",
            type=kind,
            key="Enter",
            code="Enter",
            windowsVirtualKeyCode=13,
            modifiers=2,
        )
    assert len(written(opened)) == 504
    assert opened.value("document.querySelector('#text').getAttribute('aria-live')") == "polite"
    nameless = "node.checkVisibility() && !node.labels?.length && !node.textContent && !node.ariaLabel"
    nodes = "[...document.querySelectorAll('input, select, textarea, button')]"
    names = f"{nodes}.filter((node) => {nameless}).map((node) => node.id)"
    assert opened.value(names) == []


def test_what_is_hostile_is_shown_and_never_run(driven: Browser, run_folder: Path, tmp_path: Path) -> None:
    """A model whose symbols, name and prompt are markup and what steers; it writes them."""
    model = load(run_folder / "best.safetensors")
    codes = sorted(set(map(ord, HOSTILE + "&'/ \n")))
    size = Architecture(hidden=8, embedding=0, symbols=len(codes))
    random = np.random.default_rng(1)
    hostile = replace(
        model,
        architecture=size,
        weights={
            name: random.normal(0, 1, shape).astype(np.float32) for name, shape in size.shapes().items()
        },
        vocabulary=Vocabulary("char", codes, [1] * len(codes)),
        corpus=replace(model.corpus, name=HOSTILE, starts=[1] * len(codes)),
        settings={},
        training=TrainingState({}),
    )
    save(tmp_path / "hostile.safetensors", hostile)
    file = tmp_path / "page.html"
    options = ("--title", HOSTILE, "--prompt", HOSTILE.replace("\\", "\\\\"))
    result = charrnn("export", file, "--checkpoint", tmp_path / "hostile.safetensors", *options)
    assert result.code == 0, result.err
    driven.open(file.as_uri())
    driven.click("#write")
    shown = written(driven)
    assert shown.startswith(visible(HOSTILE))
    assert len(shown) > 500
    assert not set(shown) & set("\u2028\u202e\x1b\ud800")
    assert driven.value("document.scripts.length") == 3
    assert driven.value("document.images.length") == 0
    for title in ("document.title", "document.querySelector('h1').textContent"):
        assert driven.value(title) == HOSTILE[:-4] + "\ufffd" * 4
    assert driven.complaints() == []
    assert driven.requests() == [file.as_uri()]


ROWS = "".join(f"{word}\t{word[:1].upper()}\n" for word in ("anra", "boli", "cymo", "deelo") * 9)
LINES = "an ra\nbo li\n" * 20

KINDS = {
    "classify": (ROWS, "anra", "--task", "classify"),
    "tag": (LINES, "anra", "--task", "tag", "--restore", "spaces"),
    "translate": (ROWS, "anra", "--task", "translate"),
    "generate": (ROWS, "", "--task", "generate"),
    "lines": (LINES, "a", "--mode", "lines"),
    "jamo": (KOREAN, "안녕", "--normalize", "nfd"),
    "bytes": (KOREAN, "안녕", "--level", "byte"),
}
"""What each is trained on, what it is asked, and how it is trained."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_has_a_page(kind: str, driven: Browser, tmp_path: Path) -> None:
    text, prompt, *options = KINDS[kind]
    (tmp_path / "text.tsv").write_text(text, encoding="utf-8")
    trained = charrnn(
        "train", tmp_path / "text.tsv", "--run", tmp_path / "run", *SMALL, "--steps", "5", *options
    )
    assert trained.code == 0, trained.err
    page = tmp_path / "page.html"
    made = charrnn("export", page, "--checkpoint", tmp_path / "run", "--weights", "int8")
    assert made.code == 0, made.err
    driven.show(width=360, height=800)
    driven.open(page.as_uri())
    driven.type("#prompt", prompt)
    driven.click("#write")
    shown = written(driven)
    answers = kind in {"classify", "tag", "translate"}
    assert len(shown) > (500 if kind in {"jamo", "bytes"} else 0)
    assert not answers or len(shown.splitlines()) == 1
    assert driven.value("document.querySelector('#temperature').checkVisibility()") is not answers
    assert driven.value("document.querySelectorAll('#label option').length") == (
        4 if kind == "generate" else 0
    )
    assert driven.value("document.querySelector('#layer').checkVisibility()") is not answers
    if kind in {"jamo", "bytes"}:
        driven.open(page.as_uri() + "#layer=1&cell=2")
        driven.click("#write")
        assert written(driven)
        driven.until("document.querySelectorAll('#text .w0, #text .w3').length > 0")
    assert driven.value("document.documentElement.scrollWidth") <= 360
    assert driven.complaints() == []
    assert {address.split("#")[0] for address in driven.requests()} == {page.as_uri()}
