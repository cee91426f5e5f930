"""PyTorch on the work that bench/gpu/works.ts lists, on one CUDA GPU: forward, loss, backward and a fused Adam or AdamW, all on the device.

    cuda.py device                               prints {"device": NAME or null}
    cuda.py '[{"name", "rows", "steps"}, …]'     prints samples (or tokens) a second of each: [{"float32": …, "tf32": …, "mixed": …}, …]
"""
import contextlib
import json
import sys
import time

import torch
from torch import nn

from pytorch import NETWORKS
from transformer import POSITIONS, TOKENS, Transformer

WARM_UP = 20


def wide():
    layers = []
    for _ in range(3):
        layers += [nn.Linear(2048, 2048), nn.ReLU()]
    return (2048,), nn.Sequential(*layers, nn.Linear(2048, 10))


def deep():
    layers = []
    for channels in (3, 64, 64, 64):
        layers += [nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU()]
    return (3, 32, 32), nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64 * 4 * 4, 10))


def work(name, rows):
    """The model, what it reads, its labels, the optimizer's class and how many samples or tokens a step has."""
    if name == "transformer":
        shape = (rows, POSITIONS)
        features, labels = (torch.randint(0, TOKENS, shape, device="cuda") for _ in range(2))
        return Transformer().cuda(), features, labels.flatten(), torch.optim.AdamW, rows * POSITIONS
    shape, model = {**NETWORKS, "wide": wide, "deep": deep}[name]()
    features = torch.randn(rows, *shape, device="cuda")
    return model.cuda(), features, torch.randint(0, 10, (rows,), device="cuda"), torch.optim.Adam, rows


def measure(name, rows, steps, mode):
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = mode == "tf32"
    model, features, labels, optimizer_class, units = work(name, rows)
    optimizer = optimizer_class(model.parameters(), lr=1e-3, fused=True)
    scaler = torch.amp.GradScaler("cuda", enabled=mode == "mixed")
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            torch.cuda.synchronize()
            begin = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.float16) if mode == "mixed" else contextlib.nullcontext():
            outputs = model(features)
            if outputs.dim() == 3:
                outputs = outputs.flatten(0, 1)
            loss = nn.functional.cross_entropy(outputs, labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    torch.cuda.synchronize()
    return units * steps / (time.perf_counter() - begin)


if __name__ == "__main__":
    if sys.argv[1] == "device":
        print(json.dumps({"device": torch.cuda.get_device_name() if torch.cuda.is_available() else None}))
    else:
        works = json.loads(sys.argv[1])
        print(json.dumps([{mode: measure(mode=mode, **work) for mode in ("float32", "tf32", "mixed")} for work in works]))
