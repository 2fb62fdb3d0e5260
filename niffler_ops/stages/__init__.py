"""The stages of an extraction; each decides one thing, and none calls another."""
