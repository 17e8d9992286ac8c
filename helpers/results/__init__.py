"""What is kept of a run, and what it shows: records, statistics, targets, verdicts, conclusions."""
