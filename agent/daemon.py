"""The daemon: builds the agent from its settings, heeds the signals of the system, and stops well."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import socket
from collections.abc import Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from uuid6 import uuid7

from agent.agent import Agent
from agent.alerts.sinks import AlertSinks, channels_of
from agent.api.server import ControlSocket
from agent.audit import EVERY_SITE, AuditLog
from agent.audit_key import Key, derive, load_or_create_key
from agent.audit_place import id_of
from agent.backlog import Backlog
from agent.clock import Clock, SystemClock
from agent.counts import Count
from agent.disk import make_directory
from agent.garbage import stay_small
from agent.journal import Journal
from agent.keeper import Keeper
from agent.lane import READ_S, Lane
from agent.ledger import LOST_DISK, Ledger
from agent.metrics.collector import LoopCollector
from agent.metrics.gather import Sources, gather
from agent.metrics.loop_lag import LoopLag
from agent.metrics.server import MetricsServer, MetricsUnusable
from agent.notify import Notifier, ask_for_time, beat
from agent.operations import Operations
from agent.records import Pseudonyms
from agent.reloads import Reloads
from agent.retention import Keep
from agent.settings import Settings
from agent.state_dir import made
from agent.traps import trap_listener
from agent.turns import take_short_turns
from drivers import registry
from drivers.base import Device, DeviceContext
from drivers.errors import PersonNeeded
from drivers.notifications import Notifications
from drivers.transport.traps import TrapListener
from inventory.credentials import resolve
from inventory.loader import load_sites
from inventory.model import Mode, Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = structlog.get_logger()


class AlreadyRunning(OSError):
    """Another daemon uses the same state directory: stop that one, or give this one another --state-dir."""


async def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; 0 when it stopped as told.

    Raises SiteErrors (all mistakes of all site files), AlreadyRunning, SocketError, StateUnsafe, KeyRefused,
    StoreError.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    sites = _sites(settings)
    with _only_one(settings):
        key, created = _audit_key(settings)
        if created:
            log.warning("audit.key_created", path=str(settings.key_file), note="keep a copy of it")
        clock = SystemClock()
        stay_small()
        take_short_turns()
        async with _ledger(settings, clock, key) as ledger:
            trouble: list[str] = []
            async with trap_listener(settings, key, clock, trouble.append) as traps:
                agent = _agent(sites, ledger, clock, key, settings, traps)
                for each in trouble:
                    agent.alarm.tell(EVERY_SITE, each, None)
                operations = _operations(agent, settings, clock, traps)
                return await _run(agent, operations, settings, Notifier.from_environ(), traps)


def _sites(settings: Settings) -> dict[str, Site]:
    """The sites of the files. Raises SiteErrors."""
    sites = dict(load_sites(settings.sites, registry.schemas()))
    return {id: rehearsing(site) for id, site in sites.items()} if settings.dry_run else sites


def rehearsing(site: Site) -> Site:
    """The site with the mode dry_run in the place of one that writes."""
    policy = site.policy
    return replace(site, policy=replace(policy, mode=Mode.DRY_RUN)) if policy.mode.writes else site


def _operations(agent: Agent, settings: Settings, clock: Clock, traps: Notifications | None) -> Operations:
    return Operations(
        agent,
        settings.store_shown,
        settings.audit_dir,
        lambda site, device: device_of(site, device, clock, traps),
    )


async def _run(
    agent: Agent,
    operations: Operations,
    settings: Settings,
    notifier: Notifier,
    traps: TrapListener | None,
) -> int:
    loop = asyncio.get_running_loop()
    status = partial(_status, agent)
    reloads = Reloads(agent, partial(_sites, settings), notifier, status)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, agent, notifier)
    loop.add_signal_handler(signal.SIGHUP, reloads.ask)
    socket_ = ControlSocket(settings.socket, settings.socket_group, operations.handle)
    async with asyncio.TaskGroup() as tasks, _alerts(agent, settings) as sinks:
        running = tasks.create_task(agent.run(), name="agent")
        if not await _ready_or_over(agent, running, notifier):
            return 0  # the task group raises what ended it
        await socket_.start()
        lag = LoopLag()
        metrics = await _metrics(settings, _sources(agent, lag, sinks, reloads, traps))
        log.info(
            "daemon.ready", sites=len(agent.sites), devices=len(agent.lanes), socket=str(settings.socket)
        )
        notifier.ready(status())
        beside = [
            tasks.create_task(beat(notifier, partial(_alive, agent, running), status), name="watchdog"),
            tasks.create_task(lag.run(), name="loop-lag"),
            tasks.create_task(reloads.run(), name="reloads"),
        ]
        try:
            await asyncio.wait({running})
        finally:
            for task in beside:
                task.cancel()
            await socket_.close()
            await asyncio.to_thread(metrics.close)
    log.info("daemon.stopped")
    return 0


def _alive(agent: Agent, running: asyncio.Task[None]) -> bool:
    """The agent's own task group lives, and so does the store's thread: else systemd shall start it anew."""
    return not running.done() and agent.ledger.alive()


def _stop(agent: Agent, notifier: Notifier) -> None:
    notifier.stopping()
    agent.stop()


@asynccontextmanager
async def _alerts(agent: Agent, settings: Settings) -> AsyncIterator[AlertSinks]:
    """The ways out for alerts, as long as the agent lives. Raises CredentialError."""
    sinks = AlertSinks(channels_of(settings), agent.clock.monotonic)
    agent.alarm.again_s = settings.alert_again
    agent.alarm.sinks += [lambda alert: agent.ledger.counts.add(Count.ALERTS, alert.site), sinks.raised]
    try:
        yield sinks
    finally:
        await asyncio.to_thread(sinks.close)


def _sources(
    agent: Agent, lag: LoopLag, sinks: AlertSinks, reloads: Reloads, traps: TrapListener | None
) -> Sources:
    return Sources(
        agent=agent,
        lag=lag,
        sinks=sinks,
        reloaded=lambda: reloads.last,
        started_s=agent.clock.now().utc_us / 1e6,
        traps=traps.counts if traps is not None else {},
    )


async def _metrics(settings: Settings, sources: Sources) -> MetricsServer:
    collector = LoopCollector(partial(gather, sources), asyncio.get_running_loop())
    server = MetricsServer(settings.metrics, collector)
    try:
        await asyncio.to_thread(server.start)
    except MetricsUnusable as error:  # no reason to leave radar alone
        sources.agent.alarm.tell(EVERY_SITE, f"no metrics: {error}", None)
    return server


def _status(agent: Agent) -> str:
    """One line for `systemctl status`."""
    open_changes = sum(not change.final for change in agent.memory.changes.values())
    lost = len(agent.memory.lost)
    why = agent.memory.observing
    told = f"{len(agent.sites)} sites, {len(agent.lanes)} devices, {lost} lost, {open_changes} open changes"
    return f"{told}; observing only: {' '.join(why.split())}" if why else told


async def _ready_or_over(agent: Agent, running: asyncio.Task[None], notifier: Notifier) -> bool:
    """True when the agent has recovered; False when it ended before that."""
    asking = asyncio.create_task(ask_for_time(notifier, agent.ready))
    ready = asyncio.create_task(agent.ready.wait())
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    asking.cancel()
    return agent.ready.is_set()


def _audit_key(settings: Settings) -> tuple[Key, bool]:
    key = load_or_create_key(settings.key_file)
    return key, key.created


@asynccontextmanager
async def _ledger(settings: Settings, clock: Clock, key: Key) -> AsyncIterator[Ledger]:
    keeper = Keeper(settings.store_url, settings.audit_dir, clock)
    store = keeper.as_store()
    audit = AuditLog(settings.audit_dir, store, key, clock=clock)
    keeper.tell(audit.forget)
    try:
        make_directory(settings.audit_dir)
        for finding in audit.recover():
            log.error("audit.damaged", finding=str(finding))
    except (*LOST_DISK, OSError) as error:  # the agent observes until it is back
        log.error("ledger.lost_at_start", error=str(error))
    names = Pseudonyms(derive(key, "pseudonym"))
    backlog = Backlog(Journal(settings.journal, derive(key, "radar-journal")))
    backlog.open()
    ledger = Ledger(store, audit, backlog, clock, lambda: str(uuid7()), names)
    ledger.keep = Keep(days=settings.keep_days, audit_days=settings.audit_keep_days)
    try:
        yield ledger
    finally:
        await ledger.close()


def _agent(
    sites: Mapping[str, Site],
    ledger: Ledger,
    clock: Clock,
    key: Key,
    settings: Settings,
    traps: Notifications | None,
) -> Agent:
    def make_lane(site: Site, device: str) -> Lane:
        policy = site.policy
        read_s = max(READ_S, policy.poll_s)  # a controller of 500 APs may take its time, a dead one does not
        session = device_of(site, device, clock, traps)
        return Lane(device, session, read_s=read_s, write_s=policy.apply_timeout_s)

    return Agent(
        sites=sites,
        ledger=ledger,
        make_lane=make_lane,
        clock=clock,
        token_key=derive(key, "rollback-token"),
        holder=_holder(settings.state_dir),
        jitter=random.random,
    )


def _holder(state_dir: Path) -> str:
    """This agent's name in the lease; two machines may have one name and one directory each."""
    try:
        id = id_of(state_dir, "agent.id")
    except OSError:  # a disk that takes nothing: another name at each start, and the old lease is waited out
        id = str(uuid7())
    return f"{socket.gethostname()}:{state_dir}#{id[-8:]}"


def device_of(site: Site, device: str, clock: Clock, traps: Notifications | None) -> Device:
    """A session to one device of a site, not yet open. Raises CredentialError, PersonNeeded."""
    config = site.devices[device]
    aps = tuple(ap for ap in site.aps.values() if ap.device == device)
    context = DeviceContext(
        config=config,
        radios=tuple(radio for ap in aps for radio in ap.radios),
        aps=aps,
        secret=resolve(config.credential) if config.credential else None,
        clock=clock.monotonic,
        notifications=traps,
    )
    try:
        return registry.families()[config.driver].device(context)
    except PersonNeeded:
        raise
    except Exception as error:  # other people's code: a mistake there must not end a daemon that reloads
        raise PersonNeeded(
            f"{device}: driver {config.driver} failed: {type(error).__name__}: {error}"
        ) from error


def _only_one(settings: Settings) -> ExitStack:
    """A lock on the state directory, held while the stack is open."""
    made(settings.state_dir)
    stack = ExitStack()
    fd = os.open(settings.state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    stack.callback(os.close, fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stack.close()
        raise AlreadyRunning(
            f"another rrmd runs with {settings.state_dir}: stop it, or give this one another --state-dir"
        ) from None
    return stack
