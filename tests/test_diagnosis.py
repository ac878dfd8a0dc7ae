"""What constructed curves are said to show, and with which figures."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from charrnn.runs.checkpoint_facts import Figure
from charrnn.runs.diagnosis import CHECKS, diagnose, diagnose_answers
from charrnn.runs.evidence import Circumstances, Evidence, gathered
from charrnn.runs.metrics import Point

RUN = Circumstances(parameters=100_000, hidden=128, dropout=0.0, finished=True)
TEXT = 1_000_000
"""Characters of the training text."""

Curve = Callable[[float], float]


def points(
    training: Curve, validation: Curve | None, *, epochs: float = 10.0, reports: int = 200
) -> list[Point]:
    """The reports of a run whose losses, in bits, are functions of the share that is done."""
    return [
        point(number, number / reports, training, validation if number % 20 == 0 else None, epochs)
        for number in range(1, reports + 1)
    ]


def point(step: int, share: float, training: Curve, validation: Curve | None, epochs: float) -> Point:
    return Point(
        step=step,
        epoch=epochs * share,
        characters=round(TEXT * epochs * share),
        seconds=share,
        train_nats=training(share) * math.log(2),
        learning_rate=0.01 * (1 - share),
        gradient_norm=1.0,
        characters_per_second=1.0,
        validation_nats=None if validation is None else validation(share) * math.log(2),
    )


def falling(end: float) -> Curve:
    """From 5 bits to an end, fast at first."""
    return lambda share: end + (5 - end) * math.exp(-12 * share)


def seen(curves: Sequence[Point], **changed: float | str) -> tuple[str, str]:
    found = diagnose(curves, replace(RUN, **changed))  # type: ignore[arg-type] # each by its own type
    return found.kind, found.text


def test_nothing_measured() -> None:
    assert seen([]) == ("unmeasured", "nothing is measured yet")


@pytest.mark.parametrize(
    ("accuracies", "finished", "kind", "text"),
    [
        ([], True, "unmeasured", "nothing is measured"),
        ([0.5], False, "unfinished", "validation accuracy 0.500 after 1.00 of a pass. Go on with:"),
        ([0.5, 0.8, 0.8], True, "improving", "highest at the end, 0.800 after 3.0 passes. Train longer:"),
        ([0.5, 0.9, 0.8], True, "well", "highest after 2.0 passes, 0.900, and ended at 0.800 after 3.0"),
    ],
)
def test_answers_are_judged_by_their_best(
    accuracies: list[float], finished: bool, kind: str, text: str
) -> None:
    curves = [
        replace(point(number, number, falling(2), None, 1.0), figure=figure)
        for number, accuracy in enumerate(accuracies, 1)
        for figure in (Figure("accuracy", accuracy), None)
    ]
    found = diagnose_answers(curves, replace(RUN, finished=finished))
    assert found.kind == kind
    assert text in found.text


def test_less_than_a_pass_wants_more_time() -> None:
    kind, text = seen(points(falling(2.0), falling(2.1), epochs=0.4))
    assert kind == "improving"
    assert text == (
        "still improving: training 2.00 and validation 2.10 bits per character; "
        "only 40% of the text was seen. Train longer: charrnn train --resume"
    )


def test_few_characters_for_each_parameter_want_more_time() -> None:
    kind, text = seen(points(falling(2.0), falling(2.1), epochs=1.9))
    assert kind == "improving"
    assert "after 1.9 passes it does not overfit yet. Train longer: charrnn train --resume" in text


def test_many_characters_and_no_overfitting_want_a_bigger_model() -> None:
    kind, text = seen(points(falling(2.3), falling(2.35)))
    assert kind == "limited"
    assert text == (
        "training 2.30 and validation 2.35 bits per character are both high for what the text allows: "
        "after 10.0 passes it does not overfit. A bigger model would learn more: --hidden 256"
    )
    assert "A bigger model or less dropout" in seen(points(falling(2.3), falling(2.35)), dropout=0.3)[1]


def test_a_harder_validation_text_is_not_taken_for_overfitting() -> None:
    """The gap is there from the first pass on."""
    harder = points(falling(2.0), lambda share: falling(2.0)(share) + 0.4)
    assert seen(harder)[0] == "limited"
    assert gathered(harder, RUN).overfitting == pytest.approx(0, abs=0.15)


def test_there_is_no_more_overfitting_than_lies_between_training_and_validation() -> None:
    """Where the loss falls fast, the mean of training lags behind, as if the held-out text were easier."""
    lagging = points(lambda share: falling(2.0)(share) + 0.5 * (share < 0.2), falling(2.05), epochs=5)
    assert gathered(lagging, RUN).first_gap == 0
    assert gathered(lagging, RUN).overfitting == pytest.approx(0.05, abs=0.01)


def rising(share: float) -> float:
    return falling(2.0)(share) + max(0.0, share - 0.3)


def test_a_rising_validation_wants_regularisation() -> None:
    kind, text = seen(points(falling(1.0), rising))
    assert kind == "rising"
    assert text == (
        "validation rose to 2.70 bits per character from its best, 2.08 after 3.0 passes, while training "
        "went down to 1.00: the model overfits. The best weights are kept; --dropout 0.2, a smaller "
        "model or more text would help"
    )
    assert "--dropout 0.5," in seen(points(falling(1.0), rising), dropout=0.4)[1]
    assert "stronger --weight-decay," in seen(points(falling(1.0), rising), dropout=0.5)[1]


def test_a_rise_that_may_be_chance_is_none() -> None:
    kind, text = seen(points(falling(1.0), lambda share: falling(2.0)(share) + 0.02 * max(0.0, share - 0.5)))
    assert kind == "well"
    assert "validation 2.01 bits per character, near the 2.00 that was the best of the run" in text


def test_a_gap_that_grew_but_did_no_harm_yet_is_well() -> None:
    kind, text = seen(points(falling(1.5), falling(2.0)))
    assert kind == "well"
    assert text.startswith(
        "all well: training 1.50 and validation 2.00 bits per character, the best of the run. "
    )
    assert text.endswith("so more text or --dropout 0.2 would help more than more time")


def test_next_to_nothing_left_to_learn_is_well() -> None:
    kind, text = seen(points(falling(0.1), falling(0.12)))
    assert (kind, text) == (
        "well",
        "all well: training 0.10 and validation 0.12 bits per character, the best of the run",
    )


def test_training_that_came_apart() -> None:
    kind, text = seen(points(lambda share: falling(2.0)(share) + 3 * (share > 0.8), falling(2.1)))
    assert kind == "diverged"
    assert text.startswith("training came apart: it ended at 5.00 bits per character after 2.00 on the way")
    assert "--learning-rate" in text


def test_skipped_updates_are_told_beside_any_verdict() -> None:
    plain = seen(points(falling(2.3), falling(2.35)))
    kind, text = seen(points(falling(2.3), falling(2.35)), skipped_updates=1234)
    assert kind == plain[0]
    assert text == plain[1] + ". 1,234 updates were not finite and were skipped: lower --learning-rate"


def test_without_validation_nothing_is_claimed() -> None:
    kind, text = seen(points(falling(1.2), None))
    assert kind == "unvalidated"
    assert "1.20 bits per character" in text
    assert "--validation 0.1" in text
    kind, text = seen(points(falling(1.2), None), held_out=1000)
    assert kind == "unvalidated"
    assert text.endswith("there was no time for it. Train longer: charrnn train --resume")


@pytest.mark.parametrize("validation", [falling(2.1), None])
def test_a_run_that_is_not_at_its_end(validation: Curve | None) -> None:
    kind, text = seen(points(falling(2.0), validation), finished=False)
    assert kind == "unfinished"
    assert text.startswith("not finished yet: training 2.00")
    assert ("validation" in text) == (validation is not None)
    assert text.endswith(". Go on with: charrnn train --resume")


def test_what_is_wrong_is_said_before_the_end_too() -> None:
    assert seen(points(falling(1.0), rising), finished=False)[0] == "rising"


@pytest.mark.parametrize("reports", [1, 2, 3, 19, 20, 21])
@pytest.mark.parametrize("validation", [falling(2.1), None])
def test_few_reports_are_enough(reports: int, validation: Curve | None) -> None:
    assert seen(points(falling(2.0), validation, reports=reports))[0] == "few"
    assert seen(points(falling(2.0), validation, reports=50 + reports))[0] in CHECKS


def test_the_end_of_training_is_averaged_over_characters() -> None:
    """One odd report at the end, of few characters, hardly counts."""
    curves = points(falling(2.0), falling(2.1))
    curves.append(replace(curves[-1], train_nats=3.0))
    evidence: Evidence = gathered(curves, RUN)
    assert evidence.training == pytest.approx(2.0, abs=0.25)


def test_a_handful_of_updates_is_never_well() -> None:
    kind, text = seen(points(falling(2.0), falling(2.1), reports=5))
    assert kind == "few"
    assert text == "5 updates are too few to tell anything; train longer: charrnn train --resume"
    assert seen(points(falling(2.0), falling(2.1), reports=1))[1].startswith("1 update is too few")
    assert seen(points(falling(2.0), falling(2.1), reports=49))[0] == "few"
    assert seen(points(falling(9.0), falling(9.1), reports=5), unigram_bits=4.8)[0] == "few"
    assert seen(points(falling(2.0), falling(2.1), reports=5), finished=False)[0] == "unfinished"
    assert seen(points(falling(2.0), falling(2.1), reports=50))[0] != "few"


@pytest.mark.parametrize("validation", [4.8, 14.21])
def test_a_validation_above_the_unigram_is_never_well(validation: float) -> None:
    """Training falls to nothing, and the held-out text is as far away at the end as in the first pass."""
    curves = points(falling(0.48), lambda share: validation + share / 100)
    assert seen(curves)[0] in {"well", "rising", "limited"}
    kind, text = seen(curves, unigram_bits=4.8)
    assert kind == "unlearnt"
    assert "no better than counting symbols, 4.80 bits per character" in text
    assert "the training loss fell to 0.48" in text
    assert "--validation" in text


def test_a_model_that_is_worse_than_counting_is_not_just_told_to_train_longer() -> None:
    bad = points(lambda _: 32.0, lambda _: 33.0, epochs=0.4)
    kind, text = seen(bad, unigram_bits=4.8, longer="charrnn train --resume --run runs/x --max-time +2m")
    assert kind == "unlearnt"
    assert text == (
        "training 32.00 is no better than counting symbols, 4.80 bits per character: it has not learned "
        "anything yet. Train longer: charrnn train --resume --run runs/x --max-time +2m; or begin anew with "
        "a lower --learning-rate"
    )
    assert seen(points(lambda _: 4.8, None), unigram_bits=4.8)[0] == "unlearnt"


def test_a_best_below_the_unigram_that_was_lost_again_is_rising() -> None:
    lost = points(falling(0.5), lambda share: 3.0 + 4 * share)
    assert seen(lost, unigram_bits=4.8)[0] == "rising"


def test_advice_is_below_the_unigram() -> None:
    assert seen(points(falling(2.0), falling(2.1)), unigram_bits=4.8)[0] == "limited"


def test_a_validation_far_better_than_training_flatters() -> None:
    _, text = seen(points(falling(2.0), falling(1.3)))
    assert "The held-out text is easier than the training text" in text
    assert "easier" not in seen(points(falling(2.0), falling(1.9)))[1]


SOUND = Evidence(
    run=RUN,
    updates=1000,
    epochs=3.0,
    characters=3_000_000,
    training=2.0,
    lowest_training=2.0,
    validation=2.0,
    best=2.0,
    best_epoch=3.0,
    first_gap=0.0,
)


@pytest.mark.parametrize(
    ("kind", "applies", "not_yet"),
    [
        ("diverged", {"training": 2.51}, {"training": 2.49}),
        ("few", {"updates": 49}, {"updates": 50}),
        ("unlearnt", {"unigram_bits": 2.0}, {"unigram_bits": 2.01}),
        ("unlearnt", {"unigram_bits": 2.0, "updates": 50}, {"unigram_bits": 2.0, "updates": 49}),
        ("rising", {"validation": 2.021}, {"validation": 2.019}),
        ("unfinished", {"finished": False}, {}),
        ("unvalidated", {"validation": None}, {}),
        ("repeated", {"repeated": 0.51}, {"repeated": 0.5}),
        ("repeated", {"repeated": 0.51, "epochs": 1.0}, {"repeated": 0.51, "epochs": 0.99}),
        ("improving", {"epochs": 0.99}, {"epochs": 1.0}),
        ("improving", {"characters": 1_999_999}, {"characters": 2_000_000}),
        ("improving", {"characters": 9, "training": 1.901}, {"characters": 9, "training": 1.899}),
        ("limited", {"training": 0.501, "first_gap": 2.0}, {"training": 0.499, "first_gap": 2.0}),
        ("limited", {"validation": 0.501}, {"validation": 0.499}),
        ("limited", {"training": 1.901}, {"training": 1.899}),
    ],
)
def test_where_a_finding_begins(
    kind: str, applies: dict[str, float | None], not_yet: dict[str, float | None]
) -> None:
    def found(changed: dict[str, float | None]) -> str | None:
        of_run = {name: value for name, value in changed.items() if name in vars(RUN)}
        others = {name: value for name, value in changed.items() if name not in of_run}
        run = replace(RUN, **of_run)  # type: ignore[arg-type] # each by its own type
        return CHECKS[kind](replace(SOUND, run=run, **others))  # type: ignore[arg-type]

    assert found(applies)
    assert found(not_yet) is None


@pytest.mark.parametrize(
    ("epochs", "passes"),
    [(0.5, "0.50 of a pass"), (1.04, "1.04 of a pass"), (1.06, "1.1 passes"), (3.0, "3.0 passes")],
)
def test_passes_are_told_in_tenths_beyond_the_first(epochs: float, passes: str) -> None:
    text = CHECKS["unfinished"](replace(SOUND, run=replace(RUN, finished=False), epochs=epochs))
    assert text is not None
    assert f"bits per character after {passes}. Go on" in text


@pytest.mark.parametrize(("training", "overfits"), [(1.901, False), (1.899, True)])
def test_a_tenth_of_a_bit_of_overfitting_is_worth_a_word(training: float, overfits: bool) -> None:
    text = CHECKS["well"](replace(SOUND, training=training))
    assert text is not None
    assert ("0.10 of the gap is overfitting" in text) == overfits


def test_the_end_is_the_last_twentieth_of_what_was_learnt_from() -> None:
    late = points(lambda share: 2.0 if share > 0.949 else 3.0, None, reports=100)
    assert gathered(late, RUN).training == pytest.approx(2.0)
    later = points(lambda share: 2.0 if share > 0.951 else 3.0, None, reports=100)
    assert gathered(later, RUN).training == pytest.approx((5 * 2.0 + 3.0) / 6)


def test_the_lowest_training_loss_is_looked_for_on_the_whole_way() -> None:
    dip = points(lambda share: 1.0 if 0.3 < share < 0.42 else 3.0, falling(2.0), reports=100)
    assert gathered(dip, RUN).lowest_training == pytest.approx(1.0)
    assert gathered(dip, RUN).best == pytest.approx(2.0, abs=0.01)
    assert gathered(dip, RUN).best_epoch == 10.0
