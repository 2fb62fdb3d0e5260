"""One module for each command; the only place where rooms are put together."""
