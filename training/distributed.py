"""One process or many. `torchrun --nproc_per_node=N -m training.train …` starts N ranks, each with its own samples;
else there is one."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn


@dataclass(frozen=True)
class Ranks:
    """This process among all; `device` is its own."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Rank 0 evaluates, logs and saves."""
        return self.rank == 0

    def parallel(self, module: nn.Module) -> nn.Module:
        """`module`, whose gradients are averaged over all ranks."""
        if self.world == 1:
            return module
        own = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=own, find_unused_parameters=True)

    def agree(self, value: float) -> float:
        """Rank 0's value, on every rank: clocks differ, and all must stop after the same step."""
        if self.world == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        dist.broadcast(shared, 0)
        return shared.item()


@contextmanager
def ranks() -> Iterator[Ranks]:
    """Joins the group that torchrun's environment describes: NCCL on CUDA, gloo on processors."""
    world, rank, local = (
        int(os.environ.get(name, default)) for name, default in (("WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0))
    )
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if world > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield Ranks(rank, world, device)
    if world > 1:  # not after an exception: other ranks would be waited for in vain
        dist.barrier()
        # a trainer is full of cycles, and holds on to the group: threads of a group that outlives the interpreter abort
        # it
        gc.collect()
        dist.destroy_process_group()
