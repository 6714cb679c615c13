// Runs an ONNX model in ONNX Runtime on the CPU: the tests' independent oracle.
//
//   node run.js MODEL.onnx OUTPUT_FOLDER NAME=FILE.npy...
//
// Inputs are .npy files (little endian, C order). Each output is written to OUTPUT_FOLDER/<position>.npy.
"use strict";
const fs = require("fs");
const path = require("path");
const ort = require("onnxruntime-node");

const TYPES = {
  "<f4": ["float32", Float32Array], "<f8": ["float64", Float64Array], "<i4": ["int32", Int32Array],
  "<i8": ["int64", BigInt64Array], "|i1": ["int8", Int8Array], "|u1": ["uint8", Uint8Array], "|b1": ["bool", Uint8Array],
  "<i2": ["int16", Int16Array], "<u2": ["uint16", Uint16Array], "<u4": ["uint32", Uint32Array],
};

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const wide = bytes[6] >= 2;
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const start = (wide ? 12 : 10) + length;
  const header = bytes.toString("latin1", wide ? 12 : 10, start);
  const descr = /'descr': '([^']*)'/.exec(header)[1];
  if (/'fortran_order': True/.test(header)) throw new Error(`${file}: Fortran order`);
  const dims = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").filter((d) => d.trim()).map(Number);
  const [type, Kind] = TYPES[descr];
  const data = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length);
  return new ort.Tensor(type, new Kind(data), dims);
}

function writeNpy(file, tensor) {
  const descr = Object.keys(TYPES).find((key) => TYPES[key][0] === tensor.type);
  const shape = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(", ");
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  const data = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  fs.writeFileSync(file, Buffer.concat([prefix, Buffer.from(header, "latin1"), data]));
}

async function main() {
  const [model, folder, ...given] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"], graphOptimizationLevel: "disabled", intraOpNumThreads: 1, logSeverityLevel: 3,
  });
  const feeds = {};
  for (const item of given) {
    const at = item.indexOf("=");
    feeds[item.slice(0, at)] = readNpy(item.slice(at + 1));
  }
  const results = await session.run(feeds);
  fs.mkdirSync(folder, { recursive: true });
  session.outputNames.forEach((name, i) => writeNpy(path.join(folder, `${i}.npy`), results[name]));
}

main().catch((error) => {
  console.error(String(error.message || error));
  process.exit(2);
});
