"""Tells people of ends and troubles, by mail and by the site's own command."""

from niffler_ops.notices.decide import RateLimit
from niffler_ops.notices.message import readable
from niffler_ops.notices.notice import Cause, Channel, DeliveryError, Notice, Occasion
from niffler_ops.notices.outbox import Outbox
from niffler_ops.notices.telling import Notices, channels_of, unsent

__all__ = [
    "Cause",
    "Channel",
    "DeliveryError",
    "Notice",
    "Notices",
    "Occasion",
    "Outbox",
    "RateLimit",
    "channels_of",
    "readable",
    "unsent",
]
