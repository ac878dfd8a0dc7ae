"""A folder for a hub: the checkpoint byte for byte, its configuration, and a card that nothing breaks."""

import json
import re
import shutil
from pathlib import Path

import pytest
from forging import change
from interruptions import at_call_do
from markdown_it import MarkdownIt
from program import Result, charrnn

import charrnn as charrnn_module
from charrnn.export.hub_card import escaped, fenced, quoted
from charrnn.runs.checkpoint import load

GOLDEN = Path(__file__).parent / "golden"

HOSTILE = (
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "```\n<b>out</b>\n`````",
    "a | b\n---\n# heading\nlicense: none",
    '"}, evil: {"x": "\u2028\x1b[31m\u202e',
    "![x](javascript:alert(1)) [a](http://example.org) www.example.org <http://example.org> a@example.org",
    "\ud800 &lt;b&gt; \\",
)


pytestmark = pytest.mark.usefixtures("in_empty_folder")


@pytest.fixture(scope="module")
def birds(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder of a run, and what was said of it."""
    folder = tmp_path_factory.mktemp("exported") / "birds"
    options = ("--checkpoint", run_folder, "--license", "GPL-3.0-or-later", "--json")
    result = charrnn("export", f"{folder}/", *options)
    assert result.code == 0, result.err
    return folder, result


def everything() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


def front_matter(card: str) -> list[str]:
    start, matter, _ = card.split("---\n", 2)
    assert start == ""
    return matter.splitlines()


def rendered(card: str) -> str:
    html: str = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(card.split("---\n", 2)[2])
    return html


def test_the_folder_is_what_a_hub_takes(birds: tuple[Path, Result], run_folder: Path) -> None:
    folder, result = birds
    found, best = result.json, run_folder / "best.safetensors"
    assert (found["format"], found["file"], found["bits_lost_per_character"]) == ("hub", str(folder), 0)
    assert {path.name for path in folder.parent.iterdir()} == {"birds"}
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert files.keys() == {"README.md", "config.json", "model.safetensors"}
    assert found["bytes"] == sum(files.values())
    assert (folder / "model.safetensors").read_bytes() == best.read_bytes()
    configuration, model = json.loads((folder / "config.json").read_text()), load(best)
    assert configuration["model_type"] == "charrnn"
    assert configuration["hidden"] == model.architecture.hidden
    codes = [entry["code"] for entry in configuration["vocabulary"]["entries"]]
    assert codes == model.vocabulary.codes.tolist()


def test_the_card_has_tags_figures_command_samples_and_a_word_on_memorisation(
    birds: tuple[Path, Result], run_folder: Path
) -> None:
    card, model = (birds[0] / "README.md").read_text(), load(run_folder / "best.safetensors")
    matter = front_matter(card)
    assert matter[:3] == ["license: gpl-3.0", "library_name: charrnn", "pipeline_tag: text-generation"]
    assert "- lstm" in matter
    assert not any(line.startswith("language") for line in matter)
    nats = model.progress.best_validation_nats_per_character
    assert nats is not None
    assert f"value: {nats / 0.6931471805599453:.4f}" in card
    assert "\ncharrnn train corpus --layers 1 --hidden 32" in card
    assert "charrnn sample --checkpoint NAME\n" in card
    shown = charrnn("sample", "--checkpoint", run_folder, "--temperature", "0.7", "--length", "400")
    assert f"```text\n{shown.out}" in card
    report = charrnn(
        "sample", "--checkpoint", run_folder, "--count", "20", "--json", "--novelty", "auto"
    ).json
    assert f"training text has {report['novelty']['longest']['length']:,}." in card
    shares = [f"{span['share']:.1%}" for span in report["novelty"]["spans"].values()]
    assert f"{shares[0]}, {shares[1]} and {shares[2]} stand there" in card


def test_lines_that_are_copied_whole_are_counted(lines_run: Path) -> None:
    assert charrnn("export", "names/", "--checkpoint", lines_run, "--license", "mit").code == 0
    card = Path("names/README.md").read_text()
    (said,) = [line for line in card.splitlines() if line.startswith("It wrote ")]
    count = ("--count", "500", "--json", "--novelty", "auto")
    lines = charrnn("sample", "--checkpoint", lines_run, *count).json["novelty"]["lines"]
    assert f"Of 500 lines, {lines['copied']} ({lines['share']:.1%}) are lines of that text." in said
    assert "–" not in said, "no span is as long as that"


def test_it_is_said_how_to_upload_it() -> None:
    model = GOLDEN / "format-3.safetensors"
    result = charrnn("export", "my birds/", "--checkpoint", model, "--license", "mit")
    assert result.code == 0, result.err
    assert result.err == "charrnn: upload it with hf upload 'USER/my birds' 'my birds'\n"
    assert f"the model is {model}, byte for byte" in result.out


@pytest.mark.parametrize(
    ("task", "pipeline", "command"),
    [
        ("-generate", "text-generation", "sample --checkpoint NAME --label LABEL"),
        ("-classify", "text-classification", "classify --checkpoint NAME --text TEXT"),
        ("-tag", "token-classification", "tag --checkpoint NAME --text TEXT"),
    ],
)
def test_a_hub_knows_the_task(task: str, pipeline: str, command: str) -> None:
    model = GOLDEN / f"format-3{task}.safetensors"
    assert charrnn("export", "model/", "--checkpoint", model, "--license", "mit").code == 0
    card = Path("model/README.md").read_text()
    assert f"pipeline_tag: {pipeline}" in front_matter(card)
    assert f"charrnn {command}\n" in card
    assert ("## Samples" in card) is (task == "-generate")
    assert ("was not measured" in card) is (task == "-generate")


def test_an_exported_folder_is_a_checkpoint(birds: tuple[Path, Result], run_folder: Path) -> None:
    folder, _ = birds
    expected = charrnn("sample", "--checkpoint", run_folder, "--length", "40").out
    for path in (folder, folder / "model.safetensors"):
        assert charrnn("sample", "--checkpoint", path, "--length", "40").out == expected
    assert charrnn("info", "--checkpoint", folder, "--json").json["hidden"] == 32
    assert charrnn_module.load(folder).sample(length=40) == expected
    assert charrnn("export", "again/", "--checkpoint", folder, "--license", "mit").code == 0
    assert Path("again/model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", HOSTILE)
def test_names_and_texts_are_only_ever_text(name: str) -> None:
    model = shutil.copyfile(GOLDEN / "format-3-generate.safetensors", Path("model.safetensors"))
    change(model, lambda entry: entry["corpus"].update(name=name))
    labels = sorted([name.replace("\n", " "), "b"])
    change(model, lambda entry: entry.update(labels=labels))
    result = charrnn("export", "out/", "--checkpoint", model, "--license", "mit", "--title", name)
    assert result.code == 0, result.err
    card = Path("out/README.md").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", card)
    names = [line.partition("name: ")[2] for line in front_matter(card) if line.startswith("- name: ")]
    assert [json.loads(one) for one in names] == [json.loads(quoted(name))]
    html = rendered(card)
    kinds = set(re.findall(r"</?([a-z]\w*)", html))
    assert kinds <= {"h1", "h2", "p", "pre", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert html.count("<h1>") == 1
    assert json.loads(Path("out/config.json").read_text())["labels"] == labels


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_itself_again(text: str) -> None:
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(f"x{escaped(text)}x")
    assert re.sub("&(lt|gt|quot|amp);", "", html).count("<") == 2
    assert "href" not in html
    assert not re.search(r"www\.[a-z]|://|\w@", escaped(text)), "hubs make links of these"
    fence, *_, end = fenced(text, "text")
    assert fence == f"{end}text"
    assert end not in text


def test_a_licence_is_needed_and_has_a_form(run_folder: Path) -> None:
    result = charrnn("export", "birds/", "--checkpoint", run_folder)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "no --license is given; give its SPDX identifier, such as mit" in result.err
    result = charrnn("export", "birds/", "--checkpoint", run_folder, "--license", "my own")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "--license is 'my own'; expected an SPDX identifier" in result.err
    result = charrnn("export", "birds/", "--checkpoint", run_folder, "--license", "mit", "--weights", "f16")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert everything() == set()


def test_what_stands_there_is_left_alone(run_folder: Path) -> None:
    Path("empty").mkdir()
    Path("file").write_text("mine")
    for place in ("empty/", "file/"):
        result = charrnn("export", place, "--checkpoint", run_folder, "--license", "mit")
        assert (result.code, result.out) == (2, "")
        assert "exists" in result.err, result.err
    assert everything() == {"empty", "file"}
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize("is_file", [True, False])
def test_what_appears_meanwhile_is_left_alone(is_file: bool) -> None:
    def appear(*_: object) -> None:
        if is_file:
            Path("birds").write_text("theirs")
        else:
            Path("birds").mkdir()
            Path("birds/theirs").touch()

    with at_call_do("charrnn.runs.atomic._sync_folder", {0}, appear):
        model = GOLDEN / "format-3.safetensors"
        result = charrnn("export", "birds/", "--checkpoint", model, "--license", "mit")
    assert (result.code, result.out) == (2, "")
    assert everything() == ({"birds"} if is_file else {"birds", "birds/theirs"})


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "place", ["export.hub_samples.compare", "runs.atomic._write", "runs.atomic._sync_folder"]
)
@pytest.mark.parametrize(("end", "code"), [(fail, 5), (interrupt, 130)])
def test_an_export_that_fails_or_is_interrupted_leaves_no_folder(
    place: str, end: object, code: int, run_folder: Path
) -> None:
    assert callable(end)
    model = run_folder if place == "export.hub_samples.compare" else GOLDEN / "format-3.safetensors"
    with at_call_do(f"charrnn.{place}", {0}, end):
        result = charrnn("export", "birds/", "--checkpoint", model, "--license", "mit")
    assert result.code == code
    assert everything() == set()
