"""Writes tests/old_files/data with an older version of the package.

    python tests/old_files/make_data.py OLD [tickets] [models] [searches] [program]

OLD is a checkout of the version whose files must go on working. Those that are in the
project were written by the last one whose modules stood side by side in one folder
(commit 89bb38f, version 0.1.0), on two CPUs; that version's name for the progress of
the example program is used here to stop it. Each job runs in a process of its own; some
are killed on the way, and a copy of each of those goes on with the old version too, so
that `facts.json` knows how it ends.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import sys
import tarfile
import tempfile
from collections.abc import Callable
from typing import Any

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = pathlib.Path(__file__).absolute().parents[2]
OLD = pathlib.Path(sys.argv[1]).absolute()
sys.path[:0] = [str(OLD), str(OLD / "examples"), str(ROOT)]

import lth_keras.learning_rates  # noqa: E402, F401  Only then its class is registered.
import numpy as np  # noqa: E402  after the path is set, as all below

import lth_keras as lth  # noqa: E402
from tests.old_files import facts, jobs  # noqa: E402

keras = jobs.keras


def in_child(function: Callable[..., Any], *arguments: Any) -> int:
    """Runs a function in a fork of this process; returns how that ended."""
    child = os.fork()
    if child == 0:
        try:
            function(*arguments)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def must(function: Callable[..., Any], *arguments: Any) -> None:
    """Runs a function in a fork, which must succeed."""
    code = in_child(function, *arguments)
    if code:
        raise SystemExit(f"{function.__name__}{arguments}: exit code {code}")


def must_die(function: Callable[..., Any], *arguments: Any) -> None:
    """Runs a function in a fork, which must be killed."""
    code = in_child(function, *arguments)
    if code != -signal.SIGKILL:
        raise SystemExit(f"{function.__name__}{arguments}: exit code {code}")


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killing(keras.callbacks.Callback):
    """Kills the process in the middle of a level, after its first epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        die()


def search(name: str, directory: str, death: jobs.Death | None) -> None:
    """A search of `jobs.SEARCHES`, killed on the way unless `death` is None."""
    moment, last = death or ("", 0)
    ends = {"on_result": lambda row: row["level"] == last and die()}
    found, fit = jobs.SEARCHES[name](directory, **(ends if moment == "stored" else {}))
    if moment == "training":
        fit["callbacks"] = lambda level: [Killing()] if level == last else []
    found.fit(**fit)


def controls(directory: str, names: tuple[str, ...]) -> None:
    """Controls of a finished search."""
    found, fit = jobs.layered(directory)
    found.prepare(**fit)
    for name in names:
        lth.controls.run(found, name, levels=[2])


def tickets(folder: str) -> None:
    """Tickets with their optimizer's state, and one without of another kind."""
    found, fit = jobs.layered(f"{folder}/search")
    found.fit(**fit)
    found.ticket(2).save(f"{folder}/layer_magnitude")
    shutil.rmtree(f"{folder}/search")
    found, fit = jobs.frozen(f"{folder}/search")
    found.fit(**fit)
    found.ticket(2).save(f"{folder}/frozen")
    shutil.rmtree(f"{folder}/search")
    model = jobs.directions()
    jobs.train(model, jobs.floats(12, *model.input_shape[1:]))
    lth.prune(model)
    start = lth.capture(model, step=6)
    lth.Ticket.of(model, start, level=1).save(f"{folder}/directions")
    model = jobs.together(f"{folder}/search")[0].model
    start = lth.capture(model)
    model.fit(jobs.stream(0, 0), epochs=1, verbose=0)
    lth.prune(model, start)
    lth.prune(model, start)
    settings = {"scope": "global", "criterion": "movement", "note": "by hand"}
    ticket = lth.Ticket.of(model, level=2, seed=7, settings=settings)
    ticket.save(f"{folder}/global_movement")


def models(folder: str, numbers: str) -> None:
    """The models of `jobs`, saved in every format."""
    for name in jobs.MODELS:
        model, x = jobs.pruned_and_trained(name)
        for file in jobs.MODEL_FILES:
            if file.partition(".")[0] == name:
                model.save(f"{folder}/{file}")
        np.savez(f"{numbers}/{name}.npz", inputs=x, outputs=model.predict(x, verbose=0))


def exports(folder: str, numbers: str) -> None:
    """What is served of a model, packed and for TFLite."""
    model, x = jobs.served()
    np.savez(f"{numbers}/served.npz", inputs=x, outputs=model.predict(x, verbose=0))
    lth.export_saved_model(model, f"{folder}/packed/1", verbose=False)
    lth.export_tflite(model, f"{folder}/model.tflite", verbose=False)
    lth.export_keras(model, f"{folder}/plain.keras", verbose=False)


def model_facts(folder: str, found: str, numbers: str) -> None:
    """What this version reads from its own files, and how they train on."""
    facts_of = {}
    for file in jobs.MODEL_FILES:
        name = file.partition(".")[0]
        model = keras.models.load_model(f"{folder}/{file}")
        known = facts.of_model(model)
        lth.prune(model)
        known["masks_of_next_round"] = [facts.digest([m]) for m in facts.masks(model)]
        facts_of[file] = known
        model = keras.models.load_model(f"{folder}/{file}")
        x = jobs.MODELS[name]()[1]
        jobs.train(model, x)
        np.savez(f"{numbers}/{file}.after.npz", outputs=model.predict(x, verbose=0))
    pathlib.Path(found).write_text(json.dumps(facts_of), encoding="utf-8")


def program(directory: str, stop_after: int | None) -> None:
    """The example program, killed when so many runs are stored."""
    # The older version's programs; they are none of this one's modules.
    lottery_search, progress = map(__import__, ("lottery_search", "progress"))

    stored = 0
    whole = progress.Progress.finish

    def finish(self: Any, row: Any) -> None:
        nonlocal stored
        stored += 1
        if stored == stop_after:
            die()
        whole(self, row)

    progress.Progress.finish = finish
    lottery_search.main(["x", *jobs.FLAGS, f"--output_dir={directory}"])


def packed(folder: pathlib.Path, name: str) -> None:
    """Packs a directory, empty ones in it included."""

    def nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(facts.DATA / f"{name}.tar.xz", "w:xz", preset=9) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=nobody)


def search_facts(found: pathlib.Path, place: str, directory: pathlib.Path) -> None:
    """Writes the facts of a search to a file, under a name."""
    known = json.loads(found.read_text()) if found.exists() else {}
    known[place] = facts.of_search(directory)
    found.write_text(json.dumps(known))


def ticket_facts(found: pathlib.Path, folder: pathlib.Path) -> None:
    known = {
        path.name: facts.of_ticket(lth.Ticket.load(path))
        for path in sorted(folder.iterdir())
    }
    for name in known:
        model = jobs.ticket_model(name, str(folder / "search"))
        lth.Ticket.load(folder / name).apply(model)
        known[name]["applied"] = facts.of_variables(model)
    found.write_text(json.dumps(known))


def in_lines(known: dict[str, Any]) -> str:
    """JSON with a line for each fact, so that two versions of it can be compared."""
    parts = []
    for name, found in known.items():
        text = json.dumps(found)
        if isinstance(found, dict):
            lines = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items())
            text = "{\n" + ",\n".join(lines) + "\n}"
        parts.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}"


def write_tickets(work: pathlib.Path, known: dict[str, Any]) -> None:
    (work / "tickets").mkdir()
    must(tickets, str(work / "tickets"))
    must(ticket_facts, work / "tickets.json", work / "tickets")
    packed(work / "tickets", "tickets")
    known["tickets"] = json.loads((work / "tickets.json").read_text())


def write_models(work: pathlib.Path, known: dict[str, Any]) -> None:
    for name in ("models", "exports", "numbers"):
        (work / name).mkdir()
    numbers, found = work / "numbers", work / "models.json"
    must(models, str(work / "models"), str(numbers))
    must(exports, str(work / "exports"), str(numbers))
    must(model_facts, str(work / "models"), str(found), str(numbers))
    packed(work / "models", "models")
    packed(work / "exports", "exports")
    known["models"] = json.loads(found.read_text())
    arrays: dict[str, np.ndarray] = {}
    for path in sorted(numbers.iterdir()):
        with np.load(path) as stored:
            arrays |= {f"{path.stem}/{key}": stored[key] for key in stored}
    np.savez_compressed(facts.DATA / "numbers.npz", **arrays)


def write_searches(work: pathlib.Path, known: dict[str, Any]) -> None:
    found = work / "searches.json"
    for name in jobs.SEARCHES:
        must(search, name, str(work / name), None)
        must(search_facts, found, name, work / name)
    for name, (of, death) in jobs.KILLED.items():
        must_die(search, of, str(work / name), death)
        packed(work / name, name)
        must(search, of, str(work / name), None)
        must(search_facts, found, name, work / name)
    ends = json.loads(found.read_text())
    for name, (of, _) in jobs.KILLED.items():
        if ends[name] != ends[of]:
            raise SystemExit(f"{name} did not end as {of}, which was never killed")
    must(controls, str(work / "layered"), jobs.CONTROLS)
    must(search_facts, found, "finished", work / "layered")
    packed(work / "layered", "finished")
    must(controls, str(work / "layered"), (jobs.ADDED,))
    must(search_facts, found, "finished_added", work / "layered")
    ends = json.loads(found.read_text())
    known["searches"] = {k: v for k, v in ends.items() if k not in jobs.KILLED}


def write_program(work: pathlib.Path, known: dict[str, Any]) -> None:
    found = work / "program.json"
    must_die(program, str(work / "program"), jobs.STORED_RUNS)
    packed(work / "program", "program")
    must(program, str(work / "program"), None)
    for trial in ("trial0", "trial1"):
        must(search_facts, found, trial, work / "program" / trial)
    known["program"] = json.loads(found.read_text())


PARTS = {
    "tickets": write_tickets,
    "models": write_models,
    "searches": write_searches,
    "program": write_program,
}


def main(parts: list[str]) -> None:
    assert pathlib.Path(lth.__file__).is_relative_to(OLD), lth.__file__
    place = facts.DATA / "facts.json"
    known = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    head = {"version": lth.__version__, "machine": facts.machine()}
    if known and head != {key: known[key] for key in head} and set(parts) != set(PARTS):
        raise SystemExit("another machine wrote the other parts: write them all")
    known |= head
    with tempfile.TemporaryDirectory() as work:
        for part in parts:
            (pathlib.Path(work) / part).mkdir()
            PARTS[part](pathlib.Path(work) / part, known)
    place.write_text(f"{in_lines(known)}\n", encoding="utf-8")
    for path in sorted(facts.DATA.iterdir()):
        print(f"{path.stat().st_size:8,} {path.name}")


if __name__ == "__main__":
    main(sys.argv[2:] or list(PARTS))
