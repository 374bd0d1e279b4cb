"""What other powers do to a site's value, in the terms of its problems. Pure.

A radio that gets louder by some dB is heard louder by so many dB by everybody: others defer to it more often,
and its own clients get a better rate. What it defers to itself stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from agent.planner.overlap import hit
from agent.planner.site.cells import Levels
from agent.planner.site.heard import Level, expected
from agent.planner.site.problem import Choice, Member, Pair, Problem, contention
from agent.planner.surroundings import CCA_DBM, CCA_SECONDARY_DBM, rate_left, snr_db
from agent.view import RadioView
from inventory.model import RadioKey


def repowered(
    problem: Problem, levels: Levels, by_db: Mapping[RadioKey, int], own: Mapping[RadioKey, float]
) -> Problem:
    """The problem at other powers. ``by_db``: how much more each radio sends than now, absent = the same;
    ``own``: nats that its own clients win by it, on whichever option."""
    shift = [by_db.get(member.key, 0) for member in problem.members]
    keys = [member.key for member in problem.members]
    pairs = tuple(_pair(pair, keys, levels, shift[pair.a], shift[pair.b]) for pair in problem.pairs)
    members = tuple(_member(member, own.get(member.key, 0.0)) for member in problem.members)
    return replace(problem, members=members, pairs=pairs)


def _member(member: Member, nats: float) -> Member:
    if nats == 0.0:
        return member
    return replace(member, options=tuple(replace(each, worth=each.worth + nats) for each in member.options))


def _pair(pair: Pair, keys: list[RadioKey], levels: Levels, a_db: int, b_db: int) -> Pair:
    a_hears, b_hears = levels.get((keys[pair.a], keys[pair.b])), levels.get((keys[pair.b], keys[pair.a]))
    return Pair(
        pair.a,
        pair.b,
        pair.primary_ab * louder(a_hears, b_db, CCA_DBM),
        pair.primary_ba * louder(b_hears, a_db, CCA_DBM),
        pair.secondary_ab * louder(a_hears, b_db, CCA_SECONDARY_DBM),
        pair.secondary_ba * louder(b_hears, a_db, CCA_SECONDARY_DBM),
    )


def louder(heard: Level | None, by_db: int, cca_dbm: float) -> float:
    """Factor on how often somebody is deferred to who gets so much louder; 1 where its level is not known."""
    if heard is None or by_db == 0:
        return 1.0
    return expected(heard._replace(dbm=heard.dbm + by_db), cca_dbm) / expected(heard, cca_dbm)


def rate_nats(at: RadioView, by_db: int) -> float:
    """What the own clients' data rate gains by so many dB, nats; below 0 for less power."""
    snr = snr_db(at)
    if by_db >= 0:
        return -math.log(rate_left([each + by_db for each in snr], by_db))
    return math.log(rate_left(snr, -by_db))


class Others:
    """What a radio's power costs the others, some of whom have changed theirs already."""

    def __init__(self, problem: Problem, choice: Choice, levels: Levels) -> None:
        self._problem, self._levels = problem, levels
        self._chosen = [member.options[at] for member, at in zip(problem.members, choice, strict=True)]
        self._keys = [member.key for member in problem.members]
        self._own = contention(problem, choice)
        self._pairs: list[list[Pair]] = [[] for _ in problem.members]
        for pair in problem.pairs:
            self._pairs[pair.a].append(pair)
            self._pairs[pair.b].append(pair)

    def of(self, index: int, by_db: int, *, back: bool = False) -> dict[int, float]:
        """For each member that hears it, nats that it wins when this radio sends so much more than now;
        ``back``: when it goes back from there to now."""
        found = {}
        for other, more in self._more(index, by_db).items():
            had = 1.0 + self._chosen[other].foreign + self._own[other]
            won = math.log(had) - math.log(max(1.0, had - more if back else had + more))
            found[other] = self._problem.members[other].weight * won
        return found

    def put(self, index: int, by_db: int) -> None:
        """From now on it sends so much more."""
        for other, more in self._more(index, by_db).items():
            self._own[other] += more

    def _more(self, index: int, by_db: int) -> dict[int, float]:
        """How much more of a contender it is for each of the others."""
        if by_db == 0:
            return {}
        found = {}
        for pair in self._pairs[index]:
            at_a = pair.b == index
            other = pair.a if at_a else pair.b
            primary, secondary = (
                (pair.primary_ab, pair.secondary_ab) if at_a else (pair.primary_ba, pair.secondary_ba)
            )
            cost = hit(self._chosen[other].block, self._chosen[index].block)
            heard = self._levels.get((self._keys[other], self._keys[index]))
            found[other] = primary * cost.primary * (louder(heard, by_db, CCA_DBM) - 1.0)
            found[other] += secondary * cost.secondary * (louder(heard, by_db, CCA_SECONDARY_DBM) - 1.0)
        return {other: more for other, more in found.items() if more}
