"""What is wrong with a machine, its configuration and its archives, and what to do about it."""
