"""Outputs are synced many at a time, and taken as they are done."""

from __future__ import annotations

import select
import threading
from pathlib import PurePath

import pytest

from stargan_cli.translate.outputs.begun import AtOnce, Unsynced
from stargan_cli.translate.streaming import syncing
from stargan_cli.translate.streaming.syncing import Syncer


class Meeting(AtOnce):
    """Its sync ends when as many others are being synced."""

    barrier = threading.Barrier(syncing.AT_ONCE)

    def sync(self) -> None:
        self.barrier.wait(timeout=60)


def test_syncs_wait_for_the_disk_at_the_same_time() -> None:
    syncer, data = Syncer(), dict[PurePath, bytes]()
    for ticket in range(3 * syncing.AT_ONCE):
        syncer.add(ticket, Unsynced((Meeting(data.clear),)))
    assert syncer.held == 3 * syncing.AT_ONCE
    taken: list[int] = []
    while syncer.held:
        assert select.select([syncer], [], [], 60)[0] == [syncer]
        taken += syncer.take()
    assert sorted(taken) == list(range(3 * syncing.AT_ONCE))


def test_outputs_are_synced_where_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    syncer = Syncer()
    for ticket in range(3):
        syncer.add(ticket, Unsynced((AtOnce(list),)))
    assert list(syncer.take()) == [0, 1, 2] and syncer.held == 0
