"""Tells people of ends and troubles, by mail and by the site's own command."""

from niffler_ops.notices.decide import RateLimit, failure
from niffler_ops.notices.message import notice_of
from niffler_ops.notices.notice import Cause, Channel, DeliveryError, Notice, Occasion
from niffler_ops.notices.outbox import Outbox
from niffler_ops.notices.telling import CLOSE_SECONDS, Notices, channels_of, unsent

__all__ = [
    "CLOSE_SECONDS",
    "Cause",
    "Channel",
    "DeliveryError",
    "Notice",
    "Notices",
    "Occasion",
    "Outbox",
    "RateLimit",
    "channels_of",
    "failure",
    "notice_of",
    "unsent",
]
