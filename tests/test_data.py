"""Where the data comes from, how it is split, and what the batches hold."""

import hashlib
import os
import struct
import threading
from collections import Counter
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from helpers import data, mnist_source
from helpers.config import CLASSES, Augmentation, Profile, Recipe, RunConfig
from helpers.data import BLACK, MEAN, STD, DataError, Split, batches, load_data, normalise, resolve

REAL_MNIST = os.environ.get("MNIST_ROOT")
TRAIN, TEST = 400, 150  # images of the synthetic set, which has MNIST's form
FULL = RunConfig(profile="full", dataset="mnist", recipe=Recipe(batch_size=8))
FAST = FULL.model_copy(update={"profile": "fast"})
VARIED = Augmentation(rotation=10, translation=0.1)

# What stands in for the process that downloads: argv[1] is the folder it writes to.
BEGIN = "import shutil, sys, time; from pathlib import Path; raw = Path(sys.argv[1], 'MNIST', 'raw'); "
HANG = BEGIN + "raw.mkdir(parents=True); (raw / 'part').write_bytes(bytes(99)); time.sleep(20)"
TRICKLE = (
    BEGIN
    + "raw.mkdir(parents=True)\nfor _ in range(2000): (raw / f'{time.time()}').write_bytes(b'1'); time.sleep(0.01)"
)


def numbered(count: int) -> Split:
    """Images that carry their own number in their first two pixels; the label is a function of it."""
    numbers = torch.arange(count)
    images = torch.zeros(count, 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers // 256, numbers % 256
    return Split(images, label_of(numbers))


def label_of(numbers: torch.Tensor) -> torch.Tensor:
    """Classes of unequal size: 0 is the rarest, 9 the most frequent."""
    return (numbers % 55).add(1).mul(2).sqrt().sub(0.5).round().long().sub(1).clamp(0, CLASSES - 1)


def numbers_of(images: torch.Tensor) -> list[int]:
    first = images[:, 0, 0, :2].double()
    if images.dtype != torch.uint8:
        first = (255 * (first * STD + MEAN)).round()
    return (256 * first[:, 0] + first[:, 1]).long().tolist()


def write_set(root: Path) -> Path:
    """The synthetic set as four IDX files below `root`; the folder they are in."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        split = numbered(count)
        header = struct.pack(">4i", 0x803, count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + split.images.numpy().tobytes())
        labels = split.labels.to(torch.uint8).numpy().tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, count) + labels)
    return raw


@pytest.fixture
def original(tmp_path, monkeypatch):
    """A folder with the synthetic set, whose checksums count as the published ones; no network, empty cache."""
    root = tmp_path / "original"
    raw = write_set(root)
    contents = {name: (raw / name).read_bytes() for name in mnist_source.FILES}
    published = {name: (len(text), hashlib.md5(text).hexdigest()) for name, text in contents.items()}
    monkeypatch.setattr(mnist_source, "FILES", published)
    monkeypatch.setattr(mnist_source, "user_cache_dir", lambda name: str(tmp_path / "cache"))
    monkeypatch.delenv("MNIST_ROOT", raising=False)

    def refuse(request, timeout):
        raise URLError("no network")

    monkeypatch.setattr(mnist_source, "urlopen", refuse)
    return root


@pytest.fixture
def installed(original, monkeypatch):
    monkeypatch.setenv("MNIST_ROOT", str(original))
    return original


@pytest.fixture
def small_fast_profile(monkeypatch):
    fast = Profile(name="fast", epochs=2, train_images=120, test_images=40)
    monkeypatch.setitem(data.PROFILES, "fast", fast)


@pytest.fixture
def downloader(monkeypatch, tmp_path):
    """Sets the code of the downloading process, behind mirrors that answer."""

    class Answer:
        def close(self):
            pass

    def use(code: str) -> Path:
        monkeypatch.setattr(mnist_source, "urlopen", lambda request, timeout: Answer())
        monkeypatch.setattr(mnist_source, "DOWNLOAD", code)
        return tmp_path / "cache"

    return use


def complaint(call, *arguments, **settings) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **settings)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def only_line(capsys) -> str:
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    return lines[0]


# Where MNIST is looked for


def test_mnist_is_read_from_mnist_root_in_its_own_order(installed):
    found = load_data(FULL)
    assert found.name == "mnist"
    for split, count in ((found.train, TRAIN), (found.test, TEST)):
        assert split.images.dtype == torch.uint8 and split.labels.dtype == torch.int64
        assert torch.equal(split.images, numbered(count).images)
        assert torch.equal(split.labels, numbered(count).labels)
    assert found.validation is None


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_one_line_says_that_mnist_root_was_taken(installed, capsys, dataset):
    assert resolve(dataset) == "mnist"
    line = only_line(capsys)
    assert "MNIST, found in MNIST_ROOT" in line


def test_the_cache_folder_comes_second_and_the_line_says_why(original, tmp_path, monkeypatch, capsys):
    write_set(tmp_path / "cache")
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "elsewhere"))
    assert resolve("auto") == "mnist"
    line = only_line(capsys)
    assert "cache folder" in line and f"{str(tmp_path / 'elsewhere')!r} holds no MNIST" in line


def test_mnist_root_comes_before_the_cache_folder(installed, tmp_path):
    write_set(tmp_path / "cache")
    assert mnist_source.locate("mnist") == installed / "MNIST" / "raw"


def test_the_unverified_processed_folder_of_old_versions_is_not_read(installed):
    processed = installed / "MNIST" / "processed"
    processed.mkdir()
    foreign = (torch.full((5, 28, 28), 7, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64))
    for name in ("training.pt", "test.pt"):
        torch.save(foreign, processed / name)
    assert torch.equal(load_data(FULL).train.images, numbered(TRAIN).images)


# Damaged files

DAMAGES = {
    "corrupt": lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
    "truncated": lambda content: content[:-1],
    "empty": lambda content: b"",
    "foreign": lambda content: b"<html>not here</html>",
    "foreign of the same size": lambda content: os.urandom(len(content)),
}


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
@pytest.mark.parametrize("place", ["MNIST_ROOT", "cache"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_never_replaced_by_digits(
    original, tmp_path, monkeypatch, dataset, place, damage
):
    root = original
    if place == "cache":
        root = tmp_path / "cache"
        write_set(root)
    else:
        monkeypatch.setenv("MNIST_ROOT", str(root))
    path = root / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    size, md5 = mnist_source.FILES[path.name]
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    message = complaint(load_data, FULL.model_copy(update={"dataset": dataset}))
    found = path.read_bytes()
    assert str(path) in message
    if len(found) == size:
        assert f"found MD5 {hashlib.md5(found).hexdigest()}, expected MD5 {md5}" in message
    else:
        assert f"found {len(found)} bytes, expected {size} bytes" in message


@pytest.mark.parametrize("name", mnist_source.FILES)
def test_each_of_the_four_files_is_verified(installed, name):
    path = installed / "MNIST" / "raw" / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert str(path) in complaint(resolve, "auto")


@pytest.mark.parametrize("name", mnist_source.FILES)
def test_a_set_that_lacks_a_file_is_damaged_not_absent(installed, name):
    path = installed / "MNIST" / "raw" / name
    path.unlink()
    message = complaint(resolve, "auto")
    assert f"{path}: found no such file" in message and str(mnist_source.FILES[name][0]) in message


# No MNIST to be had


def test_auto_takes_the_digits_and_says_so_in_one_line(original, tmp_path, capsys):
    found = load_data(FULL.model_copy(update={"dataset": "auto"}))
    assert found.name == "digits"
    line = only_line(capsys)
    assert "DIGITS" in line and "not MNIST" in line
    assert "MNIST_ROOT is not set" in line and str(tmp_path / "cache") in line and "no network" in line


def test_mnist_asked_for_and_not_to_be_had_says_where_it_looked_and_what_to_do(
    original, tmp_path, monkeypatch
):
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "elsewhere"))
    message = complaint(load_data, FULL)
    for part in ("elsewhere", str(tmp_path / "cache"), "no network", "set MNIST_ROOT", "dataset = 'digits'"):
        assert part in message


def test_digits_asked_for_need_no_network_and_no_remark(original, capsys, monkeypatch):
    monkeypatch.setattr(mnist_source, "_find_or_download", lambda patience: pytest.fail("looked for MNIST"))
    assert resolve("digits") == "digits"
    assert capsys.readouterr().out == ""


def test_mirrors_that_never_answer_end_in_a_decision(original, monkeypatch, capsys):
    released = threading.Event()

    def hang(request, timeout):
        released.wait(30)  # far beyond the patience below
        raise URLError("woken")

    monkeypatch.setattr(mnist_source, "urlopen", hang)
    assert resolve("auto", patience=0.2) == "digits"
    assert "no mirror answered within 0.2 s" in only_line(capsys)
    assert "no mirror answered within 0.2 s" in complaint(resolve, "mnist", patience=0.2)
    released.set()


def test_one_mirror_that_answers_is_enough(original, downloader, monkeypatch):
    cache = downloader(BEGIN + f"shutil.copytree({str(original / 'MNIST')!r}, raw.parent)")

    def only_the_second(request, timeout):
        if request.full_url.startswith(first):
            raise URLError("gone")
        return open(os.devnull)

    from torchvision.datasets import MNIST

    first = MNIST.mirrors[0]
    monkeypatch.setattr(mnist_source, "urlopen", only_the_second)
    assert mnist_source.locate("mnist") == cache / "MNIST" / "raw"


@pytest.mark.parametrize("code", [HANG, TRICKLE], ids=["hangs", "trickles"])
def test_a_download_that_stalls_is_ended_and_leaves_nothing(original, downloader, tmp_path, code):
    ran_to_its_end = tmp_path / "ran_to_its_end"
    cache = downloader(f"{code}\nopen({str(ran_to_its_end)!r}, 'w')")
    assert "the download stalled for 0.3 s" in complaint(resolve, "mnist", patience=0.3)
    assert list(cache.iterdir()) == [] and not ran_to_its_end.exists()


def test_a_download_that_never_starts_is_ended(original, downloader, monkeypatch, capsys):
    monkeypatch.setattr(mnist_source, "START_SECONDS", 0)
    cache = downloader("import time; time.sleep(20)")
    assert resolve("auto", patience=0.2) == "digits"
    assert "stalled" in only_line(capsys) and list(cache.iterdir()) == []


def test_a_download_that_fails_gives_its_reason_and_leaves_nothing(original, downloader):
    cache = downloader(HANG.replace("time.sleep(20)", "raise RuntimeError('many\\nlines, HTTP Error 404')"))
    assert "HTTP Error 404" in complaint(resolve, "mnist")
    assert list(cache.iterdir()) == []


def test_a_download_is_kept_whole_and_found_again(original, downloader, capsys):
    cache = downloader(BEGIN + f"shutil.copytree({str(original / 'MNIST')!r}, raw.parent)")
    assert torch.equal(load_data(FULL).train.images, numbered(TRAIN).images)
    assert "downloaded" in only_line(capsys)
    assert [path.name for path in cache.iterdir()] == ["MNIST"]
    downloader("raise RuntimeError('asked again')")
    assert resolve("mnist") == "mnist"
    assert "found in the user's cache folder" in only_line(capsys)


def test_a_damaged_download_is_not_kept(original, downloader):
    (original / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").write_bytes(b"<html>log in first</html>")
    cache = downloader(BEGIN + f"shutil.copytree({str(original / 'MNIST')!r}, raw.parent)")
    assert "t10k-labels-idx1-ubyte: found 25 bytes" in complaint(resolve, "mnist")
    assert list(cache.iterdir()) == []


def test_two_downloads_at_once_do_not_disturb_each_other(original, downloader, tmp_path):
    quicker = str(tmp_path / "cache" / "MNIST")
    copy = f"shutil.copytree({str(original / 'MNIST')!r}, "
    cache = downloader(BEGIN + f"{copy} raw.parent); {copy} {quicker!r})")
    assert resolve("mnist") == "mnist"
    assert [path.name for path in cache.iterdir()] == ["MNIST"]


def test_a_cache_folder_that_cannot_be_written_is_a_reason_not_a_crash(
    original, downloader, tmp_path, capsys
):
    downloader(HANG)
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert resolve("auto") == "digits"
    assert "exists" in only_line(capsys)
    assert str(tmp_path / "cache") in complaint(resolve, "mnist")


# Digits


@pytest.fixture(scope="module")
def digits():
    return load_data(RunConfig(dataset="digits", profile="full"))


def test_digits_have_mnists_form(digits):
    assert digits.name == "digits"
    for split, count in ((digits.train, 1347), (digits.test, 450)):
        assert split.images.shape == (count, 1, 28, 28) and split.images.dtype == torch.uint8
        assert split.labels.shape == (count,) and split.labels.dtype == torch.int64


def test_each_digit_fills_a_box_of_20_pixels_and_balances_at_the_centre(digits):
    images = torch.cat((digits.train.images, digits.test.images))[:, 0].double()
    extents = []
    for profile in (images.sum(2), images.sum(1)):
        inked = profile > 0
        first, behind_last = inked.int().argmax(1), 28 - inked.flip(1).int().argmax(1)
        extents.append(behind_last - first)
        centre = (profile * torch.arange(28)).sum(1) / profile.sum(1)
        assert (centre - 14).abs().max() <= 0.51  # whole pixels, and grey levels rounded afterwards
    assert torch.maximum(*extents).unique().tolist() == [20]


def test_a_bar_becomes_20_by_10_white_pixels():
    image = torch.zeros(8, 8)
    image[1:5, 0:2] = 1.0
    bar = data.mnist_style(image)
    assert bar.unique().tolist() == [0, 255]
    rows, columns = bar.any(1), bar.any(0)
    assert (rows.sum(), columns.sum(), (bar > 0).sum()) == (20, 10, 200)


def test_the_digits_are_scikit_learns_each_once(digits):
    source = load_digits()
    expected = Counter(
        (data.mnist_style(torch.from_numpy(image) / 16).numpy().tobytes(), label)
        for image, label in zip(source.images, source.target.tolist(), strict=True)
    )
    found = Counter(
        (image.numpy().tobytes(), label)
        for split in (digits.train, digits.test)
        for image, label in zip(split.images, split.labels.tolist(), strict=True)
    )
    assert found == expected


# Splits


def assert_stratified(part: Split, whole: torch.Tensor) -> None:
    share = whole.bincount(minlength=CLASSES) * len(part) / len(whole)
    assert (part.labels.bincount(minlength=CLASSES) - share).abs().max() <= 1


def test_the_digits_are_split_in_proportion(digits):
    whole = torch.cat((digits.train.labels, digits.test.labels))
    assert_stratified(digits.train, whole)
    assert_stratified(digits.test, whole)


@pytest.mark.parametrize("seed", range(5))
def test_profile_and_validation_take_classes_in_proportion_and_share_no_image(
    installed, small_fast_profile, seed
):
    found = load_data(FAST.model_copy(update={"validation_images": 100, "split_seed": seed}))
    assert (len(found.train), len(found.validation), len(found.test)) == (120, 100, 40)
    assert set(numbers_of(found.train.images)).isdisjoint(numbers_of(found.validation.images))
    assert_stratified(found.train, numbered(TRAIN).labels)
    assert_stratified(found.validation, numbered(TRAIN).labels)
    assert_stratified(found.test, numbered(TEST).labels)
    for split in (found.train, found.validation, found.test):
        numbers = numbers_of(split.images)
        assert numbers == sorted(set(numbers))  # no image twice, the order of the set kept
        assert split.labels.tolist() == label_of(torch.tensor(numbers)).tolist()


def test_training_and_validation_make_up_the_whole_training_set(installed):
    found = load_data(FULL.model_copy(update={"validation_images": 100}))
    assert sorted(numbers_of(found.train.images) + numbers_of(found.validation.images)) == list(range(TRAIN))
    assert numbers_of(found.test.images) == list(range(TEST))


def validation_numbers(config: RunConfig, **changes) -> list[int]:
    return numbers_of(
        load_data(config.model_copy(update={"validation_images": 100, **changes})).validation.images
    )


def test_the_split_seed_alone_decides_the_validation_split(installed, small_fast_profile):
    reference = validation_numbers(FULL, split_seed=3)
    assert validation_numbers(FULL, split_seed=3, seed=8) == reference
    assert validation_numbers(FAST, split_seed=3) == reference
    assert validation_numbers(FULL, split_seed=4) != reference


def test_the_subset_of_a_profile_is_the_same_for_every_seed(installed, small_fast_profile):
    first, second = (load_data(FAST.model_copy(update={"seed": seed})) for seed in (1, 2))
    assert torch.equal(first.train.images, second.train.images)
    assert torch.equal(first.test.images, second.test.images)


@pytest.mark.parametrize(
    ("count", "kept"), [(TRAIN - 10, TRAIN - 10), (TRAIN - 9, TRAIN), (TRAIN + 1, TRAIN)]
)
def test_a_profile_that_would_leave_out_less_than_one_of_each_class_takes_all(
    installed, monkeypatch, count, kept
):
    monkeypatch.setitem(data.PROFILES, "fast", Profile(name="fast", train_images=count))
    assert len(load_data(FAST).train) == kept


@pytest.mark.parametrize("count", [1, 9, TRAIN - 9, TRAIN, 50_000])
def test_validation_images_that_do_not_fit_are_refused_with_what_does(installed, count):
    message = complaint(load_data, FULL.model_copy(update={"validation_images": count}))
    assert f"validation_images = {count}" in message and f"10 to {TRAIN - 10} of the {TRAIN}" in message


def test_a_batch_larger_than_the_training_split_is_refused_on_loading(installed):
    config = FULL.model_copy(update={"validation_images": 100, "recipe": Recipe(batch_size=TRAIN - 99)})
    message = complaint(load_data, config)
    assert f"batch_size = {TRAIN - 99}" in message and f"at most {TRAIN - 100}" in message


# Batches


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_normalise_is_mnists_formula_and_black_is_its_zero():
    levels = torch.arange(256, dtype=torch.uint8)
    normalised = normalise(levels)
    assert normalised.dtype == torch.float32
    expected = (np.arange(256) / 255 - 0.1307) / 0.3081
    np.testing.assert_allclose(normalised.numpy(), expected, rtol=0, atol=1e-6)
    assert normalised[0].item() == np.float32(BLACK)
    assert torch.equal(levels, torch.arange(256, dtype=torch.uint8))


@given(
    count=st.integers(1, 120), batch_size=st.integers(1, 40), drop_last=st.booleans(), seed=st.integers(0, 99)
)
def test_an_epoch_serves_every_image_once_with_its_own_label(count, batch_size, drop_last, seed):
    batch_size = min(batch_size, count)
    served = list(
        batches(numbered(count), batch_size, augmentation=None, generator=seeded(seed), drop_last=drop_last)
    )
    sizes = [len(labels) for _, labels in served]
    assert len(served) == data.steps_per_epoch(count, batch_size, drop_last)
    assert set(sizes[:-1]) <= {batch_size} and 0 < sizes[-1] <= batch_size
    assert sum(sizes) == (count - count % batch_size if drop_last else count)
    numbers = [number for images, _ in served for number in numbers_of(images)]
    assert len(set(numbers)) == len(numbers) and set(numbers) <= set(range(count))
    labels = [label for _, some in served for label in some.tolist()]
    assert labels == label_of(torch.tensor(numbers)).tolist()


def test_without_a_generator_the_images_come_in_order_and_unchanged():
    split = numbered(50)
    served = list(batches(split, 16, augmentation=None, generator=None))
    assert [len(labels) for _, labels in served] == [16, 16, 16, 2]
    assert torch.equal(torch.cat([images for images, _ in served]), normalise(split.images))
    assert torch.equal(torch.cat([labels for _, labels in served]), split.labels)


def test_the_order_is_drawn_anew_each_epoch():
    split, generator = numbered(200), seeded()
    epochs = [
        [
            number
            for images, _ in batches(split, 32, augmentation=None, generator=generator)
            for number in numbers_of(images)
        ]
        for _ in range(2)
    ]
    assert epochs[0] != epochs[1] and epochs[0] != sorted(epochs[0])


def pixels(split: Split, augmentation: Augmentation | None, seed: int) -> torch.Tensor:
    served = batches(split, 32, augmentation=augmentation, generator=seeded(seed))
    return torch.cat([images for images, _ in served])


def test_the_same_generator_gives_the_same_batches(digits):
    reference = pixels(digits.test, VARIED, seed=1)
    assert torch.equal(pixels(digits.test, VARIED, seed=1), reference)
    assert not torch.equal(pixels(digits.test, VARIED, seed=2), reference)
    assert not torch.equal(pixels(digits.test, None, seed=1), reference)


def test_an_augmentation_of_no_strength_changes_nothing(digits):
    assert torch.equal(pixels(digits.test, Augmentation(), seed=1), pixels(digits.test, None, seed=1))


def test_every_training_image_passes_once_through_the_augmentation(monkeypatch):
    generator, passed = seeded(), []

    def record(images, settings, drawn_from, fill):
        assert settings == VARIED and drawn_from is generator and fill == BLACK
        passed.extend(numbers_of(images))
        return images + 100

    monkeypatch.setattr(data, "augment", record)
    served = list(batches(numbered(200), 7, augmentation=VARIED, generator=generator))
    assert sorted(passed) == list(range(200))
    images = torch.cat([images for images, _ in served])
    assert numbers_of(images - 100) == passed
    assert images.min() > 99


def test_a_training_batch_larger_than_the_split_is_refused_before_the_first_batch():
    message = complaint(batches, numbered(50), 51, augmentation=None, generator=seeded())
    assert "batch_size = 51" in message and "at most 50" in message


def test_an_evaluation_batch_may_be_larger_than_the_split():
    (images, labels), *more = batches(numbered(50), 1000, augmentation=None, generator=None)
    assert len(images) == len(labels) == 50 and more == []


def test_an_augmentation_without_a_generator_is_refused():
    with pytest.raises(ValueError, match="generator = None: .*rotation=10") as caught:
        batches(numbered(50), 8, augmentation=VARIED, generator=None)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("images", "batch_size", "drop_last", "steps"),
    [(60_000, 128, False, 469), (60_000, 128, True, 468), (128, 128, False, 1), (129, 128, False, 2)],
)
def test_steps_per_epoch_counts_the_last_smaller_batch_unless_dropped(images, batch_size, drop_last, steps):
    assert data.steps_per_epoch(images, batch_size, drop_last) == steps


# The real set


@pytest.mark.skipif(not REAL_MNIST, reason="MNIST_ROOT is not set: no real MNIST to check against")
def test_real_mnist_has_the_published_size_and_pixel_statistics():
    full, fast = load_data(FULL), load_data(FAST)
    assert (len(full.train), len(full.test), len(fast.train), len(fast.test)) == (
        60_000,
        10_000,
        6_000,
        2_000,
    )
    assert full.train.labels.bincount().tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    pixels = full.train.images.double() / 255
    assert (round(pixels.mean().item(), 4), round(pixels.std().item(), 4)) == (MEAN, STD)
    assert_stratified(fast.train, full.train.labels)
    assert_stratified(fast.test, full.test.labels)
