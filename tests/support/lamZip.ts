/** A small avatar in LAM's layout: a grid of vertices bent to half a head, on three bones, with two expressions. */
import { zipSync, type Zippable } from "fflate";
import { WriteGlb } from "../../src/runtime/format/glb.js";
import { BlockWriter, type BlockData } from "../../src/runtime/format/blocks.js";

/** Vertices along an edge. */
const Edge = 12;
/** Height of the neck's bone, meters. */
export const LamNeckHeight = -0.08;

/** What is in the zip, for comparison. */
export interface ISampleLam {
    readonly zip: Uint8Array<ArrayBuffer>;
    /** [n,3] where the Gaussians are at rest, in the order of the mesh. */
    readonly places: Float32Array;
    /** [n,3] */
    readonly colors: Float32Array;
}

/**
 * @param order "none" writes no vertex_order.json, "same" one that is not to be used, "sorted" Gaussians in another
 * order than the vertices
 * @param unit meters in a unit of the mesh
 */
export function SampleLam(order: "none" | "same" | "sorted" = "sorted", unit = 1): ISampleLam {
    const count = Edge * Edge;
    const vertices = new Float32Array(3 * count);
    const offsets = new Float32Array(3 * count);
    const colors = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
        const [u, v] = [(i % Edge) / (Edge - 1) - 0.5, Math.floor(i / Edge) / (Edge - 1) - 0.5];
        vertices.set([0.08 * Math.sin(3 * u), 0.24 * v, 0.09 * Math.cos(3 * u)], 3 * i);
        offsets.set([0.004 * u, 0.002 * v, 0.006 * Math.cos(4 * v)], 3 * i);
        colors.set([0.5 + u, 0.5 + v, 0.4], 3 * i);
    }
    const faces = Array.from({ length: (Edge - 1) ** 2 }, (_, i) => {
        const a = i + Math.floor(i / (Edge - 1));
        return [a, a + 1, a + Edge, a + 1, a + Edge + 1, a + Edge];
    }).flat();
    // as a program that sorts vertices by some coordinate would have left them
    const sorted = Array.from({ length: count }, (_, i) => i).sort((a, b) => ((a * 61) % count) - ((b * 61) % count));
    const gaussians = order === "sorted" ? sorted : sorted.map((_, i) => i);
    const files: Record<string, Uint8Array> = {
        "avatar/offset.ply": OffsetPly(gaussians, offsets, colors),
        "avatar/skin.glb": SkinGlb(vertices, faces, unit),
    };
    if (order !== "none") {
        const inverse = sorted.map((_, i) => sorted.indexOf(i));
        files["avatar/vertex_order.json"] = new TextEncoder().encode(JSON.stringify(inverse));
    }
    return { zip: Zip(files), places: vertices.map((value, i) => value + offsets[i]), colors };
}

function OffsetPly(order: readonly number[], offsets: Float32Array, colors: Float32Array): Uint8Array {
    const names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"];
    const all = [...names, "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"];
    const rows = order.flatMap((i) => [
        ...offsets.subarray(3 * i, 3 * i + 3),
        ...[0, 0, 0],
        ...colors.subarray(3 * i, 3 * i + 3),
        ...[3, Math.log(0.006), Math.log(0.006), Math.log(0.002), 1, 0, 0, 0],
    ]);
    return Ply(all, rows);
}

/** Binary PLY of floats. */
export function Ply(names: readonly string[], rows: readonly number[]): Uint8Array<ArrayBuffer> {
    const count = rows.length / names.length;
    const properties = names.map((name) => `property float ${name}\n`).join("");
    const header = new TextEncoder().encode(
        `ply\nformat binary_little_endian 1.0\ncomment of a test\nelement vertex ${count}\n${properties}end_header\n`,
    );
    const file = new Uint8Array(header.length + 4 * rows.length);
    file.set(header);
    const view = new DataView(file.buffer, header.length);
    rows.forEach((value, i) => view.setFloat32(4 * i, value, true));
    return file;
}

/** PLY as PlayCanvas' tools pack it: one Gaussian at 1, −2, 3. */
export function PackedPly(): Uint8Array<ArrayBuffer> {
    const range = ["x", "y", "z", "scale_x", "scale_y", "scale_z"];
    const chunk = [...range.map((name) => `min_${name}`), ...range.map((name) => `max_${name}`)];
    const packed = ["position", "rotation", "scale", "color"].map((name) => `property uint packed_${name}\n`);
    const header =
        `ply\nformat binary_little_endian 1.0\nelement chunk 1\n${chunk.map((n) => `property float ${n}\n`).join("")}` +
        `element vertex 1\n${packed.join("")}end_header\n`;
    const text = new TextEncoder().encode(header);
    const file = new Uint8Array(text.length + 4 * chunk.length + 16);
    file.set(text);
    const view = new DataView(file.buffer, text.length);
    [-1, -2, -3, -8, -8, -8, 1, 2, 3, -4, -4, -4].forEach((value, i) => view.setFloat32(4 * i, value, true));
    const bits = [(2047 << 21) | (0 << 11) | 2047, 0x1ff7fdff, 0, 0x80ff00c0];
    bits.forEach((value, i) => view.setUint32(4 * (chunk.length + i), value >>> 0, true));
    return file;
}

function SkinGlb(vertices: Float32Array, faces: readonly number[], unit: number): Uint8Array {
    const count = vertices.length / 3;
    const writer = new BlockWriter();
    const bufferViews: unknown[] = [];
    const accessors: unknown[] = [];
    const add = (data: BlockData, componentType: number, type: string, length: number): number => {
        const { offset, bytes } = writer.add(data);
        bufferViews.push({ buffer: 0, byteOffset: offset, byteLength: bytes });
        return accessors.push({ bufferView: bufferViews.length - 1, componentType, type, count: length }) - 1;
    };
    const bones = Uint8Array.from({ length: 4 * count }, (_, i) => [0, 1, 2, 0][i % 4]);
    const shares = new Float32Array(4 * count);
    const open = new Float32Array(3 * count);
    for (let v = 0; v < count; v++) {
        const above = vertices[3 * v + 1] - LamNeckHeight;
        const head = Math.min(1, Math.max(0, above / 0.04));
        shares.set([0.5 - 0.5 * head, 0.5 - 0.5 * head, head], 4 * v);
        open[3 * v + 1] = above > 0 && above < 0.06 ? -0.02 / unit : 0;
    }
    const inUnits = vertices.map((value) => value / unit);
    const height = LamNeckHeight / unit;
    const binds = [0, height, height + 0.05 / unit].flatMap((y) => [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, -y, 0, 1]);
    const position = add(inUnits, 5126, "VEC3", count);
    const jaw = add(open, 5126, "VEC3", count);
    // one vertex of the second expression, as exporters write what moves little
    const index = writer.add(Uint16Array.of(5));
    const value = writer.add(Float32Array.of(0, 0, 0.01 / unit));
    bufferViews.push({ buffer: 0, byteOffset: index.offset, byteLength: index.bytes });
    bufferViews.push({ buffer: 0, byteOffset: value.offset, byteLength: value.bytes });
    const last = bufferViews.length;
    const smile =
        accessors.push({
            componentType: 5126,
            type: "VEC3",
            count,
            sparse: {
                count: 1,
                indices: { bufferView: last - 2, componentType: 5123 },
                values: { bufferView: last - 1 },
            },
        }) - 1;
    const json = {
        asset: { version: "2.0" },
        scene: 0,
        scenes: [{ nodes: [0, 3] }],
        nodes: [
            { name: "Root", children: [1] },
            { name: "rig:Neck", translation: [0, height, 0], children: [2] },
            { name: "rig:Head", translation: [0, 0.05 / unit, 0] },
            { name: "body", mesh: 0, skin: 0 },
        ],
        skins: [{ joints: [0, 1, 2], inverseBindMatrices: add(Float32Array.from(binds), 5126, "MAT4", 3) }],
        meshes: [
            {
                extras: { targetNames: ["jawOpen", "mouthSmile_L", "somethingElse"] },
                primitives: [
                    {
                        attributes: {
                            POSITION: position,
                            JOINTS_0: add(bones, 5121, "VEC4", count),
                            WEIGHTS_0: add(shares, 5126, "VEC4", count),
                        },
                        indices: add(Uint16Array.from(faces), 5123, "SCALAR", faces.length),
                        targets: [{ POSITION: jaw }, { POSITION: smile }, { POSITION: jaw }],
                    },
                ],
            },
        ],
        accessors,
        bufferViews,
    };
    const body = writer.body();
    return WriteGlb({ ...json, buffers: [{ byteLength: body.length }] }, body);
}

/** An archive; its last file is stored, the others are deflated. */
export function Zip(files: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
    const names = Object.keys(files);
    const members = names.map((name, i) => [name, [files[name], { level: i === names.length - 1 ? 0 : 6 }]] as const);
    return zipSync(Object.fromEntries(members) as Zippable, { mtime: "2020-01-01" }).slice();
}
