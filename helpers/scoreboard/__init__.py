"""All recorded runs side by side."""
