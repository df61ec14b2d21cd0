"""The encoder `radimagenet`: ResNet-50 trained on 1.35 million radiological images.

Light; torch comes with its making. Public weights exist in two shapes and their preprocessing is
stated in three ways, so each way is an entry of `weights.KNOWN` and is recorded with the features.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ActiveSeedLib.features import weights
from ActiveSeedLib.features.encoder import Encoder, encoders
from ActiveSeedLib.files import sha256

if TYPE_CHECKING:
    from torch import Tensor

_STEM = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""Where torchvision's ResNet has its parts in RadImageNet's sequence `backbone`."""


@dataclass(frozen=True)
class RadImageNetParameters:
    """What can be chosen about `radimagenet`."""

    weights: str = field(
        default="", metadata={"help": "weights file (.pth, .pt); empty: look in the usual places"}
    )
    entry: str = field(
        default="auto",
        metadata={
            "help": "radimagenet-resnet50-keras, radimagenet-resnet50-torch or "
            "radimagenet-resnet50-torch-imagenet-input: decides preprocessing"
        },
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or cuda"})
    slices: int = field(default=8, metadata={"help": "slices taken of a volume"})


@encoders.register(
    "radimagenet",
    summary="ResNet-50 trained on RadImageNet (CT, MR, ultrasound); needs a weights file.",
    citation="Mei et al., RadImageNet, Radiol. Artif. Intell. 2022, doi:10.1148/ryai.210315",
    parameters=RadImageNetParameters,
    needs="torch, weights",
    weights=", ".join(entry.name for entry in weights.choices("radimagenet", "auto")),
)
def make_radimagenet(parameters: RadImageNetParameters) -> Encoder:
    """Return the encoder, its weights found and loaded; `InputError` says what is missing."""
    entries = weights.choices("radimagenet", parameters.entry)
    entry = entries[0]
    if parameters.weights:
        path = Path(parameters.weights)
    else:
        entry, path = weights.find(entries)

    from ActiveSeedLib.features import network, network_resnet

    state = torchvision_names(network.read_state(path))
    if parameters.weights and parameters.entry == "auto":
        # Only Keras gives its convolutions a bias.
        kind = "keras" if "conv1.bias" in state else "torch"
        entry = weights.known(f"radimagenet-resnet50-{kind}")
    net = network_resnet.ResNet50(keras=entry.name == "radimagenet-resnet50-keras")
    network.load_strictly(net, state, path)
    return network.NetworkEncoder(
        "radimagenet",
        net,
        network_resnet.DIMENSION,
        preprocessing=entry.preprocessing,
        slices=parameters.slices,
        device=parameters.device,
        provenance=weights.provenance(entry, path, sha256(path)),
    )


def torchvision_names(state: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """Return `state` under torchvision's names, without a classifier."""
    renamed = {}
    for original, value in state.items():
        name = original
        if name.startswith("backbone."):
            number, _, rest = name.removeprefix("backbone.").partition(".")
            name = f"{_STEM.get(number, number)}.{rest}"
        if not name.startswith("fc."):
            renamed[name] = value
    return renamed
