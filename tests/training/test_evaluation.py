"""A network is tested as it is, every image read once or in five crops, and stays as it was."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.functional import five_crop

from helpers.data.splits import Split, normalise
from helpers.settings import CLASSES
from helpers.training.evaluation import evaluate, five_crops

SPOT = (10, 14)
SHIFTED = {(10, 14), (11, 15), (11, 13), (9, 15), (9, 13)}  # one pixel along each diagonal


class Spot(nn.Module):
    """Class 3 where the pixel at SPOT is bright, class 7 elsewhere: more so the brighter it is."""

    def forward(self, images):
        brightness = images[:, 0, SPOT[0], SPOT[1]]
        logits = torch.zeros(len(images), CLASSES)
        logits[:, 3], logits[:, 7] = brightness, 0.5
        return logits


def bright_at(place) -> torch.Tensor:
    images = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    images[0, 0, place[0], place[1]] = 255
    return images


def split_of(*places) -> Split:
    return Split(torch.cat([bright_at(place) for place in places]), torch.full((len(places),), 3))


def test_five_crops_are_the_image_and_its_shifts_along_the_diagonals():
    """Catches shifts along rows and columns in place of the corners, and a centre that is not first."""
    found = [tuple(crop[0, 0].nonzero()[0].tolist()) for crop in five_crops(bright_at(SPOT).float())]
    assert found[0] == SPOT
    assert set(found) == SHIFTED and len(found) == 5


def test_five_crops_are_those_of_torchvision_from_the_padded_image():
    """Catches an edge that is reflected and not repeated, which an image of one grey does not show."""
    images = torch.rand(3, 2, 28, 28)
    theirs = five_crop(F.pad(images, (1, 1, 1, 1), mode="replicate"), [28, 28])
    ours = five_crops(images)
    assert all(any(torch.equal(crop, own) for own in ours) for crop in theirs)


def test_what_comes_in_at_an_edge_repeats_it():
    """Catches zero padding, which puts a grey frame round images that are normalised."""
    assert all(
        torch.equal(crop, torch.full((1, 1, 28, 28), -0.4))
        for crop in five_crops(torch.full((1, 1, 28, 28), -0.4))
    )


def test_the_logits_of_five_crops_are_averaged():
    """Catches logits of the crops that are summed, or of which only the largest counts."""
    # Of the five crops just one has the spot where the network looks, wherever of five places it lies.
    black, white = normalise(torch.tensor([[[[0]]], [[[255]]]], dtype=torch.uint8)).flatten().tolist()
    logits = torch.zeros(1, CLASSES)
    logits[0, 3], logits[0, 7] = (white + 4 * black) / 5, 0.5
    expected = F.cross_entropy(logits, torch.tensor([3])).item()
    for place in SHIFTED:
        assert evaluate(Spot(), split_of(place), crops=5)[0] == pytest.approx(expected, rel=1e-5)


def test_one_crop_sees_only_the_image_itself():
    """Catches five crops averaged where one was asked for, and predictions out of the images' order."""
    places = sorted(SHIFTED)
    _, accuracy, predictions = evaluate(Spot(), split_of(*places))
    assert predictions.tolist() == [3 if place == SPOT else 7 for place in places]
    assert predictions.dtype == torch.uint8
    assert accuracy == pytest.approx(100 / len(places))


@pytest.mark.parametrize("crops", [1, 5])
def test_evaluation_restores_the_mode_and_changes_nothing(crops):
    """Catches statistics of BatchNorm that go on moving during evaluation, and a mode not put back."""
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 26 * 26, CLASSES)
    )
    state = {name: value.clone() for name, value in network.state_dict().items()}
    evaluate(network.train(), split_of(SPOT, (3, 4)), crops)
    assert network.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
