"""What changed between two notebooks: every planted difference under its own name, and nothing else."""

import pytest
from making.notebooks import TARGET, write_iteration, write_other

from helpers.errors import DefinitionsError
from helpers.lesson.changes import EXPLAINS_NOTHING, UNEXPLAINED, _in_effect, what_changed
from helpers.runs.definitions import load_definitions
from helpers.settings import Augmentation, Recipe, RunConfig

SETTINGS = "config = RunConfig(recipe=Recipe({recipe}), augmentation=Augmentation({augmentation}), {others})"
BLOCK = "nn.Conv2d({}, {}, 3, bias=False), nn.BatchNorm2d({}), nn.ReLU(), nn.Dropout(0.1)"
LAYERS = f"{BLOCK.format(1, 8, 8)}, nn.MaxPool2d(2), {BLOCK.format(8, 12, 12)}, nn.Conv2d(12, 10, 1)"
NETWORK = """\
import torch
import torch.nn.functional as F
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.{name} = nn.Sequential({layers})

    def forward(self, images):
        return {forward}"""


def written(
    folder, name, *, layers=LAYERS, forward="self.layers(images).flatten(1)", attribute="layers", **parts
):
    config = dict.fromkeys(("recipe", "augmentation", "others"), "") | parts
    network = NETWORK.format(name=attribute, layers=layers, forward=forward.replace("layers", attribute))
    write_iteration(folder, name, settings=SETTINGS.format(**config), network=network)


def compared(folder, before, after, changes=None):
    written(folder, "01_before", **before)
    written(folder, "02_after", **after)
    return what_changed("02_after", changes or {}, "01_before", folder / "notebooks")


def test_identical_notebooks_report_nothing(tmp_path):
    table = compared(tmp_path, {}, {})
    assert table.entries == () and table.unexplained == [] and table.cells() == []
    assert table.notes() == ["since 01_before: no difference"]


def test_names_of_attributes_and_identity_and_flattening_do_not_count(tmp_path):
    """Catches that another spelling of the same network is reported as a change."""
    after = {
        "attribute": "stages",
        "layers": f"nn.Identity(), {LAYERS}, nn.Flatten()",
        "forward": "self.layers(images)",
    }
    assert compared(tmp_path, {}, after).entries == ()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("8, 3, bias", "9, 3, bias", [("Conv2d.out_channels", "8, 12, 10", "9, 12, 10")]),
        ("8, 3, bias", "8, 5, bias", [("Conv2d.kernel_size", "3, 3, 1", "5, 3, 1")]),
        ("8, 3, bias", "8, 3, padding=1, bias", [("Conv2d.padding", "0", "1, 0, 0")]),
        (
            "8, 3, bias",
            "8, 3, padding_mode='reflect', bias",
            [("Conv2d.padding_mode", "zeros", "'reflect', zeros, zeros")],
        ),
        ("12, 10, 1)", "12, 10, 1, bias=False)", [("Conv2d.bias", "no, no, yes", "no")]),
        ("0.1", "0.2", [("Dropout.p", "0.1", "0.2")]),
        ("MaxPool2d(2)", "MaxPool2d(3)", [("MaxPool2d.kernel_size", "2", "3")]),
        ("MaxPool2d(2)", "MaxPool2d(2, stride=1)", [("MaxPool2d.stride", "None", "1")]),
        ("BatchNorm2d(8)", "BatchNorm2d(8, momentum=0.2)", [("BatchNorm2d.momentum", "0.1", "0.2, 0.1")]),
        (
            "nn.ReLU()",
            "nn.GELU()",
            [
                ("ReLU", "2, between BatchNorm2d and Dropout", "none"),
                ("GELU", "none", "2, between BatchNorm2d and Dropout"),
            ],
        ),
        ("nn.MaxPool2d(2), ", "", [("MaxPool2d", "1, between Dropout and Conv2d 3x3", "none")]),
        (
            "nn.Conv2d(12, 10, 1)",
            "nn.ReLU(), nn.Conv2d(12, 10, 1)",
            [("ReLU", "2", "3, 1 of them between Dropout and Conv2d 1x1")],
        ),
        (
            "nn.BatchNorm2d(12), nn.ReLU()",
            "nn.ReLU(), nn.BatchNorm2d(12)",
            [("BatchNorm2d.order", "between Conv2d 3x3 and ReLU", "between ReLU and Dropout")],
        ),
    ],
)
def test_a_planted_change_of_a_layer_is_reported_under_its_name_and_nothing_else(
    tmp_path, before, after, expected
):
    assert before in LAYERS
    layers = LAYERS.replace(before, after)
    assert [entry[:3] for entry in compared(tmp_path, {}, {"layers": layers}).entries] == expected


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        ("F.relu(self.layers(images)).flatten(1)", ["relu"]),
        ("F.interpolate(self.layers(images), size=(5, 5)).flatten(1)", ["interpolate"]),
        ("(2 * self.layers(images)).flatten(1)", ["mul"]),
        ("torch.log_softmax(self.layers(images).flatten(1), dim=1)", ["log_softmax"]),
    ],
)
def test_a_call_in_forward_is_reported_by_its_name(tmp_path, forward, expected):
    assert [entry.name for entry in compared(tmp_path, {}, {"forward": forward}).entries] == expected


FULL_CYCLE = "schedule='one_cycle', momentum=0.8, cycle_momentum=False"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("epochs=15", "epochs=20", [("epochs", "15", "20")]),
        ("momentum=0.9", "momentum=0.8", [("momentum", "0.9", "0.8")]),
        ("", "ema_decay=0.9", [("ema_decay", "0.0", "0.9")]),
        ("plateau_patience=1", "plateau_patience=2, plateau_min_rate=1e-3, drop_factor=0.2", []),
        ("pct_start=0.1", "pct_start=0.2, div_factor=3.0, final_div_factor=4.0, cycle_momentum=False, step_epochs=1", []),
        ("optimizer='adam', momentum=0.9", "optimizer='adam', momentum=0.8, nesterov=True", []),
        ("schedule='one_cycle', momentum=0.9", "schedule='one_cycle', momentum=0.8", []),
        (FULL_CYCLE, FULL_CYCLE.replace("0.8", "0.7"), [("momentum", "0.8", "0.7")]),
        ("schedule='step'", "schedule='step', drop_factor=0.2", [("drop_factor", "0.1", "0.2")]),
        ("", "optimizer='adam'", [("optimizer", "sgd", "adam"), ("momentum", "0.9", "not in effect"), ("nesterov", "False", "not in effect")]),
    ],
)  # fmt: skip
def test_of_the_recipe_only_what_is_in_effect_counts(tmp_path, before, after, expected):
    """Catches a table that reports what is never read, or conceals what is."""
    table = compared(tmp_path, {"recipe": before}, {"recipe": after})
    assert [entry[:3] for entry in table.entries] == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("rotation=7.0", ["rotation"]),
        ("elastic_sigma=4.0, perspective_probability=0.1", []),
        ("elastic_alpha=1.0, elastic_sigma=4.0", ["elastic_alpha", "elastic_sigma"]),
        ("perspective=0.1", ["perspective", "perspective_probability"]),
    ],
)
def test_of_the_augmentation_only_what_is_in_effect_counts(tmp_path, after, expected):
    """Catches a reported setting of a distortion that is off."""
    assert [entry.name for entry in compared(tmp_path, {}, {"augmentation": after}).entries] == expected


def test_logits_and_held_out_images_count_and_what_a_run_chooses_does_not(tmp_path):
    """Catches that a notebook seems changed because it was run with another seed."""

    def entries(others):
        return [entry.name for entry in compared(tmp_path, {}, {"others": others}).entries]

    assert entries("logits=12") == ["logits"]
    assert entries("validation_images=5") == ["validation_images", "split_seed"]
    assert entries("split_seed=5, seed=3, profile='full', dataset='digits'") == []


@pytest.mark.parametrize(
    "field", [*Recipe.model_fields, *Augmentation.model_fields, "logits", "validation_images"]
)
def test_every_field_of_recipe_and_augmentation_is_compared(field):
    """Catches a new setting that nobody compares."""
    assert field in _in_effect(RunConfig())


def test_a_new_schedule_stands_for_the_settings_that_it_brings_into_effect(tmp_path):
    """Catches that a sentence about a schedule has to list all settings of that schedule."""
    recipe = {"recipe": "schedule='one_cycle', pct_start=0.2"}
    table = compared(tmp_path, {}, recipe, {"one cycle": ["schedule"]})
    entries = {entry.name: (entry.before, entry.after) for entry in table.entries}
    assert entries["pct_start"] == ("not in effect", "0.2")
    assert entries["momentum"] == ("0.9", "set by the schedule")
    assert set(entries) == {
        "schedule",
        "pct_start",
        "div_factor",
        "final_div_factor",
        "cycle_momentum",
        "momentum",
    }
    assert table.unexplained == []


def test_a_setting_that_was_in_effect_before_is_not_covered_by_the_schedule(tmp_path):
    """Catches a changed setting that hides behind a schedule which did not change."""
    before, after = {"recipe": "schedule='one_cycle'"}, {"recipe": "schedule='one_cycle', pct_start=0.2"}
    table = compared(tmp_path, before, after, {"one cycle": ["schedule"]})
    assert (table.unexplained, table.unused) == (["pct_start"], ["one cycle"])


def test_sentences_explain_by_exact_names_by_layer_and_by_order(tmp_path):
    """Catches a name, exact or wider, by which no sentence could explain an entry."""
    after = {
        "layers": LAYERS.replace("12, 3", "12, 3, padding=1").replace("0.1", "0.2").replace(
            "nn.BatchNorm2d(8), nn.ReLU()", "nn.ReLU(), nn.BatchNorm2d(8)"
        ),
        "recipe": "epochs=3",
    }  # fmt: skip
    whole = {"all of them": ["Conv2d", "order", "Dropout", "epochs"]}
    exact = {
        "padded": ["Conv2d.padding"],
        "other order": ["BatchNorm2d.order"],
        "more": ["Dropout.p", "epochs"],
    }
    for changes in (whole, exact):
        table = compared(tmp_path, {}, after, changes)
        assert (table.unexplained, table.unused) == ([], [])
        assert table.notes() == ["since 01_before: 4 differences, all of them owned up to"]


def test_a_wider_name_leaves_out_what_another_sentence_calls_by_its_own(tmp_path):
    """Catches an entry that stands in the table twice."""
    after = {"layers": LAYERS.replace("8, 3", "9, 3, padding=1").replace("12, 3", "12, 3, padding=1")}
    table = compared(tmp_path, {}, after, {"the rest": ["Conv2d"], "padded": ["Conv2d.padding"]})
    assert [row[:2] for row in table.cells()] == [
        ("the rest", "Conv2d.out_channels"),
        ("padded", "Conv2d.padding"),
    ]
    only = compared(
        tmp_path,
        {},
        after,
        {"padded": ["Conv2d.padding"], "wide": ["Conv2d.out_channels"], "rest": ["Conv2d"]},
    )
    assert (only.unexplained, only.unused) == ([], ["rest"])


def test_the_table_shows_what_is_explained_what_is_not_and_what_is_unused(tmp_path):
    """Catches a table that conceals an unexplained entry or a sentence that explains nothing."""
    after = {"layers": LAYERS.replace("0.1", "0.2"), "recipe": "epochs=3, batch_size=64"}
    changes = {"less time": ["epochs"], "nothing of the kind": ["Linear"], "half": ["batch_size", "rotation"]}
    table = compared(tmp_path, {}, after, changes)
    assert table.cells() == [
        ("less time", "epochs", "15", "3"),
        ("half", "batch_size", "128", "64"),
        (UNEXPLAINED, "Dropout.p", "0.1", "0.2"),
        ("nothing of the kind", EXPLAINS_NOTHING, "", ""),
        ("half: rotation", EXPLAINS_NOTHING, "", ""),
    ]
    assert table.unexplained == ["Dropout.p"]
    assert table.unused == ["nothing of the kind", "half: rotation"]
    assert table.notes() == ["since 01_before: 3 differences, 1 of them not owned up to"]


@pytest.mark.parametrize(
    ("notebook", "since", "words"),
    [
        ("02_after", "01_befor", "no notebook '01_befor' in notebooks/; did you mean 01_before?"),
        ("02_later", "01_before", "no notebook '02_later' in notebooks/"),
        ("02_after", None, "no notebook None in notebooks/"),
        ("02_after", "00_start", "00_start: no cell is tagged imports"),
    ],
)
def test_a_notebook_that_is_not_there_is_named_in_one_line(tmp_path, notebook, since, words):
    compared(tmp_path, {}, {})
    write_other(tmp_path)
    with pytest.raises(DefinitionsError) as error:
        what_changed(notebook, {}, since, tmp_path / "notebooks")
    assert str(error.value).startswith(words) and "\n" not in str(error.value)


@pytest.mark.parametrize("entries", ["Dropout", [1]])
def test_changes_of_another_form_are_refused(tmp_path, entries):
    with pytest.raises(
        DefinitionsError, match=r"^02_after: changes\['dropout'\] = .*: a list of names is needed$"
    ):
        compared(tmp_path, {}, {}, {"dropout": entries})


def test_predecessor_and_changes_come_with_the_definitions(tmp_path):
    """Catches a notebook whose changes no test could read."""
    target = TARGET.format(name="02_after") + '\npredecessor = "01_before"\nchanges = {"shorter": ["epochs"]}'
    definitions = load_definitions(write_iteration(tmp_path, "02_after", target=target))
    assert (definitions.predecessor, definitions.changes) == ("01_before", {"shorter": ["epochs"]})
    plain = load_definitions(write_iteration(tmp_path, "01_before"))
    assert (plain.predecessor, plain.changes) == (None, {})
