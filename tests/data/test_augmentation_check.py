"""The self-test of augmentation that notebooks show: it holds, and a planted fault in the module breaks it."""

import types
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.data import augmentation, augmentation_check
from helpers.data.augmentation_check import guarantees, movement
from helpers.settings import Augmentation

EVERYTHING = Augmentation(
    rotation=10.0,
    translation=0.1,
    scale=0.15,
    shear=8.0,
    perspective=0.3,
    perspective_probability=0.6,
    elastic_alpha=20.0,
)
PUBLISHED = Augmentation(rotation=8.0, translation=0.1, scale=0.05, perspective=0.2)
EXTREME = Augmentation(
    rotation=180.0, translation=1.0, scale=0.9, shear=80.0, perspective=0.9, elastic_alpha=99.0
)
FAULTS_A_GUARANTEE_NAMES = {
    "one angle for the whole batch": (
        "rotation = uniform(-settings.rotation, settings.rotation)",
        "rotation = uniform(-settings.rotation, settings.rotation)[:1].expand(count)",
        "every image draws its own rotation",
    ),
    "one elastic field for the whole batch": (
        "displacement = elastic_displacement(noise,",
        "displacement = elastic_displacement(noise[:1].expand_as(noise),",
        "every image draws its own elastic field",
    ),
    "black is 0 in any units": ("value=fill", "value=0.0", "outside the image is black"),
    "beyond its frame an image is 0": (".clamp_(-outermost, outermost)", "", "outside the image is black"),
    "one sine of the wrong sign": ("-sin, cos)", "sin, cos)", "a quarter turn clockwise is exactly that"),
    "rotation the wrong way": (
        "angle.cos() / draws.scale, angle.sin()",
        "angle.cos() / draws.scale, -angle.sin()",
        "a quarter turn clockwise is exactly that",
    ),
    "degrees taken as radians": (
        "draws.rotation.deg2rad()",
        "draws.rotation",
        "a quarter turn clockwise is exactly that",
    ),
    "radians drawn": (
        "uniform(-settings.rotation, settings.rotation)",
        "uniform(-settings.rotation, settings.rotation).deg2rad()",
        "the rotation stays in its range and fills it",
    ),
    "translation the wrong way": (
        "-(linear @",
        "(linear @",
        "a shift by whole pixels moves them and nothing else",
    ),
    "translation of half the share": (
        "settings.translation * size",
        "settings.translation * size / 2",
        "the translation stays in its range and fills it",
    ),
    "a centre half a pixel off": ("device) - (size - 1) / 2", "device) - size / 2", "no strength, no change"),
    "another idea of corners": ("align_corners=False", "align_corners=True", "no strength, no change"),
    "draws from the global generator": (
        "generator=generator",
        "generator=None",
        "the same generator, the same images",
    ),
    "a generator seeded anew": (
        "generator=generator",
        "generator=torch.Generator()",
        "another seed, other images",
    ),
    "elastic twice as strong": (
        "alpha / 2 * blur",
        "alpha * blur",
        "the elastic field stays in its range and fills it",
    ),
    "corners across the whole width": (
        "settings.perspective * size / 2",
        "settings.perspective * size",
        "the perspective stays in its range and fills it",
    ),
}
FAULTS_THAT_MOVE_PIXELS_ELSEWHERE = {
    "shear in radians": ("draws.shear.deg2rad().tan()", "draws.shear.tan()"),
    "scale turned about": ("angle.cos() / draws.scale", "angle.cos() * draws.scale"),
    "an elastic field without its blur": ("* blur) @ noise @ blur.T", "* torch.eye(28)) @ noise"),
    "perspective on every image": ("< settings.perspective_probability", "< 1"),
    "elastic left out": ("positions + draws.displacement", "positions"),
}


def plant(monkeypatch, right: str, wrong: str) -> None:
    """Let the self-test work on a copy of the module in which `right` reads `wrong`."""
    source = Path(augmentation.__file__).read_text()
    assert source.count(right) == 1
    faulty = types.ModuleType("faulty_augmentation")
    exec(compile(source.replace(right, wrong), "faulty_augmentation", "exec"), vars(faulty))
    monkeypatch.setattr(augmentation_check, "augmentation", faulty)


@pytest.mark.parametrize(
    "chosen", [PUBLISHED, EVERYTHING, EXTREME], ids=["published", "everything", "extreme"]
)
def test_every_guarantee_holds(chosen):
    """Catches a self-test that raises a false alarm at the published settings or at extreme ones."""
    checks = guarantees(chosen)
    assert [promise for promise, held in checks.items() if not held] == []
    assert "every image draws its own rotation" in checks


def test_only_what_is_switched_on_is_promised_to_vary():
    """Catches a promise about rotation where nothing rotates, which then shows as broken."""
    assert all(guarantees(Augmentation()).values())
    for chosen in (Augmentation(), Augmentation(perspective=0.2, perspective_probability=0.0)):
        assert not any("its own" in promise or "seed" in promise for promise in guarantees(chosen))
    only_shear = guarantees(Augmentation(shear=5.0))
    assert [promise for promise in only_shear if "its own" in promise] == ["every image draws its own shear"]


@pytest.mark.parametrize("fault", FAULTS_A_GUARANTEE_NAMES)
def test_a_planted_fault_breaks_the_guarantee_that_names_it(fault, monkeypatch):
    """Catches a guarantee so loose that it holds for a faulty augmentation too."""
    right, wrong, promise = FAULTS_A_GUARANTEE_NAMES[fault]
    assert guarantees(EVERYTHING)[promise] is True
    plant(monkeypatch, right, wrong)
    assert guarantees(EVERYTHING)[promise] is False


@pytest.mark.parametrize("fault", FAULTS_THAT_MOVE_PIXELS_ELSEWHERE)
def test_a_planted_fault_in_size_shows_in_the_movement(fault, monkeypatch):
    """Catches distances worked out from the settings and not from the positions that are really read."""
    honest = movement(EVERYTHING)
    plant(monkeypatch, *FAULTS_THAT_MOVE_PIXELS_ELSEWHERE[fault])
    assert movement(EVERYTHING) != honest


def test_movement_agrees_with_geometry():
    """Catches a distance along one axis only, and a sample too small to come near the farthest move."""
    half_diagonal = np.hypot(13.5, 13.5)
    moves = movement(Augmentation(rotation=8.0, translation=0.1, scale=0.05))
    assert list(moves) == ["rotation", "translation", "scale", "all together"]
    assert moves["rotation"].farthest == pytest.approx(2 * half_diagonal * np.sin(np.radians(4)), abs=0.06)
    assert moves["translation"].farthest == pytest.approx(np.hypot(2.8, 2.8), abs=0.16)
    assert moves["scale"].farthest == pytest.approx(half_diagonal * (1 / 0.95 - 1), abs=0.06)
    assert movement(Augmentation()) == {"all together": (0.0, 0.0)}


def test_the_self_test_gives_the_same_answer_every_time():
    """Catches an unseeded draw in the self-test, by which a notebook's stored output would change."""
    torch.manual_seed(5)
    first = repr((guarantees(EVERYTHING), movement(EVERYTHING)))
    torch.manual_seed(6)
    assert repr((guarantees(EVERYTHING), movement(EVERYTHING))) == first
    assert "object at 0x" not in first
