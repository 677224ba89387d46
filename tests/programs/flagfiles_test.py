"""The flagfiles: each says what its paper says."""

from __future__ import annotations

import shlex

import pytest

import lth_keras as lth
from lth_keras.programs import building, command_line, options
from tests.programs.method_flagfiles_test import METHODS
from tests.support.paper_flagfiles import EXPECTED, FLAGS, flagfile
from tests.support.places import ROOT


def test_there_is_a_row_here_for_every_flagfile():
    assert {path.name for path in FLAGS.iterdir()} == {
        f"{n}.flags" for n in (*EXPECTED, *METHODS)
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_says_what_the_paper_says(name):
    found = options.read(["lottery_search.py", flagfile(name)], "")
    expected = EXPECTED[name] | {"export": "off", "output_dir": f"runs/{name}"}
    assert found == options.Options(**expected)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_setting_of_the_paper_is_written_out(name):
    lines = (FLAGS / f"{name}.flags").read_text().splitlines()
    given = {line.split("=")[0].strip("-") for line in lines if line.startswith("--")}
    # What the paper has nothing to say about, or the network no layers for.
    apart = {"keras", "data_dir", "width", "rate", "jit", "seed", "workers", "export"}
    given -= {"criterion", "first"}
    apart |= {"criterion", "first", "monitor_metric", "validation_size"}
    apart |= {"lr_decay", "method", "rewind", "budget", "stop"}
    apart |= {"recipe", "search_iterations", "train_levels"}
    apart |= {"strategy", "devices", "keep_trained", "criterion", "monitor_metric"}
    apart |= set() if EXPECTED[name]["image_size"] else {"data", "image_size"}
    if EXPECTED[name]["granularity"] == "weight":
        apart |= {"granularity", "where", "layer_rates"}
    if EXPECTED[name]["optimizer"] != "momentum":
        apart |= {"momentum"}
    if name.startswith("lenet"):
        apart |= {"conv_rate"}
    else:
        apart |= {"hidden"}
    if EXPECTED[name]["dense_rate"] == 0:
        apart |= {"dense_rate", "dropout"}
    assert given == set(vars(options.read(["program"], ""))) - apart


@pytest.mark.parametrize("name", EXPECTED)
def test_a_flagfile_begins_with_its_figure_and_its_command_lines(name):
    text = (FLAGS / f"{name}.flags").read_text()
    comment = text[: text.index("\n\n")].replace("\\\n#", "")
    assert all(line.startswith("#") for line in comment.splitlines())
    words = " ".join(comment.replace("#", "").split())
    papers = (
        *("1803.03635v5", "1912.05671v4", "1608.08710"),
        *("1905.01067", "2009.08576", "1810.02340", "2003.02389"),
    )
    assert any(f"arXiv {paper}" in words for paper in papers)
    assert "figure" in words or "section" in words or "appendix" in words
    (search,) = [line for line in comment.splitlines() if "lottery_search.py" in line]
    _, python, program, file, _ = shlex.split(search, comments=False)
    assert (python, ROOT / program) == ("python", ROOT / "examples/lottery_search.py")
    assert file == f"--flagfile=examples/flags/{name}.flags"
    assert f"python examples/plot_results.py runs/{name}" in comment


def test_a_flagfile_is_found_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = options.read(["lottery_search.py", "--flagfile=conv2"], "")
    assert found == options.read(["lottery_search.py", flagfile("conv2")], "")
    assert found == options.read(["lottery_search.py", "--flagfile", "conv2"], "")
    # A file of that name is somebody's own.
    (tmp_path / "conv2").write_text("--levels=1")
    assert options.read(["lottery_search.py", "--flagfile=conv2"], "").levels == 1
    with pytest.raises(command_line.FlagError, match="conv3"):
        options.read(["lottery_search.py", "--flagfile=conv3"], "")


def test_flags_after_the_flagfile_win():
    argv = ["lottery_search.py", flagfile("lenet"), "--levels=3", "--output_dir=x"]
    found = options.read(argv, "")
    assert (found.levels, found.output_dir, found.trials) == (3, "x", 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "operations", "parameters"),
    [
        # Percent saved, from table 1 of arXiv 1608.08710.
        ("vgg16_filters_a", 34.2, 64.0),
        ("resnet56_filters_a", 10.4, 9.4),
        ("resnet56_filters_b", 27.6, 13.7),
        ("resnet110_filters_a", 15.9, 2.3),
        ("resnet110_filters_b", 38.6, 32.4),
    ],
)
def test_filters_save_what_the_papers_table_says(name, operations, parameters):
    given = options.read(["lottery_search.py", flagfile(name)], "")
    model = building.wrapped_model(given, (32, 32, 3), 10, seed=0)
    lth.prune(model)
    found = lth.compaction(model)
    saved = [
        round(100 * (1 - after / before), 1)
        for before, after in (found.multiply_adds, found.parameters)
    ]
    # The paper counts kernels alone.
    assert saved == pytest.approx([operations, parameters], abs=0.11)
