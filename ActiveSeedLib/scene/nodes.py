"""What all nodes of ours have in common: they know their case, and they go without a trace."""

from collections.abc import Iterable
from typing import Any

CASE = "ActiveSeed.case"
"""The attribute of a node that holds the key of its case."""


def add_node(scene: Any, class_name: str, name: str, key: str = "") -> Any:
    """Add a node of the class to the scene; `key` says to which case it belongs."""
    node = scene.AddNewNodeByClass(class_name, name)
    if key:
        node.SetAttribute(CASE, key)
    return node


def remove_nodes(scene: Any, nodes: Iterable[Any]) -> None:
    """Remove nodes with their display and storage nodes; those that are gone already do no harm."""
    for node in nodes:
        if node is None:
            continue
        parts = [node]
        if node.IsA("vtkMRMLDisplayableNode"):
            count = node.GetNumberOfDisplayNodes()
            parts += [node.GetNthDisplayNode(index) for index in range(count)]
        if node.IsA("vtkMRMLStorableNode"):
            count = node.GetNumberOfStorageNodes()
            parts += [node.GetNthStorageNode(index) for index in range(count)]
        for part in parts:
            if part is not None and part.GetScene() is not None:
                scene.RemoveNode(part)


def nodes_of_class(scene: Any, class_name: str) -> list[Any]:
    """Return the nodes of a class in the order of the scene."""
    count = scene.GetNumberOfNodesByClass(class_name)
    return [scene.GetNthNodeByClass(index, class_name) for index in range(count)]
