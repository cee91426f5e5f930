"""PyTorch on the work that transformerWork of bench/work.ts is: a causal transformer, forward, loss, backward and AdamW on one thread.

    transformer.py STEPS        prints {"version": …, "tokensPerSecond": …}
"""
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch import nn

POSITIONS, WIDTH, HEADS, LAYERS, TOKENS, BATCH = 64, 128, 4, 4, 83, 32
WARM_UP = 3


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(TOKENS, WIDTH)
        self.positions = nn.Parameter(torch.randn(POSITIONS, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH))
        self.register_buffer("mask", torch.full((POSITIONS, POSITIONS), float("-inf")).triu(1))

    def forward(self, indices):
        x = self.blocks(self.tokens(indices) + self.positions, self.mask)
        return x @ self.tokens.weight.T


def measure(steps):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    indices = torch.randint(0, TOKENS, (BATCH, POSITIONS))
    labels = torch.randint(0, TOKENS, (BATCH, POSITIONS))
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            begin = time.perf_counter()
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(indices).flatten(0, 1), labels.flatten()).backward()
        optimizer.step()
    return BATCH * POSITIONS * steps / (time.perf_counter() - begin)


if __name__ == "__main__":
    print(json.dumps({"version": torch.__version__, "tokensPerSecond": measure(int(sys.argv[1]))}))
