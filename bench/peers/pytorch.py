"""PyTorch on the work that bench/run.ts measures: one process, or two under DistributedDataParallel over gloo, one thread each.

    pytorch.py mlp|cnn one|two STEPS        prints {"version": …, "samplesPerSecond": …}
"""
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import torch
import torch.distributed
import torch.multiprocessing
from torch import nn

BATCH = 128
WARM_UP = 5


# As bench/networks.ts has them: the shape of a sample, and the model.
NETWORKS = {
    "mlp": lambda: (
        (784,),
        nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)),
    ),
    "cnn": lambda: (
        (1, 28, 28),
        nn.Sequential(
            *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)),
        ),
    ),
}


def train(rank, network, processes, steps, port):
    torch.set_num_threads(1)
    shape, model = NETWORKS[network]()
    if processes > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
        torch.distributed.init_process_group("gloo", rank=rank, world_size=processes)
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    images = torch.randn(BATCH, *shape)
    labels = torch.randint(0, 10, (BATCH,))
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            if processes > 1:
                torch.distributed.barrier()
            begin = time.perf_counter()
        optimizer.zero_grad()
        loss_function(model(images), labels).backward()
        optimizer.step()
    seconds = time.perf_counter() - begin
    if rank == 0:
        print(json.dumps({"version": torch.__version__, "samplesPerSecond": BATCH * processes * steps / seconds}), flush=True)
    if processes > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    processes = {"one": 1, "two": 2}[sys.argv[2]]
    arguments = (sys.argv[1], processes, int(sys.argv[3]), 20000 + os.getpid() % 20000)
    if processes == 1:
        train(0, *arguments)
    else:
        torch.multiprocessing.spawn(train, args=arguments, nprocs=processes)
