"""The loop trains, tells the truth about every epoch, and ends early in the three ways it may."""

import warnings

import pytest
import torch
from torch import nn

from helpers.data.splits import Data, Split
from helpers.errors import DataError, SettingsError, TrainingDiverged
from helpers.settings import Augmentation, Recipe, RunConfig
from helpers.training import loop
from helpers.training.evaluation import evaluate
from helpers.training.loop import build_step, choose_device, train
from helpers.training.optimization import learning_rates
from helpers.training.step import compiled

CPU = torch.device("cpu")


def made_split(count: int, seed: int) -> Split:
    """Images whose class is the row in which they are bright: learnt in a few steps."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (count,), generator=generator)
    images = torch.randint(0, 60, (count, 1, 28, 28), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * int(label) + 4 : 2 * int(label) + 6] = 250
    return Split(images, labels)


@pytest.fixture(scope="module")
def data() -> Data:
    return Data("digits", made_split(320, 0), None, made_split(100, 1))


def made_network(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Flatten(),
        nn.Linear(4 * 13 * 13, 10),
    )


def made_config(seed: int = 1, augmentation: Augmentation | None = None, **recipe) -> RunConfig:
    settings = {"epochs": 2, "batch_size": 32, "learning_rate": 0.05} | recipe
    return RunConfig(seed=seed, recipe=Recipe(**settings), augmentation=augmentation or Augmentation())


def accuracies(run):
    return [(epoch.train_loss, epoch.test_loss, epoch.test_accuracy) for epoch in run.history]


def test_it_learns_and_reports_every_epoch(data):
    """Catches a forgotten optimiser step, and results of a test made before the epoch's last step."""
    network = made_network()
    before = evaluate(network, data.test)[1]
    run = train(network, data, made_config())
    assert [epoch.epoch for epoch in run.history] == [1, 2]
    assert run.history[-1].test_accuracy > before + 50
    assert run.history[-1].test_accuracy == evaluate(network, data.test)[1]
    assert run.test_predictions.tolist() == evaluate(network, data.test)[2].tolist()
    assert not run.interrupted and run.averaged is None


def test_the_numbers_of_an_epoch_are_those_of_the_plain_loop(data):
    """Catches gradients that add up over the steps, and label smoothing that enters the test loss."""
    # Against a loop written out by hand, without shuffling (one batch) and without augmentation.
    config = made_config(batch_size=320, epochs=2, label_smoothing=0.1, momentum=0.5, weight_decay=0.01)
    run = train(made_network(), data, config)
    network = made_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.5, weight_decay=0.01)
    images = (data.train.images / 255 - 0.1307) / 0.3081
    for epoch in run.history:
        network.train()
        logits = network(images)
        loss = nn.functional.cross_entropy(logits, data.train.labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.eval()
        tested = network((data.test.images / 255 - 0.1307) / 0.3081)
        assert epoch.train_loss == pytest.approx(loss.item(), rel=1e-4)
        assert epoch.train_accuracy == pytest.approx(
            100 * (logits.argmax(1) == data.train.labels).float().mean().item()
        )
        assert epoch.test_loss == pytest.approx(
            nn.functional.cross_entropy(tested, data.test.labels).item(), rel=1e-3
        )


def test_training_loss_counts_every_image_once_when_the_last_batch_is_smaller(data):
    """Catches a mean of the batches' means, in which the images of the smaller last batch weigh more."""
    frozen = made_config(batch_size=96, epochs=1, learning_rate=1e-12)
    network = made_network()[3:]  # without BatchNorm the loss of an image does not depend on its batch
    network = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), *network)
    run = train(network, data, frozen)
    assert run.history[0].train_loss == pytest.approx(evaluate(network, data.train)[0], rel=1e-4)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(data):
    """Catches a source of chance that the run's seed does not reach: order, augmentation or dropout."""
    config = made_config(augmentation=Augmentation(rotation=10.0))
    first = train(made_network(dropout=0.3), data, config)
    torch.rand(7)  # whatever was drawn before does not matter
    again = train(made_network(dropout=0.3), data, config)
    other = train(made_network(dropout=0.3), data, made_config(seed=2, augmentation=config.augmentation))
    assert accuracies(first) == accuracies(again)
    assert accuracies(first) != accuracies(other)


def epoch_draws(data, monkeypatch, reseed: bool) -> list[torch.Tensor]:
    """The first training batch of each epoch, as the network gets it."""
    firsts = []
    original = loop.batches

    def spying(split, batch_size, augmentation, generator, drop_last=False):
        served = original(split, batch_size, augmentation, generator, drop_last)
        for step, (images, labels) in enumerate(served):
            if generator is not None and step == 0:
                firsts.append(images.clone())
            yield images, labels

    monkeypatch.setattr(loop, "batches", spying)
    config = made_config(augmentation=Augmentation(rotation=10.0), reseed_every_epoch=reseed)
    train(made_network(), data, config)
    return firsts


def test_epochs_draw_anew(data, monkeypatch):
    """Catches a generator seeded anew at the start of every epoch without being asked."""
    first, second = epoch_draws(data, monkeypatch, reseed=False)
    assert not torch.equal(first, second)


def test_reseeding_every_epoch_repeats_order_and_augmentation(data, monkeypatch):
    """Catches a reseeding that reaches torch's generator but not the one of the batches."""
    first, second = epoch_draws(data, monkeypatch, reseed=True)
    assert torch.equal(first, second)


def test_a_loss_that_is_not_a_number_ends_the_run_with_epoch_step_and_rate(data):
    """Catches a NaN blamed on the step at which the losses were looked at, not on the one that made it."""
    network = made_network()
    steps = {"count": 0}

    def poison(_, inputs):
        if network.training:
            steps["count"] += 1
        return (inputs[0] * float("nan"),) if steps["count"] == 13 else None

    network.register_forward_pre_hook(poison)
    with pytest.raises(TrainingDiverged) as caught:
        train(network, data, made_config(learning_rate=0.05))
    message = str(caught.value)
    assert "nan" in message and "epoch 2, step 3, learning rate 0.05" in message and "\n" not in message
    assert [epoch.epoch for epoch in caught.value.history] == [1]


def test_a_rate_far_too_high_ends_the_run(data):
    """Catches a run that trains on to its last epoch with weights that have long overflowed."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.ReLU(), nn.Linear(8, 10))
    with pytest.raises(TrainingDiverged, match="learning rate 1e\\+30"):
        train(network, data, made_config(learning_rate=1e30))


def test_a_test_loss_that_is_not_finite_ends_the_run(data):
    """Catches a look at the training loss only, where BatchNorm's averages overflow before it does."""
    network = made_network()
    network.register_forward_hook(lambda module, _, out: out if module.training else out * float("inf"))
    with pytest.raises(TrainingDiverged, match="epoch 1"):
        train(network, data, made_config())


def test_the_stop_button_keeps_the_epochs_so_far(data, monkeypatch):
    """Catches an interruption that loses the finished epochs, or that counts half an epoch as one."""
    monkeypatch.setattr(loop, "REPORT_EVERY", -1.0)  # the watcher is told after every step

    def stop_in_second_epoch(progress):
        if (progress.epoch, progress.step) == (2, 3):
            raise KeyboardInterrupt

    run = train(made_network(), data, made_config(epochs=2), watch=stop_in_second_epoch)
    assert run.interrupted and [epoch.epoch for epoch in run.history] == [1]
    assert len(run.test_predictions) == len(data.test)


def test_averaged_weights_are_the_tested_ones_and_both_are_reported(data):
    """Catches results of averaged and raw weights exchanged, and an average that is a mere copy."""
    network = made_network()
    run = train(network, data, made_config(ema_decay=0.9))
    last = run.history[-1]
    assert last.test_loss == pytest.approx(evaluate(run.averaged, data.test)[0])
    assert last.raw_test_loss == pytest.approx(evaluate(network, data.test)[0])
    assert last.test_loss != last.raw_test_loss


@pytest.mark.parametrize("profile", ["fast", "full"])
def test_five_crops_change_what_is_tested_and_not_what_is_trained(data, profile, monkeypatch):
    """Catches raw weights that are tested with one crop, and crops that reach the training images."""
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    networks, runs = {}, {}
    for crops in (1, 5):
        networks[crops] = made_network()
        config = made_config(ema_decay=0.9).model_copy(update={"crops": crops, "profile": profile})
        runs[crops] = train(networks[crops], data, config)
        tested = evaluate(runs[crops].averaged, data.test, crops)
        assert runs[crops].history[-1].test_loss == pytest.approx(tested[0])
        assert runs[crops].test_predictions.tolist() == tested[2].tolist()
        assert runs[crops].history[-1].raw_test_loss == pytest.approx(
            evaluate(networks[crops], data.test, crops)[0]
        )
    assert runs[1].history[-1].test_loss != runs[5].history[-1].test_loss
    assert runs[1].history[-1].train_loss == runs[5].history[-1].train_loss


def test_training_does_not_look_at_the_average(data):
    """Catches an average that writes back into the network which is being trained."""
    averaged, plain = (train(made_network(), data, made_config(ema_decay=decay)) for decay in (0.9, 0.0))
    assert averaged.history[-1].raw_test_loss == plain.history[-1].test_loss


def test_with_a_validation_split_the_test_set_stays_closed(data):
    """Catches a look at the test set after each epoch, although there are validation images to judge by."""
    held_out = Data("digits", data.train, made_split(50, 3), data.test)
    run = train(made_network(), held_out, made_config())
    assert run.test_predictions is None
    assert run.history[0].test_loss is run.history[0].test_accuracy is None
    assert run.history[-1].validation_accuracy > 50


def test_the_learning_rate_is_reported_as_published_and_as_used(data):
    """Catches a schedule stepped before a batch's rate is noted, and the two rates exchanged."""
    run = train(made_network(), data, made_config(schedule="one_cycle", learning_rate=0.1, epochs=2))
    expected = learning_rates(made_config(schedule="one_cycle", learning_rate=0.1, epochs=2).recipe, 10)
    reported = [(epoch.learning_rate, epoch.learning_rate_used) for epoch in run.history]
    assert reported == [pytest.approx(pair) for pair in expected]


def test_a_batch_larger_than_the_set_is_refused_in_one_line(data):
    """Catches a run whose batches are silently smaller than the recipe declares."""
    with pytest.raises(DataError, match="batch_size = 512.*320"):
        train(made_network(), data, made_config(batch_size=512))


def test_a_device_that_is_not_there_is_named_with_those_that_are():
    """Catches torch's own error about an unknown device, or a silent fall back to the CPU."""
    with pytest.raises(SettingsError, match="device = 'tpu'.*cpu"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="device = 'cuda'"):
            choose_device("cuda")
    assert choose_device("cpu").type == "cpu"


def test_without_a_compiler_training_goes_on_and_says_so(data, monkeypatch):
    """Catches a missing compiler that ends the run, or that is called compiled in the record."""

    def no_compiler(*_, **__):
        def fail(*_):
            raise RuntimeError("InvalidCxxCompiler: no C++ compiler\nlong story")

        return fail

    monkeypatch.setattr(torch, "compile", no_compiler)
    network = made_network()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.warns(UserWarning, match="without torch.compile.*InvalidCxxCompiler"):
        chosen = compiled(lambda network: network, network, 32, torch.device("cpu"))
    assert chosen.forward is network and chosen.computed == "eager"
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_compiling_leaves_weights_buffers_and_random_numbers_alone(data, monkeypatch):
    """Catches traces of the trial steps on black images in BatchNorm's statistics or in the random state."""
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    network = made_network(dropout=0.5)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    random_state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step = build_step(network, RunConfig(profile="full", recipe=Recipe(batch_size=32)), CPU)
    assert step.computed == "compiled, batch innermost"
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("recipe", [{}, {"ema_decay": 0.9}, {"batch_size": 50}])
def test_the_compiled_loop_trains_as_the_plain_one(data, recipe, monkeypatch):
    """Catches a twin that trains weights of its own, and padding counted among the test images."""
    # Without dropout both compute the same, but for rounding: the kernels, the twin, the smaller last batch.
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    runs = {}
    for profile in ("fast", "full"):
        config = made_config(**recipe).model_copy(update={"profile": profile})
        network = made_network()
        runs[profile] = train(network, data, config)
        tested = runs[profile].averaged or network
        assert runs[profile].history[-1].test_accuracy == evaluate(tested, data.test)[1]
    assert runs["fast"].computed == "eager" and runs["full"].computed.startswith("compiled")
    for plain, fast in zip(accuracies(runs["fast"]), accuracies(runs["full"]), strict=True):
        assert fast == pytest.approx(plain, rel=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_on_cuda_the_compiled_loop_trains_as_on_the_cpu(data):
    """Catches the CPU's kernels chosen on CUDA, where they fail and leave the eager step."""
    config = made_config(epochs=3).model_copy(update={"profile": "full"})
    cuda = Data(data.name, data.train.to("cuda"), None, data.test.to("cuda"))
    network = made_network().to("cuda")
    run = train(network, cuda, config)
    assert run.computed == "compiled, channels innermost"
    assert run.history[-1].test_accuracy == evaluate(network, cuda.test)[1]
    assert run.history[-1].test_accuracy > 60


def test_one_kernel_may_train_any_number_of_networks():
    """Catches recompilations counted over all networks of a notebook, until torch gives up."""
    # torch.compile gives up on a function that was compiled too often; every run must begin anew.
    config = made_config().model_copy(update={"profile": "full"})
    networks = [nn.Sequential(nn.Conv2d(1, width, 28), nn.Flatten()) for width in (10, 11, 12, 13)]
    with torch._dynamo.config.patch(recompile_limit=2, fail_on_recompile_limit_hit=True):
        steps = [build_step(network, config, CPU) for network in networks]
    assert [step.computed for step in steps] == 4 * ["compiled, batch innermost"]
