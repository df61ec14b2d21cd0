"""MobileNetV2 and RadImageNet's ResNet-50, with the real architectures."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from ActiveSeedLib.errors import InputError, MissingDependencyError
from ActiveSeedLib.features.encoder import make_encoder
from ActiveSeedLib.features.network import NetworkEncoder
from ActiveSeedLib.features.network_mobilenet import MobileNetV2
from ActiveSeedLib.features.network_resnet import ResNet50
from ActiveSeedLib.features.weights import known
from ActiveSeedLib.pool.case import Geometry, Image

from .images import cohort, nearest, noise


@pytest.fixture
def mobilenet_file(shared: Path) -> Path:
    return shared / "weights" / "mobilenet_v2_imagenet_dequant.npz"


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# MobileNetV2


def test_the_shared_weights_are_the_known_ones(shared: Path) -> None:
    for line in (shared / "weights" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((shared / "weights" / name).read_bytes()).hexdigest() == digest
        if name.endswith(".npz"):
            assert known("mobilenet-v2-tf").sha256 == digest


def test_mobilenet_agrees_with_the_reference(mobilenet_file: Path) -> None:
    reference = json.loads(mobilenet_file.with_name("mobilenet_v2_reference.json").read_text())
    encoder = make_encoder("mobilenet", {"weights": str(mobilenet_file), "device": "cpu"})
    network = MobileNetV2(1001).eval()
    with np.load(mobilenet_file, allow_pickle=False) as arrays:
        network.load_state_dict({k: torch.from_numpy(arrays[k]) for k in arrays.files})
    wave = np.sin(np.float32(0.001) * np.arange(150528, dtype=np.float32))
    batch = torch.from_numpy(wave.reshape(1, 3, 224, 224))
    with torch.inference_mode():
        features = network(batch)[0].numpy()
        best = int(network.logits(batch).argmax())
    tolerance = reference["tolerance"]
    np.testing.assert_allclose(features[:8], reference["pooled_features_first8"], atol=tolerance)
    assert features.mean() == pytest.approx(reference["pooled_features_mean"], abs=tolerance)
    assert best == reference["argmax"]
    assert encoder.dimension == 1280
    assert encoder.provenance["preprocessing"] == "minus-one-to-one"
    assert encoder.provenance["licence"] == "Apache-2.0"


def test_mobilenet_is_torchvisions_in_size() -> None:
    assert parameters(MobileNetV2(1000)) == 3_504_872


def test_mobilenet_neighbours_share_the_finding(mobilenet_file: Path, shared: Path) -> None:
    images, facts = cohort(shared, "cxr_lung")
    images, facts = images[::5], facts[::5]
    encoder = make_encoder("mobilenet", {"weights": str(mobilenet_file)})
    vectors = encoder.encode(images)
    patients = np.unique([fact["patient"] for fact in facts], return_inverse=True)[1]
    finding = np.array([fact["finding"] for fact in facts])
    assert (finding[nearest(vectors, patients)] == finding).mean() > 0.6  # chance is 0.5
    # Whatever is encoded together: the same vector to the last bit.
    np.testing.assert_array_equal(encoder.encode(images[3:5]), vectors[3:5])


def test_a_volume_is_the_mean_of_its_slices(mobilenet_file: Path) -> None:
    encoder = make_encoder("mobilenet", {"weights": str(mobilenet_file), "slices": 3})
    volume = Image((noise(0, (3, 64, 64)).array > 100).astype(np.uint8), Geometry((64, 64, 3)))
    singles = [Image(page[None], Geometry((64, 64, 1))) for page in volume.array]
    found = encoder.encode([volume, *singles])
    np.testing.assert_allclose(found[0], found[1:].mean(axis=0), atol=1e-5)


def test_torchvision_weights_bring_their_own_preprocessing(
    tmp_path: Path, mobilenet_file: Path
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "mine.pth"
    torch.save(MobileNetV2(7).state_dict(), path)
    encoder = make_encoder("mobilenet", {"weights": str(path)})
    assert encoder.provenance["preprocessing"] == "imagenet"
    other = make_encoder("mobilenet", {"weights": str(path), "entry": "mobilenet-v2-tf"})
    tf = make_encoder("mobilenet", {"weights": str(mobilenet_file)})
    assert len({encoder.hash, other.hash, tf.hash}) == 3
    assert make_encoder("mobilenet", {"weights": str(path)}).hash == encoder.hash
    image = noise(1)
    assert not np.allclose(encoder.encode([image]), other.encode([image]))


# What the user may have wrong


def test_missing_weights_say_what_to_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    monkeypatch.delenv("ACTIVESEED_DATA", raising=False)
    with pytest.raises(MissingDependencyError, match="mobilenet_v2_imagenet") as found:
        make_encoder("mobilenet")
    assert str(tmp_path) in str(found.value)
    with pytest.raises(MissingDependencyError, match="radimagenet-resnet50-keras"):
        make_encoder("radimagenet")
    with pytest.raises(InputError, match="There is no weights file"):
        make_encoder("mobilenet", {"weights": str(tmp_path / "none.pth")})


def test_weights_are_found_in_the_data_folder(
    tmp_path: Path, monkeypatch, mobilenet_file: Path
) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("ACTIVESEED_DATA", str(mobilenet_file.parents[1]))
    assert make_encoder("mobilenet").provenance["file"] == mobilenet_file.name


def test_a_changed_published_file_is_refused(
    tmp_path: Path, monkeypatch, mobilenet_file: Path
) -> None:
    monkeypatch.setenv("ACTIVESEED_WEIGHTS", str(tmp_path))
    data = bytearray(mobilenet_file.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / mobilenet_file.name).write_bytes(data)
    with pytest.raises(InputError, match="is not the published mobilenet-v2-tf"):
        make_encoder("mobilenet")


@pytest.mark.parametrize("name", ["cut.npz", "cut.pth", "code.pth", "number.pth", "keras.h5"])
def test_files_that_are_no_weights_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "code.pth":
        torch.save({"conv": torch.nn.Linear(2, 2)}, path)  # a pickled module, not tensors
    elif name == "number.pth":
        torch.save({"epoch": 3}, path)
    else:
        path.write_bytes(b"PK\x03\x04 not whole")
    for encoder in ("mobilenet", "radimagenet"):
        with pytest.raises(InputError, match=name):
            make_encoder(encoder, {"weights": str(path)})


def test_weights_of_another_network_are_refused(tmp_path: Path, mobilenet_file: Path) -> None:
    with pytest.raises(InputError, match=r"does not fit the network ResNet50: .* missing"):
        make_encoder("radimagenet", {"weights": str(mobilenet_file)})
    with pytest.raises(InputError, match="belong to the encoder radimagenet"):
        make_encoder("mobilenet", {"entry": "radimagenet-resnet50-keras"})
    with pytest.raises(InputError, match="must be at least 1"):
        make_encoder("mobilenet", {"weights": str(mobilenet_file), "slices": 0})
    with pytest.raises(InputError, match="no device called 'tpu9'"):
        make_encoder("mobilenet", {"weights": str(mobilenet_file), "device": "tpu9"})


# ResNet-50


@pytest.fixture(scope="module", params=["keras", "torch"])
def resnet(request) -> ResNet50:
    """A network with random weights, whose batch norms do something."""
    torch.manual_seed(1)
    network = ResNet50(keras=request.param == "keras").eval()
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.1)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
    return network


def by_hand(state: dict[str, torch.Tensor], batch: torch.Tensor, keras: bool) -> torch.Tensor:
    """ResNet-50 written a second time, as table 1 of He et al. reads."""
    epsilon = 1.001e-5 if keras else 1e-5

    def unit(x: torch.Tensor, conv: str, norm: str, stride: int, padding: int) -> torch.Tensor:
        x = functional.conv2d(
            x, state[f"{conv}.weight"], state.get(f"{conv}.bias"), stride, padding
        )
        shape = (1, -1, 1, 1)
        x = (x - state[f"{norm}.running_mean"].reshape(shape)) / torch.sqrt(
            state[f"{norm}.running_var"].reshape(shape) + epsilon
        )
        return x * state[f"{norm}.weight"].reshape(shape) + state[f"{norm}.bias"].reshape(shape)

    x = unit(batch, "conv1", "bn1", 2, 3).relu()
    x = functional.max_pool2d(x, 3, 2, 1)
    for layer, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            at = f"layer{layer}.{block}."
            stride = 2 if layer > 1 and block == 0 else 1
            one, three = (stride, 1) if keras else (1, stride)
            y = unit(x, at + "conv1", at + "bn1", one, 0).relu()
            y = unit(y, at + "conv2", at + "bn2", three, 1).relu()
            y = unit(y, at + "conv3", at + "bn3", 1, 0)
            if block == 0:
                x = unit(x, at + "downsample.0", at + "downsample.1", stride, 0)
            x = (x + y).relu()
    assert x.shape[1:] == (2048, 7, 7)
    return x.mean(dim=(2, 3))


def test_resnet_computes_what_the_paper_says(resnet: ResNet50) -> None:
    keras = resnet.conv1.bias is not None
    # Keras's ResNet50 without top has 23,587,712 values, of which 53,120 are running statistics;
    # torchvision's has 25,557,032 with a classifier of 2,049,000.
    assert parameters(resnet) == (23_534_592 if keras else 23_508_032)
    batch = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = by_hand(resnet.state_dict(), batch, keras)
        found = resnet(batch)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_radimagenet_files_of_both_kinds_load(resnet: ResNet50, tmp_path: Path) -> None:
    keras = resnet.conv1.bias is not None
    state = dict(resnet.state_dict())
    if not keras:  # as RadImageNet publishes it: a sequence called backbone
        number = {"conv1": 0, "bn1": 1, "layer1": 4, "layer2": 5, "layer3": 6, "layer4": 7}
        state = {
            f"backbone.{number[name.partition('.')[0]]}.{name.partition('.')[2]}": value
            for name, value in state.items()
        }
    state = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    path = tmp_path / "weights.pt"
    torch.save(state, path)
    encoder = make_encoder("radimagenet", {"weights": str(path), "slices": 1})
    assert encoder.dimension == 2048
    expected = "bgr-minus-mean" if keras else "minus-one-to-one"
    assert encoder.provenance["preprocessing"] == expected
    vector = encoder.encode([noise(3, (1, 224, 224))])
    assert vector.shape == (1, 2048)
    wrong = "radimagenet-resnet50-" + ("torch" if keras else "keras")
    with pytest.raises(InputError, match="does not fit the network ResNet50"):
        make_encoder("radimagenet", {"weights": str(path), "entry": wrong})
    if not keras:
        entry = "radimagenet-resnet50-torch-imagenet-input"
        other = make_encoder("radimagenet", {"weights": str(path), "entry": entry})
        assert other.provenance["preprocessing"] == "imagenet"
        assert other.hash != encoder.hash


def test_grey_reaches_the_network_as_each_entry_says(tmp_path: Path) -> None:
    """A network that returns its mean input shows what preprocessing made of a grey value."""

    class Mean(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch.mean(dim=(2, 3))

    array = np.zeros((1, 224, 224))
    array[0, :112] = 1  # mean grey 0.5
    expected = {
        "minus-one-to-one": [0, 0, 0],
        "imagenet": [(0.5 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0.5 - 0.406) / 0.225],
        "bgr-minus-mean": [0.5 - 0.406, 0.5 - 0.456, 0.5 - 0.485],
    }
    for name, values in expected.items():
        encoder = NetworkEncoder(
            "mean",
            Mean(),
            3,
            preprocessing=name,
            slices=1,
            device="cpu",
            provenance={"sha256": "0"},
        )
        vector = encoder.encode([Image(array, Geometry((224, 224, 1)))])
        np.testing.assert_allclose(vector[0], values, atol=1e-4)
