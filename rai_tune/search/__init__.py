"""Search: trials of one recipe with other settings, each a run, and the choice among them."""
