"""Files that earlier versions wrote: they load, and write the same, for ever.

`golden/format-2.safetensors` is the `last` of `charrnn train text.txt --hidden 16 --embedding 8 --steps 300
--batch-size 8 --sequence-length 32` on `program.TEXT`. A new format gets a file of its own beside it.
"""

from pathlib import Path

import pytest
from program import TEXT, charrnn

from charrnn.checkpoint import load

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
