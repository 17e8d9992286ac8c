"""Pictures for notebooks: results in, a Figure out."""
