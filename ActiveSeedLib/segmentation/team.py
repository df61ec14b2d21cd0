"""Processes that train one network together: each takes its share of every batch.

What they compute is the training of a single process with the same batches: statistics of batch
norm, loss and gradients are those of the whole batch. Two things differ: the order of sums, and
which features dropout drops, as each process draws for itself.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed
from torch.distributed.nn import functional as differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from ActiveSeedLib.errors import CancelledError

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Alone:
    """A team of one: everything is its own.

    Attributes:
        size: processes in the team.
        rank: which of them this one is, from 0.
        leads: whether this one writes the files.
        is_shared: whether the batch at hand is divided among the processes.
    """

    size = 1
    rank = 0
    is_shared = False

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return which of the `count` samples of the next batch this process computes."""
        del count
        return slice(None)

    def joined(self, model: torch.nn.Module) -> torch.nn.Module:
        """Return `model` for training: what computes, on weights that stay equal everywhere."""
        return model

    def loss(self, loss: Loss, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of the whole batch; `logits` and `labels` are this process's share."""
        return loss(logits, labels)

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """Return what to begin the backward pass with, so that it gives the batch's gradients."""
        return loss

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over the processes."""
        return values

    def check(self) -> None:
        """Raise `CancelledError` in every process once the user asked to stop.

        For a team of one its reports of progress do so.
        """


class Team(Alone):
    """A process's place among those that torchrun began; see `member.py`.

    Args:
        rank: see `Alone`.
        size: see `Alone`.
        stopping: asked in the leading process; whether the user asked to stop.
    """

    def __init__(self, rank: int, size: int, stopping: Callable[[], bool]) -> None:
        self.rank, self.size = rank, size
        self._stopping = stopping
        self._count, self._place = 0, slice(None)

    def share(self, count: int) -> slice:
        """Return every `size`-th sample; all of a batch that has fewer samples than processes."""
        self._count = count
        self.is_shared = count >= self.size
        self._place = slice(self.rank, count, self.size) if self.is_shared else slice(None)
        return self._place

    def joined(self, model: torch.nn.Module) -> torch.nn.Module:
        """Return the model with shared norms and gradients that are averaged over the team."""
        _share_norms(model, self)
        parallel = torch.nn.parallel.DistributedDataParallel
        return cast("torch.nn.Module", parallel(model, broadcast_buffers=False))

    def loss(self, loss: Loss, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of the whole batch, which is gathered: Dice is no sum over samples."""
        if not self.is_shared:
            return loss(logits, labels)
        count, place = self._count, self._place
        return loss(_gather(logits, count, place), _gather(labels, count, place))

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss times what turns the average of the shares' gradients into their sum."""
        return loss * self.size if self.is_shared else loss

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over the processes."""
        sums = torch.from_numpy(np.array(values, dtype=np.float64))
        distributed.all_reduce(sums)
        return sums.numpy()

    def check(self) -> None:
        """Raise `CancelledError` in every process once the user asked to stop."""
        stop = torch.tensor([int(self.leads and self._stopping())])
        distributed.broadcast(stop, src=0)
        if stop.item():
            raise CancelledError


class SharedBatchNorm(_BatchNorm):
    """Batch norm over the samples of all processes, forwards and backwards, on CPU and GPU.

    PyTorch's own (`SyncBatchNorm`) runs on GPUs only.
    """

    def __init__(self, norm: _BatchNorm, team: Team) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        self.load_state_dict(norm.state_dict())
        self.to(norm.weight.device)
        self._team = team

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - torch's own name
        """Normalise (B, C, ...) with the mean and variance of the whole batch in training."""
        if not (self.training and self._team.is_shared):
            return super().forward(input)
        values = input.float()
        axes = [0, *range(2, input.ndim)]
        shape = (1, -1, *(1,) * (input.ndim - 2))
        own = values.new_tensor([values.numel() / values.shape[1]])
        sums = _sum(torch.cat([values.sum(axes), own]))
        count = sums[-1]
        mean = sums[:-1] / count
        centred = values - mean.view(shape)
        variance = _sum(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        result: torch.Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return result.to(input.dtype)

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        statistics: Any = self
        statistics.num_batches_tracked.add_(1)
        statistics.running_mean.lerp_(mean, self.momentum)
        statistics.running_var.lerp_(variance, self.momentum)

    def _check_input_dim(self, input: torch.Tensor) -> None:  # noqa: A002 - torch's own name
        """Take any number of axes."""


def _sum(values: torch.Tensor) -> torch.Tensor:
    """Return the sum over the processes, through which gradients flow."""
    return cast("torch.Tensor", cast("Any", differentiable).all_reduce(values))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, count: int, place: slice) -> torch.Tensor:
        ctx.place = place
        whole = own.new_zeros((count, *own.shape[1:]))
        whole[place] = own
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        # every process has the loss of the whole batch, and sends its gradient to its own share
        return gradients[0][ctx.place], None, None


def _gather(own: torch.Tensor, count: int, place: slice) -> torch.Tensor:
    """Return the samples of all processes, in the batch's order."""
    return cast("torch.Tensor", cast("Any", _Gather).apply(own, count, place))


def _share_norms(module: torch.nn.Module, team: Team) -> None:
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SharedBatchNorm(child, team))
        else:
            _share_norms(child, team)
