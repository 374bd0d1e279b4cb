from agent.words import KEPT, Words
from drivers.signals import AttackHeard, RogueHeard, Signal
from inventory.model import RadioKey

AP1 = RadioKey("lab/ap1/r5")


def attack(at_s: float) -> Signal:
    return AttackHeard(at_s=at_s, device="ap1", radio=AP1, what="deauth")


def rogue(at_s: float, *, authenticated: bool = True) -> Signal:
    bssid = f"0e:00:00:00:00:{int(at_s) % 256:02x}"
    return RogueHeard(at_s=at_s, device="ap1", radio=AP1, bssid=bssid, authenticated=authenticated)


def test_a_flood_of_one_kind_pushes_out_no_other() -> None:
    words = Words()
    words.add(attack(0.0))
    dropped = sum(words.add(rogue(float(at))) for at in range(1, 1001))
    assert attack(0.0) in list(words)
    assert len(words) == KEPT + 1
    assert dropped == 1000 - KEPT


def test_what_anybody_can_send_pushes_out_nothing_that_is_proven() -> None:
    words = Words()
    words.add(rogue(0.0))
    for at in range(1, 1001):
        words.add(rogue(float(at), authenticated=False))
    assert rogue(0.0) in list(words)


def test_they_come_in_the_order_in_which_they_were_said() -> None:
    words, said = Words(), [rogue(1.0), attack(2.0), rogue(3.0, authenticated=False), attack(4.0)]
    for each in said:
        words.add(each)
    assert list(words) == said
    words.forget(3.0)
    assert list(words) == said[2:]
