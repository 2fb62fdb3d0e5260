"""Starts, signals and inspects processes; identity, locks, leftovers."""
