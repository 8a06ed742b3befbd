"""Where `textgen train` puts the model."""

from textgen.cli.training import destination as destinations
from textgen.errors import ModelExistsError
from textgen.lm.storage.model_file import load_model, save_model
from textgen.lm.storage.store import list_models, models_folder


def test_a_second_training_takes_the_next_name(train):
    train()
    done = train()
    assert "cats-char-2" in done.err
    assert sorted(path.stem for path in list_models()) == ["cats-char", "cats-char-2"]


def test_force_replaces_the_model(train):
    train("--name", "mine")
    first = (models_folder() / "mine.safetensors").read_bytes()
    assert train("--name", "mine", "--force", "--seed", "5").code == 0
    assert (models_folder() / "mine.safetensors").read_bytes() != first
    assert len(list_models()) == 1


def test_a_path_of_the_users_own(train, tmp_path):
    path = tmp_path / "my model.safetensors"
    done = train("--output", path)
    assert done.code == 0
    assert load_model(path).level == "char"
    assert f'textgen sample --model "{path}"' in done.err
    assert list_models() == []


def test_a_name_taken_meanwhile_costs_no_work(train, monkeypatch):
    """Another process may save under the name while this one trains."""

    def save_late(model, path, *, overwrite):
        if path.name == "mine.safetensors":
            raise ModelExistsError(f"{path} exists already")
        save_model(model, path, overwrite=overwrite)

    def note_taken(path):
        return path.with_name("mine-2.safetensors")

    monkeypatch.setattr(destinations, "save_model", save_late)
    monkeypatch.setattr(destinations, "free_path", note_taken)
    done = train("--name", "mine")
    assert done.code == 0
    assert "textgen sample --model mine-2" in done.err
    assert load_model(models_folder() / "mine-2.safetensors")
