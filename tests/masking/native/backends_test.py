"""Keras 3 models on masks, on every backend, against plain ones masked by hand."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.native_processes import (
    compiling_backends,
    every_backend,
    rows_on,
    run_on,
)

pytestmark = pytest.mark.slow


@every_backend
def test_counts_and_zeros_are_exact_after_every_step(backend: str) -> None:
    assert rows_on(backend)["keeps_exact_counts_and_zeros_after_every_step"] == []


@every_backend
def test_steps_equal_those_of_gradients_masked_by_hand(backend: str) -> None:
    assert rows_on(backend)["equals_gradients_that_are_masked_by_hand"] == []


@every_backend
def test_slots_equal_those_of_gradients_masked_by_hand(backend: str) -> None:
    row = "slots_equal_those_of_gradients_that_are_masked_by_hand"
    assert rows_on(backend)[row] == []


@every_backend
def test_kept_entries_keep_every_bit(backend: str) -> None:
    assert rows_on(backend)["zeroes_what_is_pruned_and_no_other_bit"] == []


@compiling_backends
def test_a_compiled_step_equals_one_masked_by_hand(backend: str) -> None:
    assert rows_on(backend)["compiled_steps_equal_after_one"] == []


@compiling_backends
def test_one_trace_of_the_step_serves_all_levels(backend: str) -> None:
    assert rows_on(backend)["one_trace_serves_all_levels"] == []


@every_backend
def test_what_is_set_between_fits_counts_as_by_hand(backend: str) -> None:
    assert rows_on(backend)["what_is_set_between_fits_counts_as_by_hand"] == []


@every_backend
def test_a_later_step_is_rewound_to_exactly(backend: str) -> None:
    assert rows_on(backend)["rewinds_exactly_to_a_later_step"] == []


@every_backend
def test_a_model_that_is_compiled_anew_stays_on_its_masks(backend: str) -> None:
    assert rows_on(backend)["holds_what_is_compiled_anew"] == []


@every_backend
def test_a_released_model_trains_as_one_that_was_never_held(backend: str) -> None:
    assert rows_on(backend)["a_released_model_is_a_plain_one"] == []


@every_backend
def test_a_loop_goes_on_identically_in_another_process(
    backend: str, tmp_path: pathlib.Path
) -> None:
    def run(folder: str, until: int) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        program = ("-m", "tests.support.native_resume")
        return run_on(backend, *program, str(tmp_path / folder), str(until))

    run("stopped", 0)
    assert run("stopped", 2).splitlines()[-1] == run("whole", 2).splitlines()[-1]
