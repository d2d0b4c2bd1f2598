#!/bin/sh
# train_torch.sh - training steps of ResNet-20 (3 x 32 x 32, batch 64, 2 threads): this program beside PyTorch (Debian: python3-torch), in
# turns, so that both meet the same load. PyTorch runs in its default layout and channels last; the faster counts. JSON lines, the last
# one has the ratio. Without PyTorch only our own figure is told.
#     make bench-train
set -eu
bench=$1
python=${PYTHON:-/usr/bin/python3}
"$bench" resnet20 64 2
if ! "$python" -c 'import torch' 2>/dev/null; then
    echo '{"group":"train","program":"torch","skipped":"PyTorch is not installed (apt-get install python3-torch)"}'
    exit 0
fi
exec "$python" - "$bench" <<'PY'
import json, subprocess, sys, time
import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH, THREADS, ROUNDS, STEPS = 64, 2, 4, 3
torch.set_num_threads(THREADS)


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.stride, self.grow = stride, cout - cin

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.grow:  # option A: every other pixel, zeros for the new channels
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.grow // 2, self.grow - self.grow // 2))
        return F.relu(y + x)


def network():
    layers, cin = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for cout in (16, 32, 64):
        for k in range(3):
            layers.append(Block(cin, cout, 2 if cout > cin else 1))
            cin = cout
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def step_time(net, opt, x, label):
    start = time.perf_counter()
    for _ in range(STEPS):
        opt.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), label).backward()
        opt.step()
    return (time.perf_counter() - start) / STEPS


torch.manual_seed(1)
cases = {}
for layout in ("contiguous", "channels_last"):
    net, x = network(), torch.randn(BATCH, 3, 32, 32)
    if layout == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    opt = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4, nesterov=True)
    cases[layout] = (net, opt, x, torch.randint(10, (BATCH,)))
best = {k: 1e9 for k in cases}
ours = 0.0
for r in range(ROUNDS):
    for k, case in cases.items():
        for _ in range(3):
            best[k] = min(best[k], step_time(*case))
    line = subprocess.run([sys.argv[1], "resnet20", str(BATCH), str(THREADS)], capture_output=True, text=True, check=True).stdout
    ours = max(ours, json.loads(line)["images_per_s"])
for k, t in best.items():
    print(json.dumps({"group": "train", "program": "torch " + torch.__version__, "layout": k, "network": "resnet20", "batch": BATCH,
                      "threads": THREADS, "step_ms": round(1e3 * t, 2), "images_per_s": round(BATCH / t)}))
theirs = BATCH / min(best.values())
print(json.dumps({"group": "train", "compare": "resnet20", "mixbar_images_per_s": round(ours), "torch_images_per_s": round(theirs),
                  "ratio": round(ours / theirs, 3)}))
PY
