"""Shared helpers of the workbook: what stays the same from one model iteration to the next.

A module imports from the floors below and from its own room, where no circle forms; rooms on one floor do not
know each other. A test holds the code to this picture.

    cli         the command `workbook`

    lesson      what a notebook calls: `from helpers import lesson` is the face of the house
    search      declared searches on validation splits, and what one changed factor is worth
    scoreboard  all recorded runs side by side
    bench       how much faster the workbook trains than the usual way

    runs        from a notebook's declaration to its record, for one run and for many
    figures     pictures: results in, a figure out

    training    how a network learns: the loop, and how its steps are computed

    networks    what a network is before training: parameters, receptive field, differences
    data        what it learns from: MNIST or the digits, split and varied
    results     what is kept of a run and what that shows: records, targets, verdicts, statistics

    settings, errors, places, tables  the ground, which everything may use
"""
