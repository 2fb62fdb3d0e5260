"""An archive without a network, on a clock that nobody waits for: many rows through the real supervisor."""
