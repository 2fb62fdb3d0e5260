"""What a mail server's refusals and errors mean, in words that hold neither user nor password."""

import smtplib
import ssl

from niffler_ops.config.notices import MailSecurity
from niffler_ops.terminal import printable

LONGEST = 200
_TRY_LATER = 4


def explained(error: Exception, security: MailSecurity) -> str:
    """Why a mail was not taken, and where the remedy is not plain, that too."""
    if isinstance(error, smtplib.SMTPException):
        return _refusal(error, security)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not accepted ({error.verify_message}); SSL_CERT_FILE may name the file"
            " of the site's own authority"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({error.reason or 'the connection broke'}); MailSecurity is `{security}`"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def passes(*replies: tuple[int, bytes]) -> bool:
    """Whether all of a server's refusals ask for another try later (RFC 5321, 4.2.1), as a greylist does."""
    return all(code // 100 == _TRY_LATER for code, _ in replies)


def _refusal(error: smtplib.SMTPException, security: MailSecurity) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
        return f"refuses every recipient ({_answer(code, answer)})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"does not accept MailLogin ({error.smtp_code})"  # some answers repeat the user
    if isinstance(error, smtplib.SMTPResponseException):
        return f"refuses ({_answer(error.smtp_code, error.smtp_error)})"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{printable(str(error))} MailSecurity is `{security}`"
    return printable(str(error) or type(error).__name__)


def _answer(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return printable(f"{code} {words}")[:LONGEST]
