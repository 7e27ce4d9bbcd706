"""Started twice by test_distributed.py under torchrun: two steps on different batches, then both ranks compare what
they hold."""

import numpy as np
import torch
import torch.distributed as dist

from training.distributed import Ranks, ranks
from training.losses.uv import LossWeights
from training.models.avatar import ModelConfig
from training.samples import make_batch, pack, unpack
from training.tests.test_train import masks, random_sample
from training.train import TrainConfig, Trainer

torch.set_num_threads(1)


def gathered(value: torch.Tensor) -> list[torch.Tensor]:
    parts = [torch.empty_like(value) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, value)
    return parts


def compare(among: Ranks) -> None:
    trainer = Trainer(ModelConfig.load("nano-128"), TrainConfig(warmup_steps=1), LossWeights(), masks(), among)
    flat = lambda: torch.cat([p.detach().flatten() for p in trainer.avatar.parameters()])
    before = flat()
    batch = make_batch([unpack(pack(random_sample(7 + among.rank, 1)))], 1, 1, np.random.default_rng(0))
    losses = [trainer.step(batch, 0.0)["total"] for _ in range(2)]
    first = gathered(torch.tensor([losses[0]]))
    weights = gathered(flat())
    clock = among.agree(float(among.rank + 5))
    if among.leads:
        assert first[0] != first[1], "both ranks met the same batch"
        assert torch.equal(*weights), "the ranks have drifted apart"
        assert (weights[0] - before).abs().max() > 0, "nothing was learned"
        print("two ranks agree", clock)


with ranks() as among:
    compare(among)  # in a function: the trainer, which holds the group, must be gone before the group is
