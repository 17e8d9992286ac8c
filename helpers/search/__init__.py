"""Declared searches on validation splits: candidates, trials, rounds, effects."""
