"""recognition: which network is built, what of a picture it sees, and its defaults."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from helpers.sources import CASES, write_identities
from pipeline.core.weights_file import Weights
from pipeline.features.aligned.networks import pyramid, vggface
from pipeline.features.pretrained import with_weights
from pipeline.networks.face_resnet import FaceResNet, across, normalise_faces
from pipeline.networks.vgg_face import VggFace, normalise_images
from pipeline.pretraining.sources import recognition
from pipeline.pretraining.sources._shared.faces import loader
from pipeline.pretraining.sources._shared.networks import built
from pipeline.pretraining.sources._shared.reading import IDENTITIES, read_pictures
from pipeline.training.task import Run

SETTINGS = CASES["recognition"][1]


def params(network: str = "vggface", **changes) -> recognition.Params:
    return recognition.Params(**{**SETTINGS, "network": network, **changes})


@pytest.mark.parametrize(("network", "px", "dropout"), [("vggface", 224, 0.5), ("pyramid", 112, 0.0)])
def test_defaults_are_the_published_networks(network, px, dropout):
    found = recognition.Params(
        **{k: v for k, v in SETTINGS.items() if k not in ("size", "dropout")} | {"network": network, "width": 1}
    )
    assert found.px == px
    with torch.device("meta"):
        module, shape, *_ = built(network, 7, found.width, found.px, found.dropout, 0)
    assert shape["size"] == px
    assert {layer.p for layer in module.modules() if isinstance(layer, torch.nn.Dropout)} == {dropout}


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("network", ["vggface", "pyramid"])
def test_dropout_as_it_is_set(network, dropout):
    module = built(network, 3, 0.0625, 40, dropout, 0).network
    assert {layer.p for layer in module.modules() if isinstance(layer, torch.nn.Dropout)} == {dropout}


def test_the_face_resnet_sees_the_middle_of_the_square():
    pictures = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8)
    resnet, vgg = (built(network, 3, 0.0625, 112, 0, 0).normalise for network in ("pyramid", "vggface"))
    assert torch.equal(resnet(pictures), normalise_faces(pictures[..., 8:104]))
    assert torch.equal(vgg(pictures), normalise_images(pictures, "face"))
    assert resnet(pictures[..., :64, :64]).shape == (2, 3, 64, across(64))


@pytest.mark.parametrize("changes", [{"network": "resnet"}, {"width": 0}, {"size": 37}, {"dropout": 1}])
def test_settings_that_make_no_network(changes):
    with pytest.raises(ValidationError):
        params(**changes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "build", "plugin"), [("vggface", VggFace, vggface), ("pyramid", FaceResNet, pyramid)]
)
def test_weights_of_either_network_fill_the_plugin_of_its_name(tmp_path, network, build, plugin):
    torch.set_num_threads(1)
    root = write_identities(tmp_path / "faces", 4)
    short = params(network, size=40, loop={**SETTINGS["loop"], "epochs": 1})
    trained = recognition.train(root, short, Run())
    assert trained.config["input"]["size"] == 40
    whole = build(**trained.config["network"])
    whole.load_state_dict(trained.state)
    weights = Weights(dict(trained.state), dict(trained.config), "", "")
    filled = with_weights(plugin.network(plugin.Params(size=40), trained.config["network"]), "x", weights, tmp_path)
    faces = torch.randint(0, 256, (1, 2, 50, 43, 3), dtype=torch.uint8)
    inputs = plugin.prepare(plugin.Params(size=40), faces)
    with torch.inference_mode():
        torch.testing.assert_close(filled.layers(inputs)[-1][0], whole.eval().features(inputs[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_with_batch_norm_the_weights_are_those_of_the_published_layout(tmp_path):
    root = write_identities(tmp_path / "faces", 8)
    loop = {**SETTINGS["loop"], "epochs": 4, "batch": 8, "learning_rate": 0.001}
    trained = recognition.train(root, params(size=40, width=0.125, batch_norm=True, loop=loop), Run())
    assert min(row["loss"] for row in trained.history) < 0.9 * trained.history[0]["prior_loss"]
    whole = VggFace(**trained.config["network"])
    assert {name: one.shape for name, one in whole.state_dict().items()} == {
        name: one.shape for name, one in trained.state.items()
    }
    whole.load_state_dict(trained.state)
    held = read_pictures(root, IDENTITIES, SETTINGS["held_out"], loader(None, 40, Run()), Run()).held
    with torch.inference_mode():
        found = whole.eval()(normalise_images(held.inputs[torch.arange(len(held.labels))], "face")).argmax(1)
    right = float((found == held.labels).float().mean())
    assert right == pytest.approx(trained.metrics["held_out_identity_accuracy"], abs=1e-3)
