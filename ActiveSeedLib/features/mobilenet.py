"""The encoder `mobilenet`: MobileNetV2 with ImageNet weights.

Light; torch comes with its making.
"""

from dataclasses import dataclass, field
from pathlib import Path

from ActiveSeedLib.features import weights
from ActiveSeedLib.features.encoder import Encoder, encoders
from ActiveSeedLib.files import sha256


@dataclass(frozen=True)
class MobileNetParameters:
    """What can be chosen about `mobilenet`."""

    weights: str = field(
        default="", metadata={"help": "weights file (.npz, .pth); empty: look in the usual places"}
    )
    entry: str = field(
        default="auto",
        metadata={"help": "mobilenet-v2-tf or mobilenet-v2-torchvision: decides preprocessing"},
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or cuda"})
    slices: int = field(default=8, metadata={"help": "slices taken of a volume"})


@encoders.register(
    "mobilenet",
    summary="MobileNetV2 trained on ImageNet's photographs; small and quick, needs a weights file.",
    citation="Sandler et al., MobileNetV2, CVPR 2018, doi:10.1109/CVPR.2018.00474",
    parameters=MobileNetParameters,
    needs="torch, weights",
    weights=", ".join(entry.name for entry in weights.choices("mobilenet", "auto")),
)
def make_mobilenet(parameters: MobileNetParameters) -> Encoder:
    """Return the encoder, its weights found and loaded; `InputError` says what is missing."""
    entries = weights.choices("mobilenet", parameters.entry)
    if parameters.weights:
        path = Path(parameters.weights)
        # Unless told: numpy files hold the TensorFlow weights, torch files torchvision's.
        name = "mobilenet-v2-tf" if path.suffix == ".npz" else "mobilenet-v2-torchvision"
        entry = entries[0] if parameters.entry != "auto" else weights.known(name)
    else:
        entry, path = weights.find(entries)

    from ActiveSeedLib.features import network, network_mobilenet

    state = network.read_state(path)
    bias = state.get("classifier.1.bias")
    net = network_mobilenet.MobileNetV2(classes=1000 if bias is None else bias.numel())
    network.load_strictly(net, state, path)
    return network.NetworkEncoder(
        "mobilenet",
        net,
        network_mobilenet.DIMENSION,
        preprocessing=entry.preprocessing,
        slices=parameters.slices,
        device=parameters.device,
        provenance=weights.provenance(entry, path, sha256(path)),
    )
