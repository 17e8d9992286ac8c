"""Shared helpers of the workbook: what stays the same from one model iteration to the next.

The modules, from the ground up; a module imports only from those above it (a test holds it to that).

Settings and shared forms
    config              the settings of a run: frozen, validated, refused in one clear line
    tables              tables that look clean as text and as HTML
Networks
    tracing             a network as a list of operations with shapes, traced by torch.fx
    description         a network line by line, independent of names: what a fingerprint hashes
    layers              a network's layers, read back from its description
    difference          how two networks differ, layer by layer, from their descriptions
    network             parameter counts, and the check before training
    windows             what one unit reads along one axis: exact arithmetic of receptive fields
    operations          which operation reads which window
    gradient_check      the receptive field measured by gradients
    receptive_field     the receptive-field table of any network
Data
    augment             rotation, shift, scale, shear, perspective, elastic: per image, one resampling
    augment_check       what the augmentation promises, tried out
    mnist_source        finding, verifying and downloading MNIST
    data                splits held on the device as uint8, served in batches
Training
    optimization        optimiser, learning-rate schedule and weight average from a recipe
    native              builds and loads the C++ kernels of batch_last.cpp
    kernels             these kernels as torch operations with gradients
    batch_last          a network's twin that computes with the batch innermost
    compilation         the quickest way to compute a training step, and the way back
    evaluation          a network's loss, accuracy and predictions, by one crop or five
    training            the loop on one screen, and how a run ends early
Judging
    stats               intervals for one run, for several seeds, for differences
    verdicts            what a judged expectation is and how it is shown
    targets             targets stated before training, and the rules that judge by them
    record              what the record of a run holds
    results             where records lie: written, read, found
    weights             a trained network's weights, beside its record
    course              the fourteen published iterations, and ours beyond them
    analysis            checked conclusions from recorded runs
    wording             recorded values in words, as several Analyses say them
    misreadings         which test digits many networks misread
Showing
    canvas              what all figures share
    digit_figures       figures of digits
    network_figures     figures of networks
    course_figures      the picture of the course
    bench_figures       the picture of a bench
    scoreboard_figures  the picture of the scoreboard
    search_figures      the pictures of a search
    figures             figures of results; passes the others on
    cards               the tables a notebook shows beside its figures
    exercises           predictions and answers, and how they are checked
    live                live progress that leaves a clean notebook
    lesson              what a notebook calls, cell by cell
Batches
    definitions         a notebook's target, settings and network without its training
    changes             what is new in a notebook, and which sentence owns up to it
    execution           one run in a process of its own, by papermill
    planning            which runs a batch consists of
    batch               many runs at once, and the table of what they reached
    study               a declared search: candidates, their trials, how they rank
    search              carrying it out, round by round
    effects             what one changed factor is worth, trial by trial
    study_tables        the tables of a search
    pace                a process that trains at a signal and says how fast
    throughput          how many processes train fastest side by side, measured
Measuring
    usual_pipeline      the usual way to train: torchvision, a DataLoader, plain PyTorch
    bench_floor         the arithmetic of an epoch, and the machine's peak
    bench_work          what a measured process does
    bench_report        medians and ratios of a bench, its record and its table
    bench               both ways in turns: how much faster the workbook trains
The scoreboard
    gathering           which recorded runs belong together, and why others are left out
    scoreboard          what every recipe reached, and which steps are real
    scoreboard_tables   its tables
    report              the scoreboard as files
The command
    cli                 the command `workbook`
"""
