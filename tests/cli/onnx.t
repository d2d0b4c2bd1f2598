#!/bin/sh
# onnx.t - the files that the writer makes pass the checker of python3-onnx (skipped where that is not installed)
. "${top_srcdir:-.}/tests/cli/lib.sh"
python=
for p in python3 /usr/bin/python3; do
    [ -n "$python" ] || ! "$p" -c 'import onnx' 2>/dev/null || python=$p
done
writer=$build/tests/unit/test_onnx_write
if [ -z "$python" ] || [ ! -x "$writer" ]; then
    echo "1..0 # SKIP no Python package onnx (Debian: python3-onnx), or no unit tests"
    exit 0
fi
mkdir files
run env MIXBAR_ONNX_DIR="$work/files" top_srcdir="$src" "$writer"
is 0 "files are written"
cat >check.py <<'END'
import glob, sys
import numpy, onnx
from onnx import numpy_helper
bad = 0
files = sorted(glob.glob("files/*.onnx"))
for f in files:
    try:
        model = onnx.load(f)
        onnx.checker.check_model(model, full_check=True)
        assert model.producer_name == "mixbar" and model.opset_import[0].version == 13
        onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except Exception as e:
        print(f, e)
        bad += 1
print(len(files), "files,", bad, "refused")
model = onnx.load("files/quantised.onnx")
print({p.key: p.value for p in model.metadata_props})

# Other implementations: the reference evaluator of onnx (1.13 and later), and torch by the few operators below.
try:
    from onnx.reference import ReferenceEvaluator
    def reference(model, x):
        return ReferenceEvaluator(model).run(None, {model.graph.input[0].name: x})[0]
except ImportError:
    print("no reference evaluator in onnx", onnx.__version__)
    reference = None
try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("no torch")
    torch = None

def pads(a, n):
    p = a.get("pads", [0] * (2 * n))
    return [q for k in reversed(range(n)) for q in (p[k], p[n + k])]

def pool(x, a, mean):
    k, s, n = a["kernel_shape"], a["strides"], len(a["kernel_shape"])
    d = a.get("dilations", [1] * n)
    p = pads(a, n)
    if a.get("ceil_mode"):
        for j in range(n):
            size = x.shape[2 + j] + p[2 * (n - 1 - j)] + p[2 * (n - 1 - j) + 1]
            p[2 * (n - 1 - j) + 1] += -(size - (k[j] - 1) * d[j] - 1) % s[j]
    f = [F.max_pool1d, F.max_pool2d][n - 1] if not mean else [F.avg_pool1d, F.avg_pool2d][n - 1]
    if not mean:
        return f(F.pad(x, p, value=-numpy.inf), k, s, 0, d)
    y = f(F.pad(x, p), k, s)
    return y if a.get("count_include_pad") else y / f(F.pad(torch.ones_like(x), p), k, s)

def with_torch(model, x):
    v = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in model.graph.initializer}
    v[model.graph.input[0].name] = torch.tensor(x)
    for n in model.graph.node:
        a = {t.name: onnx.helper.get_attribute_value(t) for t in n.attribute}
        i = [v[k] if k else None for k in n.input]
        op, x = n.op_type, i[0]
        if op == "Conv":
            f = F.conv1d if len(a["kernel_shape"]) == 1 else F.conv2d
            y = f(F.pad(x, pads(a, len(a["kernel_shape"]))), i[1], i[2] if len(i) > 2 else None, a["strides"], 0, a["dilations"], a["group"])
        elif op == "Gemm": y = F.linear(x, i[1], i[2] if len(i) > 2 else None)
        elif op == "MatMul": y = x @ i[1]
        elif op == "BatchNormalization": y = F.batch_norm(x, i[3], i[4], i[1], i[2], eps=a["epsilon"])
        elif op == "Relu": y = F.relu(x)
        elif op == "LeakyRelu": y = F.leaky_relu(x, a["alpha"])
        elif op == "Clip": y = torch.clamp(x, i[1], i[2] if len(i) > 2 else None)
        elif op in ("Add", "Sum"): y = sum(i[1:], x)
        elif op == "Sub": y = x - i[1]
        elif op == "Mul": y = x * i[1]
        elif op == "Concat": y = torch.cat(i, a["axis"])
        elif op == "Flatten": y = x.flatten(1)
        elif op == "Reshape": y = x.reshape([x.shape[0]] + i[1].tolist()[1:])
        elif op == "Softmax": y = torch.softmax(x, a["axis"])
        elif op == "ReduceMean": y = x.mean(a["axes"])
        elif op in ("MaxPool", "AveragePool"): y = pool(x, a, op == "AveragePool")
        elif op == "Pad":
            p, r = i[1].tolist(), x.dim()
            y = F.pad(x, [q for k in reversed(range(r)) for q in (p[k], p[r + k])], value=float(i[2]))
        elif op == "Slice":
            s = [slice(None)] * x.dim()
            for b, e, axis, step in zip(*(t.tolist() for t in i[1:])): s[axis] = slice(b, e if e >= 0 or step > 0 else None, step)
            y = torch.tensor(numpy.ascontiguousarray(x.numpy()[tuple(s)]))
        else: raise ValueError(op)
        v[n.output[0]] = y
    return v[model.graph.output[0].name].numpy()

for name, run in ("onnx", reference), ("torch", torch and with_torch):
    worst, n = 0, 0
    for f in files if run else []:
        try: x, y = numpy.load(f[:-5] + "_in.npy"), numpy.load(f[:-5] + "_out.npy")
        except FileNotFoundError: continue
        z = run(onnx.load(f), x)
        e = abs(z - y).max() / abs(y).max() if z.shape == y.shape else numpy.inf
        if not e < 2e-5: print(f, "differs by", e)
        worst, n, bad = max(worst, e), n + 1, bad + (not e < 2e-5)
    if run: print(name, "computes the same outputs of", n, "files: worst relative difference", worst)
sys.exit(bad > 0 or len(files) < 25)
END
run "$python" check.py
is 0 "the checker of onnx takes them all, with shape inference; others compute the same outputs"
out ' 0 refused' "none is refused"
out "'mixbar.quantiser.c.weights': 'lsq bits=4 signed step=0.125'" "quantisers stand in the metadata"
sed 's/^/# /' out
done_testing
