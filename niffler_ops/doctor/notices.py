"""Check `mail`: whether those who want to be told can be; nothing is sent."""

from collections.abc import Iterator

from niffler_ops.config import Config
from niffler_ops.config.notices import ChannelKeys
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.layout import Layout
from niffler_ops.notices import Channel, channels_of, unsent

CHECK = "mail"
COMMAND = "notify command"
_NAMES = {"mail": CHECK, "command": COMMAND}


def check_notices(config: Config, *, examined: bool) -> Iterator[Finding]:
    """Each way to people; with `examined` also what an extraction could not send so far."""
    yield from check_channels(config)
    if examined:
        number = unsent(Layout.planned(config.storage_folder, config.ledger_folder))
        if number:
            yield warning(CHECK, f"{number} notices are not sent yet; the next run tries again, for a day")


def check_channels(config: ChannelKeys) -> Iterator[Finding]:
    """Each way to people."""
    channels = channels_of(config)
    if not channels:
        yield ok(CHECK, "nobody is told: SendEmail is false, and there is no NotifyCommand")
    for name, channel in channels.items():
        yield _finding(_NAMES[name], channel)
    if "mail" in channels and _in_clear(config):
        yield warning(CHECK, f"MailSecurity is `none`: what {config.mail_server} gets can be read on its way")


def _finding(check: str, channel: Channel) -> Finding:
    problem = channel.problem()
    if problem is None:
        return ok(check, str(channel))
    return warning(check, str(problem)) if problem.is_doubtful else failure(check, str(problem))


def _in_clear(config: ChannelKeys) -> bool:
    server = config.mail_server
    return server is not None and config.mail_security == "none" and not server.is_this_machine
