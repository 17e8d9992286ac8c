"""What a notebook of the course calls."""
