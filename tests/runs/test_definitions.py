"""Definitions come from a notebook's own cells, without its training, and complain in one line."""

import pytest
from making.notebooks import PARAMETERS, write_iteration, write_notebook, write_other

from helpers.errors import DefinitionsError
from helpers.networks.description import describe
from helpers.results.record import fingerprint
from helpers.results.targets import Target
from helpers.runs.definitions import Notebook, load_definitions
from helpers.settings import RunConfig


def complaint(path, parameters=None):
    with pytest.raises(DefinitionsError) as error:
        load_definitions(path, parameters)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_definitions_are_what_the_cells_say(tmp_path):
    definitions = load_definitions(write_iteration(tmp_path))
    assert definitions.notebook == "01_small"
    assert definitions.target == Target(max_params=1_000, max_epochs=4, min_accuracy=50.0)
    assert definitions.config.recipe.epochs == 4
    assert definitions.Net().convolution.out_channels == 10
    assert definitions.published is None


def test_no_other_cell_is_run(tmp_path):
    load_definitions(write_iteration(tmp_path, before="raise SystemExit", after="1 / 0"))
    assert not list(tmp_path.rglob("result.json"))


def test_two_loads_share_nothing(tmp_path):
    path = write_iteration(tmp_path)
    assert load_definitions(path).Net is not load_definitions(path).Net


def test_what_the_cells_print_stays_unseen(tmp_path, capsys):
    load_definitions(
        write_iteration(tmp_path, imports="print('noise')\nfrom helpers.settings import *\n" + _imports())
    )
    assert capsys.readouterr().out == ""


def _imports():
    return "from torch import nn\nfrom helpers.results.targets import Target"


def test_parameters_replace_the_declared_defaults(tmp_path):
    config = load_definitions(write_iteration(tmp_path), {"epochs": 2, "rotation": 7.5, "seed": 3}).config
    assert (config.recipe.epochs, config.augmentation.rotation, config.seed) == (2, 7.5, 3)


def test_the_fingerprint_is_that_of_a_record_of_the_run(tmp_path):
    definitions = load_definitions(write_iteration(tmp_path), {"seed": 2})
    expected = fingerprint(RunConfig(**definitions.config.model_dump()), describe(definitions.Net()), "mnist")
    assert definitions.fingerprint("mnist") == expected


@pytest.mark.parametrize("changed", [{"seed": 2}, {"rotation": 1.0}, {"epochs": 3}, {"nesterov": True}])
def test_the_fingerprint_changes_with_every_setting(tmp_path, changed):
    path = write_iteration(tmp_path)
    assert load_definitions(path, changed).fingerprint("mnist") != load_definitions(path).fingerprint("mnist")


def test_the_fingerprint_changes_with_network_and_data_but_not_with_the_device(tmp_path):
    path = write_iteration(tmp_path)
    before = load_definitions(path).fingerprint("mnist")
    assert load_definitions(path, {"device": "cpu"}).fingerprint("mnist") == before
    assert load_definitions(path).fingerprint("digits") != before
    assert load_definitions(write_iteration(tmp_path, channels=11)).fingerprint("mnist") != before


def test_declared_parameters_have_name_type_default_and_help(tmp_path):
    declared = Notebook.read(write_iteration(tmp_path)).parameters
    assert list(declared) == [line.partition(":")[0] for line in PARAMETERS.splitlines()]
    rotation, nesterov = declared["rotation"], declared["nesterov"]
    assert (rotation.kind, rotation.default, rotation.help) == (float, 0.0, "degrees")
    assert (nesterov.kind, nesterov.default, nesterov.help) == (bool, False, "")
    assert str(rotation) == "rotation: float = 0.0  # degrees"
    assert str(nesterov) == "nesterov: bool = False"


def test_a_notebook_without_a_parameters_cell_has_none(tmp_path):
    assert Notebook.read(write_notebook(tmp_path, "x", [("look", "a: int = 1")])).parameters == {}


@pytest.mark.parametrize(
    "line",
    [
        "width: int = 1  # as in width = 2",  # papermill cannot read a second =
        "width = 1",
        "width: list = [1]",
        "width: int = 2 * 3",
        "width: int | None = None",
        "print('x')",
        "width: int =",
    ],
)
def test_a_parameter_line_of_another_form_is_refused(tmp_path, line):
    notebook = Notebook.read(write_iteration(tmp_path, parameters=f"seed: int = 1\n{line}"))
    with pytest.raises(
        DefinitionsError, match="^01_small: every line of its cell parameters must be `name: type"
    ):
        assert notebook.parameters


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("epochs", "15", 15),
        ("rotation", "1e-3", 0.001),
        ("rotation", "7", 7.0),
        ("nesterov", "true", True),
        ("nesterov", "False", False),
        ("device", "cpu", "cpu"),
        ("device", "1", "1"),
    ],
)
def test_text_is_read_as_the_declared_type(tmp_path, name, text, value):
    (converted,) = Notebook.read(write_iteration(tmp_path)).convert({name: text}).values()
    assert converted == value and type(converted) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("epochs", "fifteen", "epochs = 'fifteen'.*integer"),
        ("epochs", "1.5", "epochs = '1.5'.*integer"),
        ("epochs", None, "epochs = None.*integer"),
        ("rotation", "a lot", "rotation = 'a lot'.*number"),
        ("nesterov", "perhaps", "nesterov = 'perhaps'.*boolean"),
        ("device", 1, "device = 1.*string"),
        ("epochs", "-1", "epochs = -1: .*greater than or equal to 1"),
        ("batch_size", "0", "batch_size = 0: .*greater than or equal to 1"),
        ("rotation", "nan", "rotation = nan: "),
        ("rotation", "181", "rotation = 181.0: .*less than or equal to 180"),
        ("seed", "-1", "seed = -1: .*greater than or equal to 0"),
        ("profile", "ful", "profile = 'ful': .*'fast' or 'full'"),
        ("dataset", "cifar", "dataset = 'cifar': .*'auto', 'mnist' or 'digits'"),
    ],
)
def test_a_bad_value_is_refused_naming_it_and_what_is_allowed(tmp_path, name, value, words):
    with pytest.raises(DefinitionsError, match=f"^01_small.*{words}") as error:
        load_definitions(write_iteration(tmp_path), {name: value})
    assert "\n" not in str(error.value)


def test_an_unknown_parameter_is_refused_with_the_closest_or_all(tmp_path):
    path = write_iteration(tmp_path)
    assert complaint(path, {"rotaton": 1.0}) == "01_small has no parameter 'rotaton'; did you mean rotation?"
    assert complaint(path, {"zzz": 1}).endswith(f"it has {', '.join(Notebook.read(path).parameters)}")


@pytest.mark.parametrize("tag", ["imports", "target", "settings", "network"])
def test_an_error_in_a_cell_is_one_line_that_names_notebook_and_cell(tmp_path, tag):
    assert complaint(write_iteration(tmp_path, **{tag: "1 / 0"})).startswith(
        f"01_small, cell {tag}: ZeroDivisionError"
    )
    assert complaint(write_iteration(tmp_path, **{tag: "x ="})).startswith(
        f"01_small, cell {tag}: SyntaxError"
    )
    assert complaint(write_iteration(tmp_path, **{tag: "exit_now"})).startswith(
        f"01_small, cell {tag}: NameError"
    )


def test_leaving_the_interpreter_is_an_error_of_the_cell(tmp_path):
    assert "cell settings: SystemExit" in complaint(write_iteration(tmp_path, settings="raise SystemExit(3)"))


@pytest.mark.parametrize(
    ("tag", "source", "name"),
    [
        ("target", "notebook = '01_small'", "target"),
        ("target", "target = Target()", "notebook"),
        ("settings", "config = {}", "config"),
        ("network", "Net = None", "Net"),
    ],
)
def test_a_definition_that_is_missing_is_named(tmp_path, tag, source, name):
    assert f"define no {name} " in complaint(write_iteration(tmp_path, **{tag: source}))


def test_a_missing_cell_is_named(tmp_path):
    path = write_notebook(tmp_path, "x", [("imports", "")])
    assert complaint(path) == "x: no cell is tagged target"


def test_a_network_that_cannot_be_made_is_an_error_of_the_notebook(tmp_path):
    message = complaint(
        write_iteration(tmp_path, network="class Net(nn.Module):\n    def __init__(self, width): ...")
    )
    assert message.startswith("01_small, Net: TypeError")


def test_a_file_that_is_no_notebook_is_named(tmp_path):
    text = tmp_path / "x.ipynb"
    text.write_text("no JSON")
    assert complaint(text).startswith(f"{text}: not a notebook")
    assert (
        complaint(tmp_path / "y.ipynb")
        == f"{tmp_path / 'y.ipynb'}: cannot be read (No such file or directory)"
    )


def test_only_an_iteration_has_a_cell_tagged_network(tmp_path):
    assert Notebook.read(write_iteration(tmp_path)).is_iteration
    assert not Notebook.read(write_other(tmp_path)).is_iteration


def test_a_notebook_that_was_written_anew_is_read_anew(tmp_path):
    first = load_definitions(write_iteration(tmp_path))
    path = write_iteration(tmp_path, parameters=f"{PARAMETERS}\nadded: int = 3")
    assert "added" in Notebook.read(path).parameters and load_definitions(path).notebook == first.notebook
