"""The exported page: its script in Node against NumPy, and what it is told cannot break out of it."""

import codecs
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from page_in_node import PAINT, WRITE, in_node
from pages import contrast
from program import KOREAN, SMALL, charrnn

from charrnn.config.settings import ExportSettings
from charrnn.decoding import filters
from charrnn.decoding.network import Decoder
from charrnn.display.cells.painting import LEVELS as CELL_LEVELS
from charrnn.display.explanation import SHARES, level_of
from charrnn.display.sanitizer import visible
from charrnn.display.surprise.scale import FROM_BITS, LEVELS
from charrnn.export.doubles import DoubleNetwork
from charrnn.export.held_out import held_out_texts
from charrnn.export.html import SCRIPTS, assembled, packed, read_back
from charrnn.export.html import page as page_of
from charrnn.export.html_cells import SYMBOLS, scales
from charrnn.export.html_facts import facts
from charrnn.export.source import Source
from charrnn.export.weights import restored, store
from charrnn.inspection.pictures import Scale
from charrnn.model.architecture import Architecture
from charrnn.runs.checkpoint import Checkpoint, load

PAGE = Path(__file__).parents[1] / "charrnn" / "export" / "page"
HOSTILE = (
    "</script><script>alert(1)</script><!-- --> ]]> \u2028 \u2029 {{script}} \u202ea\u202c \x1b[2J \" ' &amp;"
)

Given = dict[str, Any]


def trained(folder: Path, text: str, *options: str) -> Path:
    (folder / "corpus.txt").write_text(text, encoding="utf-8")
    result = charrnn("train", folder / "corpus.txt", "--run", folder / "run", *SMALL, *options)
    assert result.code == 0, result.err
    return folder / "run"


@pytest.fixture(scope="module")
def jamo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("jamo"), KOREAN, "--normalize", "nfd")


@pytest.fixture(scope="module")
def byte_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("bytes"), KOREAN, "--level", "byte")


def exported(run: Path, file: Path, *options: str) -> Path:
    result = charrnn("export", file, "--checkpoint", run, *options)
    assert result.code == 0, result.err
    return file


def written(model: Checkpoint, kind: str, file: Path, **told: str) -> Path:
    """A page, without its check."""
    source = Source(str(file), Path("best.safetensors"), model, ExportSettings(weights=kind, **told))
    arrays, data = packed(store(model.weights, kind))
    file.write_bytes(assembled(source.title, facts(source) | {"arrays": arrays}, data))
    return file


def random_model(run: Path, cell: str, layers: int, embedding: int) -> Checkpoint:
    model = load(run / "best.safetensors")
    size = Architecture(cell, layers, 16, embedding, len(model.vocabulary))
    random = np.random.default_rng(layers)
    weights = {
        name: random.normal(0, 1.2 / shape[-1] ** 0.5, shape).astype(np.float32)
        for name, shape in size.shapes().items()
    }
    return replace(model, architecture=size, weights=weights)


def test_logits_are_those_of_numpy_over_2000_characters(run_folder: Path, tmp_path: Path) -> None:
    pages, expected, given = [], [], []
    for cell in ("lstm", "gru", "rnn"):
        for layers in (1, 2, 3):
            model = random_model(run_folder, cell, layers, embedding=7 * (layers % 2))
            ids = np.random.default_rng(layers).integers(0, len(model.vocabulary), 2000)
            for kind in ("f16", "int8"):
                pages.append(written(model, kind, tmp_path / f"{cell}-{layers}-{kind}.html"))
                decoder = Decoder(model.architecture, restored(store(model.weights, kind)))
                expected.append([decoder.step(ids[at : at + 1])[0].copy() for at in range(2000)])
                given.append(ids.tolist())
    millionths = (
        "return given.map((id) => Array.from(model.network.step(id), (logit) => Math.round(1e6 * logit)));"
    )
    for page, ours, theirs in zip(pages, expected, in_node(pages, millionths, given), strict=True):
        assert np.abs(np.array(ours) - np.array(theirs) / 1e6).max() < 1e-4, page.name


def test_a_chaotic_network_is_exported_like_any_other(run_folder: Path) -> None:
    """One in which rounding grows from step to step, until after some hundred nothing is left in common."""
    model = random_model(run_folder, "rnn", 1, embedding=0)
    size = replace(model.architecture, hidden=64)
    random = np.random.default_rng(2)
    weights = {
        name: random.normal(0, 0.25, shape).astype(np.float32) for name, shape in size.shapes().items()
    }
    chaotic = replace(model, architecture=size, weights=weights)
    source = Source("page.html", Path("best.safetensors"), chaotic, ExportSettings(weights="f32"))
    ids = np.random.default_rng(3).integers(0, size.symbols, 500)
    one, other = Decoder(size, weights), DoubleNetwork(size, weights, 1)
    differences = [
        np.abs(one.step(ids[at : at + 1]) - other.step(ids[at : at + 1])).max() for at in range(500)
    ]
    assert max(differences) > 1
    assert page_of(source).check.largest_logit_difference < 1e-3


def test_at_temperature_0_it_writes_what_numpy_writes(
    run_folder: Path, jamo_run: Path, byte_run: Path, lines_run: Path, tmp_path: Path
) -> None:
    """Of the stored weights, which with f32 are those that `charrnn sample` has."""
    runs = {"text": run_folder, "jamo": jamo_run, "bytes": byte_run, "lines": lines_run}
    prompts = {"text": "One ", "jamo": "안녕", "bytes": "안", "lines": "co"}
    pages, expected, given = [], [], []
    for name, run in runs.items():
        for kind in ("f32", "f16", "int8"):
            pages.append(written(load(run / "best.safetensors"), kind, tmp_path / f"{name}-{kind}.html"))
            given.append({"prompt": prompts[name], "seed": 1, "length": 500, "temperature": 0})
            length = () if name == "lines" else ("--length", "500")
            stored = stored_run(run, kind, tmp_path / f"{name}-{kind}")
            asked = ("--prompt", prompts[name], "--temperature", "0", *length)
            expected.append(
                charrnn("sample", "--checkpoint", stored, *asked).out.removesuffix("\n" * (name == "lines"))
            )
    found = in_node(pages, WRITE, given)
    for page, ours, theirs in zip(pages, expected, found, strict=True):
        assert ours == theirs["prompt"] + theirs["text"], page.name


def stored_run(run: Path, kind: str, folder: Path) -> Path:
    """The checkpoint with the weights that a page has."""
    from charrnn.runs.checkpoint import save

    model = load(run / "best.safetensors")
    save(folder, replace(model, weights=restored(store(model.weights, kind))))
    return folder


def test_a_page_holds_its_weights(run_folder: Path, tmp_path: Path) -> None:
    model = load(run_folder / "best.safetensors")
    for kind in ("f32", "f16", "int8"):
        expected = restored(store(model.weights, kind))
        found = read_back(written(model, kind, tmp_path / f"{kind}.html").read_bytes())
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in found)


@pytest.fixture(scope="module")
def page(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(run_folder, tmp_path_factory.mktemp("page") / "page.html")


def test_exp_and_tanh_are_exact_to_the_last_bits(page: Path) -> None:
    random = np.random.default_rng(1)
    numbers = np.concatenate(
        [random.uniform(-30, 30, 2000), random.uniform(-700, 700, 1000), [0, -0.0, 1e-9, 709.7]]
    )
    ends = "[exp(710), exp(-750), tanh(400), tanh(-400), exp(NaN)].map(String)"
    code = f"return [given.map(exp), given.map(tanh), {ends}];"
    ((powers, tangents, at_ends),) = in_node([page], code, [numbers.tolist()])
    assert np.abs(np.array(powers) / np.exp(numbers) - 1).max() < 3e-16
    assert np.abs(np.array(tangents) - np.tanh(numbers)).max() < 5e-16
    assert at_ends == ["Infinity", "0", "1", "-1", "NaN"]


def xoshiro(seed: int, count: int) -> list[int]:
    """Its definition, in whole numbers without bounds."""
    mask, words, mixed = 2**32 - 1, [], (seed & (2**32 - 1)) ^ ((seed >> 32) * 0x9E3779B1 & (2**32 - 1))
    for _ in range(4):
        mixed = mixed + 0x9E3779B9 & mask
        word = (mixed ^ mixed >> 16) * 0x85EBCA6B & mask
        word = (word ^ word >> 13) * 0xC2B2AE35 & mask
        words.append(word ^ word >> 16)
    a, b, c, d = words
    found = []

    def turned(word: int, bits: int) -> int:
        return (word << bits | word >> 32 - bits) & mask

    for _ in range(count):
        found.append(turned(b * 5 & mask, 7) * 9 & mask)
        shifted = b << 9 & mask
        c, d = c ^ a, d ^ b
        b, a = b ^ c, a ^ d
        c, d = c ^ shifted, turned(d, 11)
    return found


def test_random_numbers_are_those_of_xoshiro(page: Path) -> None:
    code = """return given.map((seed) => {
      const [words, numbers] = [new Random(seed), new Random(seed)];
      const count = (length, next) => Array.from({ length }, next);
      return [count(50, () => words.bits()), count(2000, () => numbers.next())];
    });"""
    seeds = [0, 1, 7, 2**32 + 1, 2**53 - 1]
    (found,) = in_node([page], code, [seeds])
    for seed, (bits, numbers) in zip(seeds, found, strict=True):
        assert bits == xoshiro(seed, 50)
        assert abs(np.mean(numbers) - 0.5) < 0.03
        assert 0 <= min(numbers) < max(numbers) < 1
    assert len({str(numbers) for _, numbers in found}) == len(seeds)


def test_the_same_seed_writes_the_same_text_and_another_one_another(page: Path) -> None:
    asked = {"prompt": "", "length": 200, "temperature": 1}
    given = [asked | {"seed": seed} for seed in (1, 1, 2)]
    first, again, other = (text["text"] for text in in_node([page] * 3, WRITE, given))
    assert first == again != other
    assert len(first) == 200


def test_top_p_keeps_what_the_filter_keeps(page: Path) -> None:
    logits = np.random.default_rng(3).normal(0, 2, (40, 30)).round(1)  # some are equal
    code = """return given.map((logits) => {
      const chances = softmax(logits);
      keepMost(chances, 0.8);
      return Array.from(chances, (chance) => chance > 0);
    });"""
    (kept,) = in_node([page], code, [logits.tolist()])
    assert kept == np.isfinite(filters.top_p(logits, 0.8)).tolist()


def test_texts_begin_as_lines_of_the_corpus_do(run_folder: Path, page: Path) -> None:
    given = [{"prompt": "", "length": 1, "temperature": 1, "seed": seed} for seed in range(40)]
    model = load(run_folder / "best.safetensors")
    starts = {
        chr(code) for code, count in zip(model.vocabulary.codes, model.corpus.starts, strict=True) if count
    }
    begun = {text["text"] for text in in_node([page] * 40, WRITE, given)}
    assert len(begun) > 1
    assert begun <= starts


def test_unknown_characters_of_a_prompt_are_left_out_and_named(page: Path) -> None:
    given = {"prompt": "Oüne €", "length": 5, "temperature": 0, "seed": 1}
    (found,) = in_node([page], WRITE, [given])
    assert (found["prompt"], found["unknown"]) == ("One ", ["ü", "€"])


def test_scores_are_those_of_evaluate(
    run_folder: Path, jamo_run: Path, byte_run: Path, lines_run: Path, tmp_path: Path
) -> None:
    texts = {
        "text": (run_folder, "One flew over 7 birds.\nQuite ünknown €!"),
        "jamo": (jamo_run, "안녕하세요 손님 cafe\u0301 é!"),
        "bytes": (byte_run, "안녕 é 😀 x"),
        "lines": (lines_run, "anna\ncorta\n\nzzz"),
    }
    pages, expected, given = [], [], []
    for name, (run, text) in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        pages.append(written(load(run / "best.safetensors"), "f32", tmp_path / f"{name}.html"))
        expected.append(charrnn("evaluate", tmp_path / name, "--checkpoint", run, "--json").json)
        given.append(text)
    code = """const scorer = new Scorer(model, given);
      let shown = "";
      while (!scorer.isDone) shown += scorer.step().map((piece) => piece.text).join("");
      return [scorer.bitsPerCharacter, scorer.characters, scorer.unknown, shown];"""
    for ours, text, (bits, characters, unknown, shown) in zip(
        expected, given, in_node(pages, code, given), strict=True
    ):
        assert characters == ours["characters"]
        assert unknown == ours["unknown_characters"]
        assert bits == pytest.approx(ours["bits_per_character"], abs=1e-4)
        assert shown.removesuffix("\n") == text.replace("e\u0301", "é")


def test_a_cell_is_painted_by_what_it_hands_on_after_each_character(run_folder: Path, tmp_path: Path) -> None:
    pages, models = [], []
    for cell in ("lstm", "gru", "rnn"):
        models.append(random_model(run_folder, cell, 2, embedding=5))
        pages.append(written(models[-1], "f32", tmp_path / f"{cell}.html"))
    given = {"layer": 2, "cell": 7, "prompt": "One flew ", "seed": 3, "symbols": 150}
    for model, told in zip(models, in_node(pages, PAINT, [given] * 3), strict=True):
        decoder, expected = Decoder(model.architecture, model.weights), []
        for symbol in told["ids"]:
            decoder.step(np.array([symbol]))
            expected.append(float(decoder.state[-1][0, 16 + 6]))
        assert told["values"] == pytest.approx(expected, abs=1e-4)
        assert told["again"] == told["values"]
        scale = scales(source_of(model))[16 + 6]
        levels = [level_of(scale.share(value)) for value in told["values"]]
        assert told["classes"] == ["" if level is None else f"w{level}" for level in levels]
        assert len(set(levels)) > 2


def source_of(model: Checkpoint, path: Path = Path("best.safetensors")) -> Source:
    return Source("page.html", path, model, ExportSettings(weights="f32"))


def test_the_colours_of_cells_are_of_what_was_held_out(run_folder: Path) -> None:
    source = source_of(load(run_folder / "best.safetensors"), run_folder / "best.safetensors")
    texts = held_out_texts(source, SYMBOLS)
    assert texts.are_held_out
    values = []
    for text in texts.texts:
        decoder = Decoder(source.model.architecture, source.model.weights)
        for symbol in text[:-1]:
            decoder.step(np.array([symbol]))
            values.append(decoder.state[-1][0])
    found, expected = scales(source), [Scale.of(column) for column in np.array(values).T]
    assert [one.middle for one in found] == pytest.approx([one.middle for one in expected], abs=1e-4)
    assert [one.reach for one in found] == pytest.approx([one.reach for one in expected], abs=1e-4)
    told = facts(source)["cells"]
    assert np.array(told) == pytest.approx(np.array([[one.middle, one.reach] for one in found]), rel=1e-3)


def test_characters_know_their_last_symbol(jamo_run: Path, byte_run: Path, tmp_path: Path) -> None:
    text, pages = "안녕하세요!", []
    for name, run in (("jamo", jamo_run), ("bytes", byte_run)):
        pages.append(written(load(run / "best.safetensors"), "f16", tmp_path / f"{name}.html"))
    code = "return model.vocabulary.pieces(model.vocabulary.encode(given).ids);"
    spelt = [[len(normalize("NFD", one)) for one in text], [len(one.encode()) for one in text]]
    for found, lengths in zip(in_node(pages, code, [text] * 2), spelt, strict=True):
        assert "".join(piece["text"] for piece in found) == text
        assert [piece["at"] for piece in found] == (np.cumsum(lengths) - 1).tolist()


def test_bytes_become_characters_as_python_decodes_them(byte_run: Path, tmp_path: Path) -> None:
    page = written(load(byte_run / "best.safetensors"), "int8", tmp_path / "page.html")
    random = np.random.default_rng(5)
    texts = [
        random.choice([0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xF0, 0x90, 0xF4, 0x8F, 0xFF], 12)
        for _ in range(400)
    ]
    texts.append(np.frombuffer("\ufeffé안😀".encode(), np.uint8))
    code = """return given.map((bytes) => {
      const stream = new TextStream(model.vocabulary);
      const pieces = bytes.flatMap((byte) => stream.feed(byte, 1));
      return [...pieces, ...stream.finish()].map((piece) => piece.text).join("");
    });"""
    (found,) = in_node([page], code, [[text.tolist() for text in texts]])
    for text, theirs in zip(texts, found, strict=True):
        data = bytes(text.astype(np.uint8))
        assert theirs == re.sub("[\udc80-\udcff]", "\ufffd", codecs.decode(data, "utf-8", "surrogateescape"))


def test_what_would_steer_is_shown_as_on_a_terminal(page: Path) -> None:
    texts = [
        chr(code)
        for code in (*range(0x250), *range(0x600, 0x620), *range(0x2000, 0x2070), 0xFEFF, 0xD800, 0xE0041)
    ]
    texts += [HOSTILE, "a" + "\u0301" * 9 + "b", "\u20dd" * 7, "안녕\t\n"]
    (found,) = in_node([page], "return given.map(visible);", [texts])
    assert found == [visible(text) for text in texts]


def test_nothing_that_it_is_told_breaks_out(run_folder: Path, tmp_path: Path) -> None:
    model = load(run_folder / "best.safetensors")
    corpus = replace(model.corpus, name=HOSTILE)
    page = written(replace(model, corpus=corpus), "f16", tmp_path / "page.html", title=HOSTILE + "\ud800")
    html = page.read_text("utf-8")
    assert html.count("<script") == html.count("</script>") == 3
    assert html.count("<!--") == 0
    told = json.loads(html.split('id="facts">')[1].split("</script>")[0])
    assert dict(told["about"])["trained on"].startswith(HOSTILE)
    ((about, title),) = in_node([page], "return [facts.about[0][1], facts.summary];", [None])
    assert HOSTILE in about
    assert HOSTILE in title


def test_the_policy_allows_what_is_there_and_nothing_else(page: Path) -> None:
    html = page.read_text("utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r'\s(?:on\w+|style|src)="', html)
    assert set(re.findall(r'href="([^"]*)"', html)) == {"#"}


def test_the_colours_are_those_of_the_scale_of_surprise() -> None:
    style = (PAGE / "style.css").read_text("utf-8")
    light, dark = re.findall(r"--l0: .*", style)
    for shades, line in (
        ([level.light for level in LEVELS], light),
        ([level.dark for level in LEVELS], dark),
    ):
        assert re.findall(r"--l\d: ([^;]+);", line) == shades
    script = (PAGE / "parts.js").read_text("utf-8")
    assert f"LEVELS_FROM_BITS = {list(FROM_BITS)}" in script
    assert "LEVELS = [" + ", ".join(f'"{level.meaning}"' for level in LEVELS) + "]" in script


def test_the_colours_of_cells_are_those_of_inspect_and_can_be_read() -> None:
    style, script = ((PAGE / name).read_text("utf-8") for name in ("style.css", "watching.js"))
    light, dark = re.findall(r"--w0: .*", style)
    inks = re.findall(r"--ink: (#\w+);", style)
    for shades, line, ink in (
        ([level.light for level in CELL_LEVELS], light, inks[0]),
        ([level.dark for level in CELL_LEVELS], dark, inks[1]),
    ):
        assert re.findall(r"--w\d: ([^;]+);", line) == shades
        assert min(contrast(ink, shade) for shade in shades) > 4.5
    assert "CELL_LEVELS = [" + ", ".join(f'"{level.meaning}"' for level in CELL_LEVELS) + "]" in script
    assert f"SHARES = [{', '.join(map(str, SHARES))}]" in script


def test_every_script_is_in_the_page_and_readable() -> None:
    assert {path.name for path in PAGE.glob("*.js")} == set(SCRIPTS)
    for path in PAGE.iterdir():
        lines = path.read_text("utf-8").splitlines()
        assert max(map(len, lines)) <= 110, path.name
        assert len(lines) < 400, path.name


def test_the_page_of_the_manual_is_small_and_holds_its_model() -> None:
    page = (Path(__file__).parents[1] / "docs" / "page.html").read_bytes()
    assert len(page) < 500_000
    assert read_back(page)["output.bias"].dtype == np.float32
