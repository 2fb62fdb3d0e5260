"""Tells people of an extraction's end and troubles, by mail and by the site's own command."""

from niffler_ops.notices.notice import Channel, DeliveryError
from niffler_ops.notices.telling import Notices, channels_of, unsent

__all__ = ["Channel", "DeliveryError", "Notices", "channels_of", "unsent"]
