"""The queue: the most urgent first, each once, bounded and counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.event_queue import PRIORITY, EventQueue
from agent.events import Event, EventKind


def event(kind: EventKind, key: str = "a", id: str = "1", site: str = "lab") -> Event:
    return Event(
        id=id,
        site=site,
        kind=kind,
        key=key,
        radio=None,
        severity="major",
        confidence_ppm=1_000_000,
        raised_utc_us=0,
    )


def drained(queue: EventQueue) -> list[Event]:
    found = []
    while (each := queue.pop()) is not None:
        found.append(each)
    return found


def test_the_most_urgent_comes_first_and_of_equals_the_oldest() -> None:
    queue = EventQueue()
    for kind, key in [
        (EventKind.DENSITY_SPIKE, "a"),
        (EventKind.EMERGENCY_QOE, "b"),
        (EventKind.NON_WIFI_BURST, "c"),
        (EventKind.EMERGENCY_QOE, "a"),
    ]:
        queue.put(event(kind, key))
    assert [(each.kind, each.key) for each in drained(queue)] == [
        (EventKind.EMERGENCY_QOE, "b"),
        (EventKind.EMERGENCY_QOE, "a"),
        (EventKind.NON_WIFI_BURST, "c"),
        (EventKind.DENSITY_SPIKE, "a"),
    ]


def test_what_comes_again_waits_once_and_the_newest_counts() -> None:
    queue = EventQueue()
    queue.put(event(EventKind.SPECTRUM_SAT, id="1"))
    queue.put(event(EventKind.SPECTRUM_SAT, id="2"))
    assert len(queue) == 1
    assert [each.id for each in drained(queue)] == ["2"]
    queue.put(event(EventKind.SPECTRUM_SAT, id="3"))
    assert [each.id for each in drained(queue)] == ["3"]


def test_a_full_queue_drops_the_least_urgent_and_counts_it() -> None:
    queue = EventQueue(limit=2)
    queue.put(event(EventKind.DENSITY_SPIKE, "a"))
    queue.put(event(EventKind.HW_FAILURE, "b"))
    queue.put(event(EventKind.EMERGENCY_QOE, "c"))
    assert queue.dropped == {"lab": 1}
    assert [each.kind for each in drained(queue)] == [EventKind.EMERGENCY_QOE, EventKind.HW_FAILURE]


@given(st.lists(st.tuples(st.sampled_from(EventKind), st.sampled_from("abcdef")), max_size=60))
def test_whatever_comes_nothing_is_lost_but_what_is_counted(arrivals: list[tuple[EventKind, str]]) -> None:
    queue = EventQueue(limit=5)
    for kind, key in arrivals:
        queue.put(event(kind, key))
        assert len(queue) <= 5
    left = drained(queue)
    assert len({(each.kind, each.key) for each in left}) == len(left)
    assert [PRIORITY[each.kind] for each in left] == sorted(PRIORITY[each.kind] for each in left)
    distinct = len(set(arrivals))
    assert len(left) <= distinct <= len(left) + queue.dropped.total()


def test_every_kind_has_a_place() -> None:
    assert PRIORITY.keys() == set(EventKind)


def test_a_flood_at_one_site_costs_the_others_nothing() -> None:
    queue = EventQueue(limit=10)
    queue.put(event(EventKind.DENSITY_SPIKE, site="quiet"))
    for nth in range(100):
        queue.put(event(EventKind.SECURITY, key=str(nth), site="loud"))
    assert [each.site for each in drained(queue)].count("quiet") == 1
    assert queue.dropped == {"loud": 91}
