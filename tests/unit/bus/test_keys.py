"""Keys, groups and consumer names in Redis."""

import pytest

from bus import SOURCES, Keys, Subscription, consumer_name


def test_each_stream_is_read_by_the_opposite_platform_only():
    assert Keys().subscription("telegram") == Subscription("sync:telegram", "discord")
    assert Keys().subscription("discord") == Subscription("sync:discord", "telegram")
    assert Keys().snapshots == Subscription("sync:snapshots", "reconcile")


@pytest.mark.parametrize("source", SOURCES)
def test_no_platform_reads_its_own_events(source):
    assert Keys().group(source) != source


def test_a_prefix_is_put_before_every_key_and_no_group():
    plain, prefixed = Keys(), Keys("staging:")

    assert prefixed.dead == "staging:" + plain.dead
    for bare, subscription in [
        *((plain.subscription(source), prefixed.subscription(source)) for source in SOURCES),
        (plain.snapshots, prefixed.snapshots),
    ]:
        assert subscription == ("staging:" + bare.stream, bare.group)


def test_consumers_are_named_after_what_they_feed():
    assert consumer_name(Keys().group("telegram"), 1) == "to-discord-1"
    assert consumer_name(Keys().group("discord"), 2) == "to-telegram-2"
    assert consumer_name(Keys().snapshots.group, 1) == "reconcile-1"
