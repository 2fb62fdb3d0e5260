"""A receiver as people and other programs see it: its page, its metrics, the receivers of this machine."""
