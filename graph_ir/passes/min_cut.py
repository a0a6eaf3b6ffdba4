"""The cheapest way to label things 0 or 1, where some pairs of labels cost: a minimum cut (Dinic's algorithm)."""

from __future__ import annotations

from collections import deque

UNLIMITED = 1 << 60


class Cut:
    """``cost(u, v, c)``: c is paid if u is labelled 0 and v 1. ``ZERO`` is always 0, ``ONE`` always 1."""

    ZERO = 0
    ONE = 1

    def __init__(self) -> None:
        """Nothing to label yet."""
        self._edges: list[list[int]] = [[], []]
        self._ends: list[int] = []
        self._left: list[int] = []

    def variable(self) -> int:
        """Something to label."""
        self._edges.append([])
        return len(self._edges) - 1

    def cost(self, zero: int, one: int, amount: int) -> None:
        """Paid if ``zero`` is labelled 0 and ``one`` is labelled 1."""
        for start, end, room in ((zero, one, amount), (one, zero, 0)):
            self._edges[start].append(len(self._ends))
            self._ends.append(end)
            self._left.append(room)

    def ones(self) -> set[int]:
        """What is labelled 1 in the cheapest labelling; as few as can be."""
        while (levels := self._levels()) is not None:
            progress = [0] * len(self._edges)
            while self._augment(levels, progress):
                pass
        reached = {self.ONE}
        waiting = deque(reached)
        while waiting:
            at = waiting.popleft()
            for edge in self._edges[at]:
                before = self._ends[edge]
                if self._left[edge ^ 1] and before not in reached:
                    reached.add(before)
                    waiting.append(before)
        return reached - {self.ONE}

    def _levels(self) -> list[int] | None:
        levels = [-1] * len(self._edges)
        levels[self.ZERO] = 0
        waiting = deque([self.ZERO])
        while waiting:
            at = waiting.popleft()
            for edge in self._edges[at]:
                end = self._ends[edge]
                if self._left[edge] and levels[end] < 0:
                    levels[end] = levels[at] + 1
                    waiting.append(end)
        return levels if levels[self.ONE] >= 0 else None

    def _augment(self, levels: list[int], progress: list[int]) -> bool:
        """Fill one path of the level graph; False if there is none left."""
        path: list[int] = []
        at = self.ZERO
        while at != self.ONE:
            edges = self._edges[at]
            while progress[at] < len(edges):
                edge = edges[progress[at]]
                if self._left[edge] and levels[self._ends[edge]] == levels[at] + 1:
                    break
                progress[at] += 1
            else:
                if not path:
                    return False
                at = self._ends[path.pop() ^ 1]
                progress[at] += 1
                continue
            path.append(edge)
            at = self._ends[edge]
        amount = min(self._left[edge] for edge in path)
        for edge in path:
            self._left[edge] -= amount
            self._left[edge ^ 1] += amount
        return True
