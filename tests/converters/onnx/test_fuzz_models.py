"""Damaged models: in a process of its own, since what goes wrong may end it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = 600


@pytest.mark.parametrize("seed", [0, 1])
def test_damaged_models_are_refused_or_written_whole(seed: int) -> None:
    script = Path(__file__).with_name("fuzz_models.py")
    command = [sys.executable, str(script), str(seed), str(COUNT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    *wrong, counts = done.stdout.strip().splitlines()
    assert not wrong, "\n".join(wrong)
    found = ast.literal_eval(counts)
    assert sum(found.values()) == COUNT
    assert found["written"] > COUNT / 10
    assert found["MalformedModel"] > COUNT / 10
