"""Whose the storage receivers of this machine are, and what may be done about them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from niffler_ops.model import LocalEntity
from niffler_ops.processes.holders import Holder, lock_folder, owner_of, running
from niffler_ops.processes.inspection import StoreScp, describe, storescps
from niffler_ops.processes.ports import Listener, kill_command, listener_on
from niffler_ops.processes.users import user_name

INIT = 1


class Standing(StrEnum):
    """Whose a storage receiver is, which decides what may be done about it."""

    ORPHAN = "orphan"  # our user's, with our AE title and port, and nobody alive has it: may be ended
    LIVE = "live"  # of an extraction that runs
    FOREIGN = "foreign"  # another user's
    OTHER = "other"  # our user's, with another AE title or port, or in a container
    DEFUNCT = "defunct"  # ended, and not yet reaped by its parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A storage receiver and whose it is; `owner` only of a live one."""

    receiver: StoreScp
    standing: Standing
    owner: Holder | None = None

    @property
    def advice(self) -> str:
        """Who it is, and what can be done about it."""
        pid, uid = self.receiver.identity.pid, self.receiver.uid
        match self.standing:
            case Standing.ORPHAN:
                what = "left over; the next start with its AE title ends it, `niffler-doctor --clean` now"
            case Standing.LIVE:
                work = "an extraction" if self.owner is None else self.owner.work
                what = f"left alone: it belongs to {work} that runs ({self.owner})"
            case Standing.FOREIGN:
                command = kill_command(pid, uid)
                what = (
                    f"left alone: another user's. If it is not needed, have {user_name(uid)} or an"
                    f" administrator end it (`{command}`)"
                )
            case Standing.OTHER:
                why = (
                    "it runs in a container"
                    if self.receiver.contained
                    else "not known as ours by AE title and port"
                )
                what = f"left alone: {why}. If nobody needs it: `{kill_command(pid, uid)}`"
            case Standing.DEFUNCT:
                what = f"defunct: it holds neither port nor memory, and nobody can end it. {self._reaper}"
        return f"{self.receiver}: {what}"

    @property
    def _reaper(self) -> str:
        parent = self.receiver.parent
        if parent == INIT:
            return f"Its parent, {describe(parent)}, reaps it soon; in a container without an init, never"
        return f"Only its parent, {describe(parent)}, can reap it; it goes when that ends"


def find_leftovers(local: LocalEntity | None) -> list[Leftover]:
    """Every storage receiver of this machine, judged by our AE title and port (None: not known)."""
    found = storescps()
    # The locks after them, or one that has just been started would look like an orphan.
    holders = running(lock_folder())
    return [_judged(receiver, owner_of(receiver, holders), local) for receiver in found]


def standing_of(
    receiver: StoreScp, *, owner: Holder | None, local: LocalEntity | None, our_uid: int
) -> Standing:
    """The rule by which everything is left alone that is not safely ours; the same for root."""
    if receiver.defunct:
        return Standing.DEFUNCT
    if owner is not None:
        return Standing.LIVE
    if receiver.uid != our_uid:
        return Standing.FOREIGN
    ours = local is not None and receiver.entity == local and not receiver.contained
    return Standing.ORPHAN if ours else Standing.OTHER


def who_has_port(local: LocalEntity) -> str | None:
    """Who listens on our port, and what can be done about it; None where nobody does."""
    listener = listener_on(local.port)
    return None if listener is None else told_of(listener, find_leftovers(local))


def told_of(listener: Listener, leftovers: Iterable[Leftover]) -> str:
    """Who listens, and what can be done about it."""
    found = listening(listener, leftovers)
    if found is not None:
        return found.advice
    return f"{listener}, which is no storescp of ours and is left alone. To end it: {listener.remedy}"


def listening(listener: Listener, leftovers: Iterable[Leftover]) -> Leftover | None:
    """Which of them it is that listens; where its pid is hidden, by user and port."""
    for leftover in leftovers:
        receiver, entity = leftover.receiver, leftover.receiver.entity
        if receiver.identity.pid == listener.pid:
            return leftover
        alike = entity is not None and (entity.port, receiver.uid) == (listener.port, listener.uid)
        if listener.pid is None and alike:
            return leftover
    return None


def _judged(receiver: StoreScp, owner: Holder | None, local: LocalEntity | None) -> Leftover:
    standing = standing_of(receiver, owner=owner, local=local, our_uid=os.getuid())
    return Leftover(receiver=receiver, standing=standing, owner=owner)
