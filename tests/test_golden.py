"""Files that earlier versions wrote: they load, and write the same, for ever.

`golden/format-2.safetensors` is the `last` of `charrnn train text.txt --hidden 16 --embedding 8 --steps 300
--batch-size 8 --sequence-length 32` on `program.TEXT`. A new format gets a file of its own beside it.
"""

from pathlib import Path

import pytest
import safetensors.numpy
from forging import entry_of, in_format_2
from program import SMALL, TEXT, charrnn

from charrnn.errors import CheckpointError
from charrnn.runs.checkpoint import load, save

GOLDEN = Path(__file__).parent / "golden" / "format-2.safetensors"


def test_it_is_what_it_was() -> None:
    info = charrnn("info", "--checkpoint", GOLDEN, "--json").json
    found = {name: info[name] for name in ("cell", "layers", "hidden", "step", "weights_sha256")}
    digest = "970bd9a4bea88527a17c3c0ec5d357c3ecd0ede86d23430e0e6c841bbcfb23e5"
    assert found == {"cell": "lstm", "layers": 1, "hidden": 16, "step": 300, "weights_sha256": digest}
    assert load(GOLDEN).training.arrays, "what a run goes on with is there too"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ("--temperature", "0"),
            "One of, 1 came flew off, 0 came flew off, 0 came back!\n1 little birds sat on wall nu",
        ),
        (
            ("--seed", "7"),
            "One o1 of, 2 4flew off, 1 caamle flew 1 off, 1 cameee b, came bacbkk\n5 lll nume back",
        ),
    ],
)
def test_it_writes_what_it_wrote(options: tuple[str, ...], text: str) -> None:
    written = charrnn("sample", "--checkpoint", GOLDEN, "--prompt", "One ", "--length", "80", *options)
    assert (written.code, written.out) == (0, text)


def test_it_scores_as_it_scored(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT[-500:], encoding="utf-8")
    score = charrnn("evaluate", text, "--checkpoint", GOLDEN, "--json").json
    assert score["bits_per_character"] == pytest.approx(0.248373, abs=1e-4)


def test_the_format_2_of_the_tests_is_that_of_version_0_1(tmp_path: Path) -> None:
    """The golden file, saved as format 3 and made one of format 2 again, is what it was."""
    path, golden = tmp_path / "last.safetensors", load(GOLDEN)
    save(path, golden)
    assert entry_of(path)["format"] == 3
    in_format_2(path)
    assert {"digest", "format"} | entry_of(path).keys() == entry_of(GOLDEN).keys()
    assert safetensors.numpy.save(safetensors.numpy.load_file(path)) == safetensors.numpy.save(
        safetensors.numpy.load_file(GOLDEN)
    )
    again = load(path)
    assert (again.fingerprint(), again.progress) == (golden.fingerprint(), golden.progress)


def test_a_changed_bit_in_a_file_of_format_2_is_found(tmp_path: Path) -> None:
    path, whole = tmp_path / "x.safetensors", bytearray(GOLDEN.read_bytes())
    for place in (len(whole) - 1, len(whole) // 2, 3000):
        damaged = whole.copy()
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load(path)


def test_a_run_of_format_2_goes_on_exactly_and_is_saved_as_format_3(tmp_path: Path) -> None:
    text, hashes = tmp_path / "text.txt", []
    text.write_text(TEXT, encoding="utf-8")
    for name in ("old", "new"):
        run = tmp_path / name
        assert charrnn("train", text, "--run", run, *SMALL).code == 0
        if name == "old":
            for path in run.glob("*.safetensors"):
                in_format_2(path)
        assert charrnn("train", "--resume", "--run", run, "--steps", "30", "--quiet").code == 0
        assert entry_of(run / "last.safetensors")["format"] == 3
        hashes.append(
            charrnn("info", "--checkpoint", run / "last.safetensors", "--json").json["weights_sha256"]
        )
    assert hashes[0] == hashes[1]
