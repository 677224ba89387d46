"""Tickets on the Hugging Face Hub: `lth.hub.push` and `lth.hub.pull`."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from lth_keras.arguments import instance, switch, text
from lth_keras.errors import LotteryError, shown
from lth_keras.hub import cards, tensors
from lth_keras.runs.stored import StoredSearch
from lth_keras.tickets import manifest as manifests
from lth_keras.tickets.ticket import Ticket

_REPOSITORY = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_.-]{1,96})?")
_CARD = "README.md"


def push(
    ticket: Ticket,
    repo_id: str,
    search: StoredSearch | None = None,
    dataset: str | None = None,
    private: bool = False,
    endpoint: str | None = None,
) -> str:
    """Uploads a ticket with a model card; the repository is made where there is none.

    Args:
        ticket: what is shared: masks and the weights to start from. The optimizer's
            state stays behind.
        repo_id: "me/lenet-ticket".
        search: that found it: the card says what its level came to, with its spread
            over the trials of an experiment.
        dataset: what it was found on, by its name on the hub.
        private: whether a new repository is private.
        endpoint: another hub than the public one, as `HF_ENDPOINT` names it too.

    Returns:
        The address of what was uploaded.

    Raises:
        LotteryError: the "hub" extra is missing, an argument is none of these, or the
            hub refuses; log in with `hf auth login`.
    """
    instance("ticket", ticket, Ticket, "an lth.Ticket")
    instance("search", search, (StoredSearch, type(None)), "an lth.LotterySearch")
    private = switch("private", private)
    api = _api(_checked(repo_id), endpoint)
    rows: Sequence[Mapping[str, Any]] = []
    if search is not None:
        rows = search.tickets_of(ticket.level)
    about = cards.card(ticket, repo_id, dataset, rows)
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "ticket")
        ticket.save(made)
        shared = os.path.join(folder, "shared")
        os.mkdir(shared)
        shutil.copy(os.path.join(made, manifests.NAME), shared)
        tensors.write(os.path.join(shared, tensors.NAME), ticket)
        with open(os.path.join(shared, _CARD), "w", encoding="utf-8") as file:
            file.write(about)
        try:
            api.create_repo(repo_id, private=private, exist_ok=True)
            told = api.upload_folder(
                repo_id=repo_id,
                folder_path=shared,
                commit_message=f"Ticket {ticket.fingerprint[:12]}",
            )
        except Exception as error:  # Of the hub's client, and of the network below.
            raise _refusal("upload to", repo_id, error) from None
    return str(told.commit_url)


def pull(
    repo_id: str, revision: str | None = None, endpoint: str | None = None
) -> Ticket:
    """Downloads a ticket, and checks every name, shape, number and its fingerprint.

    Args:
        repo_id: "me/lenet-ticket".
        revision: a commit, a tag or a branch; by default the newest.
        endpoint: as of `push`.

    Returns:
        The ticket, to `apply` to a model of the same layers.

    Raises:
        LotteryError: the "hub" extra is missing, no ticket is there, or it is damaged.
    """
    if revision is not None:
        text("revision", revision, "a commit, a tag or a branch")
    api = _api(_checked(repo_id), endpoint)
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in (manifests.NAME, tensors.NAME):
                api.hf_hub_download(repo_id, name, revision=revision, local_dir=folder)
        except Exception as error:  # Of the hub's client, and of the network below.
            raise _refusal("download from", repo_id, error) from None
        try:
            manifest = manifests.read(folder)
            return tensors.read(os.path.join(folder, tensors.NAME), manifest)
        except LotteryError as error:
            reason = str(error).replace(folder, repo_id)
            raise LotteryError(f"{repo_id} holds no sound ticket: {reason}") from None


def _api(repo_id: str, endpoint: str | None) -> Any:
    if endpoint is not None:
        text("endpoint", endpoint, "the address of a hub")
    try:
        import huggingface_hub
        import safetensors  # noqa: F401
    except ImportError:
        raise LotteryError(
            "lth.hub needs huggingface_hub and safetensors: pip install them, or this "
            "package with its 'hub' extra."
        ) from None
    return huggingface_hub.HfApi(endpoint=endpoint)


def _checked(repo_id: Any) -> str:
    if not isinstance(repo_id, str) or not _REPOSITORY.fullmatch(repo_id):
        raise LotteryError(
            f"repo_id={shown(repo_id)}: give a name on the hub, such as "
            "'me/lenet-ticket'."
        )
    return repo_id


def _refusal(act: str, repo_id: str, error: Exception) -> LotteryError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = (lines[0] if lines else "")[:300]
    return LotteryError(
        f"the {act} {repo_id} failed ({type(error).__name__}: {reason}): look at the "
        "name, the network, and who you are there (hf auth whoami)."
    )
