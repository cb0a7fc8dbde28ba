"""Trains, unlearns and retrains a small network on digits with nothing but PyTorch; Unlearnscope is not imported.

python plain_unlearning.py FOLDER [class|sample]
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

folder, task = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "class"

# The digits as files: train/5/0007.png is read by its place among the sorted names, here and in Unlearnscope.
digits = load_digits()
for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
    path = folder / "digits" / ("test" if number % 4 == 0 else "train") / str(label) / f"{number:04}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((image * 15).astype(np.uint8)).save(path)


def read(split):
    files = sorted((folder / "digits" / split).glob("*/*.png"))
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    return torch.tensor(pixels)[:, None] / 255, torch.tensor([int(file.parent.name) for file in files])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(2)),
            nn.Flatten(),
        )
        self.fc = nn.Linear(256, 10)

    def forward(self, images):
        return self.fc(self.layers(images))


def fit(net, images, labels, epochs, lr):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(64):
            if len(rows) > 1:
                loss = nn.functional.cross_entropy(net.train()(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return net


def right(net, images, labels):
    with torch.no_grad():
        return int((net.eval()(images).argmax(1) == labels).sum())


(x, y), (x_test, y_test) = read("train"), read("test")
torch.manual_seed(0)
forget = y == 5 if task == "class" else torch.randperm(len(y)) < 100
np.savetxt(folder / "forget.csv", np.flatnonzero(forget), fmt="%d", header="index", comments="")


def save(net, name):
    torch.save({"state_dict": net.state_dict()}, folder / f"{name}.pt")
    return {
        "forget": right(net, x[forget], y[forget]),
        "retain": right(net, x[~forget], y[~forget]),
        "unseen": right(net, x_test, y_test),
    }


said = {"before": save(net := fit(Net(), x, y, epochs=8, lr=0.05), "before")}
for epoch in range(1, 4):  # wrong labels for what is to be forgotten, right ones for the rest
    wrong = torch.where(forget, (y + torch.randint(1, 10, y.shape)) % 10, y)
    said[f"epoch_{epoch}"] = save(fit(net, x, wrong, epochs=1, lr=0.02), f"epoch_{epoch}")
for seed in (1, 2):
    torch.manual_seed(seed)
    said[f"retrained_{seed}"] = save(fit(Net(), x[~forget], y[~forget], epochs=8, lr=0.05), f"retrained_{seed}")
counts = {"forget": int(forget.sum()), "retain": int((~forget).sum()), "unseen": len(y_test)}
(folder / "right.json").write_text(json.dumps({"right": said, "of": counts}, indent=1))
