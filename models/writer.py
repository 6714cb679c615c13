"""Writes an ONNX file node by node. Weights come from a seed, so the same model has the same bytes everywhere."""
import json
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from count import macs

TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64,
         np.dtype(np.bool_): TensorProto.BOOL}
ALIGNMENT = 4096           # bytes, of a weight in an external file (ONNX asks for it so that files can be mapped)


def random(*names):
    """The generator that belongs to a name: independent of the order in which tensors are made."""
    return np.random.Generator(np.random.PCG64(zlib.crc32("/".join(names).encode())))


class Writer:
    """A graph in the making. Values are names; `node` returns the name (or names) of what it computes.

    weights: the seed's name. Two models that share it have the same weight wherever the weight's name is the same.
    """

    def __init__(self, name, opset, weights=None):
        self.name = name
        self.opset = opset
        self.seed = weights or name
        self.inputs, self.outputs, self.nodes = [], [], []
        self.samples = {}          # input name: an array to run the model on
        self.arrays = {}           # weight name: array
        self.scope = []

    def named(self, name):
        return "/".join([*self.scope, name])

    def input(self, name, sample, shape=None):
        """A graph input; `sample` is the array that goes beside the file. shape: where it has dynamic extents."""
        self.samples[name] = sample
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[sample.dtype], shape or sample.shape))
        return name

    def output(self, name, value, shape):
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"output {name}"))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def weight(self, name, array):
        full = self.named(name)
        assert full not in self.arrays, full
        self.arrays[full] = np.ascontiguousarray(array)
        return full

    def normal(self, name, shape, deviation, mean=0.0):
        draw = random(self.seed, self.named(name)).standard_normal(shape, np.float32)
        return self.weight(name, draw * np.float32(deviation) + np.float32(mean))

    def uniform(self, name, shape, low, high):
        draw = random(self.seed, self.named(name)).random(shape, np.float32)
        return self.weight(name, draw * np.float32(high - low) + np.float32(low))

    def constant(self, value, dtype=np.float32):
        """A small constant; equal ones are stored once."""
        array = np.asarray(value, dtype)
        name = f"constant/{array.dtype}{list(array.shape)}{array.tobytes().hex()}"
        if len(name) > 80:
            name = f"constant/{array.dtype}{list(array.shape)}{zlib.crc32(array.tobytes()):08x}"
        self.arrays[name] = array
        return name

    def node(self, op, *inputs, outputs=1, **attributes):
        label = self.named(f"{op}_{len(self.nodes)}")
        made = [f"{label}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), made, name=label, **attributes))
        return made[0] if outputs == 1 else made

    def parameters(self):
        """How many numbers training would learn: no constants, no running statistics."""
        return sum(array.size for name, array in self.arrays.items()
                   if not name.startswith("constant/") and not name.endswith(("/running_mean", "/running_variance")))

    def save(self, folder, data_file=None):
        """Writes NAME.onnx, NAME.INPUT.npy and NAME.json; weights above 1 kB go to `data_file` in the folder if given.

        Returns the manifest."""
        tensors = [numpy_helper.from_array(array, name) for name, array in self.arrays.items()]
        if data_file:
            move_out(tensors, folder, data_file)
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, tensors)
        model = helper.make_model(graph, producer_name="systole models", ir_version=8,
                                  opset_imports=[helper.make_opsetid("", self.opset)])
        (folder / f"{self.name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        onnx.checker.check_model(str(folder / f"{self.name}.onnx"))
        for name, sample in self.samples.items():
            np.save(folder / f"{self.name}.{name}.npy", sample)
        manifest = self.manifest(model)
        (folder / f"{self.name}.json").write_text(json.dumps(manifest, indent=1) + "\n")
        return manifest

    def manifest(self, model):
        """What NAME.json holds."""
        inputs = {name: {"file": f"{self.name}.{name}.npy", "type": str(sample.dtype), "shape": list(sample.shape)}
                  for name, sample in self.samples.items()}
        return {"name": self.name, "opset": self.opset, "inputs": inputs, "outputs": [value.name for value in self.outputs],
                "parameters": self.parameters(), "macs": macs(model, self.samples)}


def move_out(tensors, folder, data_file):
    """Moves the large tensors' bytes to a file. Sorted by name, so models that share weights write the same file."""
    with open(folder / data_file, "wb") as file:
        for tensor in sorted(tensors, key=lambda tensor: tensor.name):
            if len(tensor.raw_data) < 1024 or tensor.name.startswith("constant/"):
                continue
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            where = {"location": data_file, "offset": file.tell(), "length": len(tensor.raw_data)}
            file.write(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in where.items():
                tensor.external_data.add(key=key, value=str(value))
