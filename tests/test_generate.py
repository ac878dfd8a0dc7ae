"""The generated corpora are what they say."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "data" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sums_are_right(generate: ModuleType) -> None:
    for line in generate.lines("sums", 500, 1):
        question, answer = line.split("=")
        assert sum(map(int, question.split("+"))) == int(answer)


def test_brackets_balance(generate: ModuleType) -> None:
    for line in generate.lines("brackets", 500, 1):
        assert line
        while (shorter := line.replace("()", "").replace("[]", "").replace("{}", "")) != line:
            line = shorter  # noqa: PLW2901
        assert line == ""


def test_korean_numbers(generate: ModuleType) -> None:
    expected = {
        1: "일",
        10: "십",
        11: "십일",
        20: "이십",
        105: "백오",
        1234: "천이백삼십사",
        9999: "구천구백구십구",
    }
    assert {number: generate.korean(number) for number in expected} == expected
    assert len({generate.korean(number) for number in range(1, 10_000)}) == 9999


def test_a_seed_gives_the_same_lines(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert list(generate.lines("numbers", 50, 3)) == list(generate.lines("numbers", 50, 3))
    assert list(generate.lines("numbers", 50, 3)) != list(generate.lines("numbers", 50, 4))
    monkeypatch.setattr(sys, "argv", ["generate.py", "numbers", "--count", "5", "--seed", "3"])
    generate.main()
    assert capfdbinary.readouterr().out.decode().splitlines() == list(generate.lines("numbers", 5, 3))


def test_morphemes_become_a_tag_for_each_character() -> None:
    script, rows = SCRIPT.with_name("morphemes.py"), "abecedu\tabeced @@u\nbéž\tbě @@ž\nž\tž\n"
    made = subprocess.run([sys.executable, script], input=rows.encode(), capture_output=True, check=True)
    assert made.stdout.decode() == "abecedu\tB I I I I I B\nž\tB\n"
    assert made.stderr.decode() == "1 word is not its morphemes joined: left out\n"
