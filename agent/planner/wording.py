"""Reason codes of plans and of guards in words, each a clause about the radio or its change. Pure.

The audit and JSON keep the codes; docs/planning.md has the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # why a radio moves
        "less_contention": "fewer of our own APs in the way",
        "away_from_strangers": "away from other people's APs",
        "away_from_interference": "away from interference",
        "quieter_noise": "less noise",
        "off_dfs": "less at the mercy of radar",
        "wider": "wider",
        "narrower": "narrower, so that all have room",
        "freer_secondary_channels": "the whole width is free more often",
        "better_for_others": "others gain by it",
        "no_place_now": "it has no place now",
        "radar_is_over": "back to the channel that radar had taken",
        # why its power or OBSS-PD level changes
        "coverage_missing": "coverage is missing at the edge of its cell",
        "cells_overlap": "its cell overlaps its neighbours' too much",
        "defer_less_to_faint_bsss": "it need not defer to faint APs",
        "faint_bsss_are_gone": "the faint APs that it did not defer to are gone",
        "level_no_longer_pays": "not deferring to faint APs pays no more",
        "coverage_needs_the_power": "its clients need the power that its OBSS-PD level forbids",
        "level_over_what_its_power_allows": "its OBSS-PD level does not go with its power",
        # why they do not
        "coverage_missing_everywhere": "coverage is missing at more than half of the radios: too few APs",
        "power_at_its_limit": "coverage is missing, but nothing allows more power",
        "coverage_would_suffer": "too loud for a neighbour, but its own clients need the power",
        "neighbour_is_down": "too loud for a neighbour, but it may have to serve another's clients",
        "no_power_choice_within_a_step": "its device's powers are too far apart",
        "a_neighbour_first": "its power waits for a neighbour's",
        "enough_of_its_neighbours_in_one_plan": "enough powers around it change in this plan",
        "enough_of_them_in_one_plan": "enough powers change in this plan",
        "somebody_would_lose_too_much": "another power of it would cost somebody too much",
        # why it stays where it is
        "other_zone": "not of this zone",
        "switched_off": "switched off",
        "channel_not_known": "its channel is not known",
        "no_such_block_reported": "its device reports a channel that there is not",
        "nobody_listened_lately": "nobody listened elsewhere lately",
        "no_legal_block": "no channel of its lists is legal and free",
        # what takes from a plan's confidence
        "few_scans": "it has scanned less than three times",
        "listened_long_ago": "it listened long ago, or never",
        "air_not_measured": "how busy its channel is was not measured",
        # why a move is not made after all
        "not_worth_it_any_more": "the move does not pay any more",
        "channels_came_otherwise": "the channels around it came otherwise",
        "nobody_listened_there_lately": "nobody listened there lately",
        "moved_meanwhile": "something else moved it meanwhile",
        "not_configured_any_more": "the site file does not have it any more",
        "stopped": "the plan was stopped",
        "too_late": "its day is over",
        # what the law, the device and radar say of a block
        "band": "it can not use that band",
        "country_unknown": "no rules are known for the country",
        "class_6ghz": "no limits are known for its 6 GHz class",
        "lpi_indoor_only": "its 6 GHz class is for indoor use only",
        "barred": "the country bars the channel",
        "no_rule": "no rule of the country covers the channel",
        "no_ofdm": "the country allows 802.11b alone on the channel",
        "no_ir": "the country lets no AP begin to send on the channel",
        "no_outdoor": "the country allows the channel indoors only",
        "too_wide": "the country does not allow so wide a channel there",
        "wrong_band": "it can not use that band",
        "no_such_channel": "there is no such channel",
        "no_such_block": "there is no such channel of that width",
        "not_on_the_devices_list": "its device does not allow the channel",
        "width_not_supported": "its device does not have the width",
        "in_non_occupancy_period": "radar was heard on its channel less than 30 minutes ago",
        "power_over_limit": "the law does not allow the power",
        # what the site file says
        "pinned_in_the_site_file": "pinned in the site file",
        "channel_not_listed": "the site file does not list the channel",
        "width_not_listed": "the site file does not list the width",
        "power_not_listed": "the site file does not list the power",
        "no_dfs_wanted": "the site file wants no DFS for it",
        # why a guard holds it
        "observe": "the site only observes",
        "observing_only": "nothing may be written at the moment",
        "dry_run": "the site rehearses only",
        "advise": "the site is only advised",
        "paused": "paused",
        "people_at_work": "people work on the network",
        "never_read": "it was never read",
        "reading_too_old": "it was not read lately",
        "device_cannot_set": "its device can not set it",
        "scope_not_single_radio": "its device would change other radios too",
        "power_not_a_choice": "its device does not have the power",
        "country_mismatch": "its device says that it is in another country",
        "carries_a_mesh_or_wds_uplink": "it carries an uplink",
        "managed_by": "its vendor's own RRM manages it",
        "already_there": "it is there already",
        "open_change": "its last change is still being watched",
        "neighbour_in_flight": "a neighbour is changing",
        "too_many_in_flight": "enough APs are changing",
        "cooldown": "its AP has just changed",
        "changed_lately": "its AP was changed lately",
        "cac_outside_quiet_hours": "the silence of a CAC is for the quiet hours",
        "outside_change_hours": "it is not the hour for changes",
        "budget_spent": "the budget of changes is spent",
        "waiting": "it waits between two changes",
        "rolled_back_lately": "the same was taken back lately",
        "undone_lately": "a person undid the same lately",
        "rejected_lately": "somebody said no to the same lately",
        "shown_lately": "the same was shown lately",
        "many_aps_lost": "many APs of the site are lost",
    }
)


def said(code: str) -> str:
    """The code in words; what has none is its own."""
    return WORDS.get(code, code.replace("_", " "))
