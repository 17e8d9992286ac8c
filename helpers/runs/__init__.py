"""From a notebook's declaration to its record, for one run and for many."""
