"""The values of flags: what is refused is named, with what is allowed."""

from __future__ import annotations

import pytest

from lth_keras.programs import options, values
from lth_keras.programs.command_line import FlagError


def refusal(*arguments: str) -> str:
    with pytest.raises(FlagError) as caught:
        options.read(["lottery_search.py", *arguments], "About.")
    return str(caught.value)


@pytest.mark.parametrize(
    ("flag", "allowed"),
    [
        ("--model=alexnet", "lenet, conv2"),
        ("--optimizer=lion", "adam, sgd, momentum"),
        ("--scope=block", "layer, global"),
        (
            "--criterion=size",
            "use one of grasp, large_final, large_final_same_sign",
        ),
        ("--jit=yes", "auto, on, off"),
        ("--rate=0", "above 0 and below 1"),
        ("--rate=1", "above 0 and below 1"),
        ("--rate=nan", "above 0 and below 1"),
        ("--learning_rate=0", "above 0"),
        ("--learning_rate=inf", "above 0"),
        ("--levels=-1", "0 to 10000"),
        ("--levels=1000000000", "0 to 10000"),
        ("--levels=2.5", "whole number"),
        ("--iterations=0", "1 or more"),
        ("--iterations=1000000000000", "below 2**31"),
        ("--batch_size=0", "1 or more"),
        ("--trials=0", "1 to 100000"),
        ("--trials=1000000000", "1 to 100000"),
        ("--evaluate_every=0", "1 or more"),
        ("--seed=-1", "0 to 2147483647"),
        ("--seed=2147483648", "0 to 2147483647"),
        ("--hidden=300,0", "1 to 100000, with commas"),
        ("--hidden=none", "1 to 100000, with commas"),
        ("--hidden=999999999999", "1 to 100000, with commas"),
        ("--width=0", "above 0, up to 100"),
        ("--width=1e300", "above 0, up to 100"),
        ("--dropout=1", "0 or more and below 1"),
        ("--conv_rate=1", "0 or more and below 1"),
        ("--dense_rate=-0.1", "0 or more and below 1"),
        ("--output_rate=nan", "0 or more and below 1"),
        ("--momentum=1", "0 or more and below 1"),
        ("--weight_decay=-1", "0 or more"),
        ("--warmup=-1", "0 or more"),
        ("--lr_drops=5/6,2/3", "rising fractions"),
        ("--lr_drops=1/2,1/2", "rising fractions"),
        ("--lr_drops=1", "rising fractions"),
        ("--lr_drops=1/0", "rising fractions"),
        ("--lr_drops=nan", "rising fractions"),
        ("--lr_drops=1e400", "rising fractions"),
        ("--lr_drops=1e999999999", "rising fractions"),
        ("--lr_drops=0.5,1e-999999999", "rising fractions"),
        ("--augment=flip", "auto, none, crop_flip"),
        ("--workers=-1", "0 to 1000"),
        ("--replicates=0", "1 to 100000"),
        ("--rewind_to=500", "500it"),
        ("--rewind_to=-1it", "500it"),
        ("--controls=a,,b", "with commas"),
        ("--dataset=", "some text"),
    ],
)
def test_a_wrong_value_is_refused_with_the_flag_and_what_is_allowed(flag, allowed):
    line = refusal(flag)
    assert line.startswith(flag) and allowed in line


def test_numbers_and_spans_of_them_are_sorted_and_once_each():
    assert values.numbers("3, 0,6-9,7", 0, 10) == (0, 3, 6, 7, 8, 9)


@pytest.mark.parametrize(
    "text", ["", "a", "3-", "-3", "5-3", "1-2-3", "0-999999999999", "11", "1,,2"]
)
def test_a_span_without_an_end_is_no_span(text):
    with pytest.raises(ValueError):
        values.numbers(text, 0, 10)
