"""What mkdocs.yml leaves to Python: pages from outside of docs/, and a complete API.

mkdocs calls these functions by their names. Nothing of mkdocs is imported, so that the
checks here run wherever the tests do.
"""

from __future__ import annotations

import pathlib
import posixpath
import re
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
# mkdocs loads this file by its path, without the project's folder.
sys.path.insert(0, str(ROOT))

from tools.public_names import public_names  # noqa: E402

# Pages of the site that stand beside docs/, where their readers look for them first.
OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(r"(?<=\]\()(?!https?://)([^)#\s]+)")
# With options of its own where the second line is there.
ENTRY = re.compile(r"^::: lth_keras\.(\S+)$(\n    options:$)?", re.MULTILINE)


def undocumented(root: pathlib.Path = ROOT) -> list[str]:
    """Public names that have no entry on a page of docs/api/."""
    pages = (root / "docs" / "api").glob("*.md")
    entries = (ENTRY.finditer(page.read_text(encoding="utf-8")) for page in pages)
    told = {entry[1] for found in entries for entry in found}
    return [name for name in public_names(root) if name not in told]


def relinked(text: str, page: str) -> str:
    """A page's text with links to where the site has what they lead to.

    Args:
        text: of the page.
        page: its path below the project's root.
    """
    new_home = posixpath.dirname(OUTSIDE.get(page, page.removeprefix("docs/")))

    def moved(link: re.Match[str]) -> str:
        file = posixpath.normpath(posixpath.join(posixpath.dirname(page), link[1]))
        file = OUTSIDE.get(file, file.removeprefix("docs/"))
        return posixpath.relpath(file, new_home or ".")

    return LINK.sub(moved, text)


def on_pre_build(config: Any) -> None:
    """Ends the build where a public name has no entry.

    Raises:
        SystemExit: the names that have none.
    """
    if names := undocumented():
        sys.exit(
            "docs/api/ has no page of "
            + ", ".join(f"lth.{name}" for name in names)
            + ": add a line '::: lth_keras.NAME' where each belongs"
        )


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that stand outside of docs/."""
    kind = type(next(iter(files)))
    for path, page in OUTSIDE.items():
        text = relinked((ROOT / path).read_text(encoding="utf-8"), path)
        files.append(kind.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Leads links to those pages, and shows names as a reader writes them."""
    source = page.file.src_uri
    if source in OUTSIDE.values():
        return markdown
    if source.startswith("api/"):
        options = (
            r"::: lth_keras.\1\n    options:\n"
            r"      heading: lth.\1\n      toc_label: \1"
        )
        return ENTRY.sub(options, markdown)
    return relinked(markdown, f"docs/{source}")
