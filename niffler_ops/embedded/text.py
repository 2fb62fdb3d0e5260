"""Short text of a peer: AE titles, UIDs, comments."""


def plain_text(value: bytes) -> str:
    """Without what pads it, fit for a line of the log.

    Whatever is no character of the default repertoire (PS3.5 section 6.1.1) becomes a question mark.
    """
    text = value.decode("latin-1").strip(" \0")
    return "".join(character if " " <= character <= "~" else "?" for character in text)
