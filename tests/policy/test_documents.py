"""The generated tables and the README say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from dragoman.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def test_support_tables_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "support_tables.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, "run python docs/support_tables.py" + done.stderr


def test_readme_commands_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"(?:^|\$ |`|&& )dragoman (\w+)", text, re.MULTILINE))
    assert {"convert", "verify"} <= used
    assert used <= set(COMMANDS)


def test_links_in_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
