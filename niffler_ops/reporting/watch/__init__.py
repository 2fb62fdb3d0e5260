"""The live view of a terminal: what is seen becomes sections, sections lines, and changed cells are sent."""
