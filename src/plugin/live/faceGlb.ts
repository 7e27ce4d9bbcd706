/**
 * A face clip as a glTF binary that other engines play: a tiny mesh with ARKit's 52 morph targets by name, nodes for
 * head, jaw, eyes and chest, and one animation of them. The mesh only carries the names: bind the animation to a
 * character of your own.
 */
import { ArkitNames } from "../../flame/expression.js";
import type { IFaceClipData } from "./faceClipData.js";
import { FaceJointNames } from "./faceSource.js";

/** Nodes of the file by joint, as other rigs call them. */
const NodeNames: Readonly<Record<string, string>> = {
    torso: "Chest",
    neck: "Head",
    jaw: "Jaw",
    leftEye: "LeftEye",
    rightEye: "RightEye",
};
/** Meters from the parent's node. Ours: about where they are in a head. */
const Places: Readonly<Record<string, readonly number[]>> = {
    torso: [0, 1.3, 0],
    neck: [0, 0.25, 0],
    jaw: [0, 0.05, 0.05],
    leftEye: [0.03, 0.1, 0.1],
    rightEye: [-0.03, 0.1, 0.1],
};
/** An octahedron of a centimeter. */
const Corners = [1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 1, 0, 0, -1].map((value) => 0.01 * value);
const Faces = [0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5];
/** Numbers of glTF: component types and targets of buffers. */
const [Float, Short, Vertices, Elements] = [5126, 5123, 34962, 34963];

/** @returns the bytes of a `.glb` file */
export function WriteFaceGlb(data: IFaceClipData): Uint8Array<ArrayBuffer> {
    const file = new GlbFile();
    const { times, weights, turns, saysTurns } = data;
    const place = file.add(
        Float32Array.from(Corners),
        "VEC3",
        Float,
        Vertices,
        [-0.01, -0.01, -0.01],
        [0.01, 0.01, 0.01],
    );
    const faces = file.add(Uint16Array.from(Faces), "SCALAR", Short, Elements);
    const still = file.add(new Float32Array(Corners.length), "VEC3", Float, Vertices, [0, 0, 0], [0, 0, 0]);
    const seconds = Float32Array.from(times, (time) => time - times[0]);
    const input = file.add(seconds, "SCALAR", Float, undefined, [seconds[0]], [seconds[seconds.length - 1]]);
    const mesh = 1 + FaceJointNames.length;
    const samplers: object[] = [];
    const channels: object[] = [];
    const animate = (node: number, path: string, output: number): void => {
        channels.push({ sampler: samplers.length, target: { node, path } });
        samplers.push({ input, output, interpolation: "LINEAR" });
    };
    animate(mesh, "weights", file.add(weights, "SCALAR", Float));
    FaceJointNames.forEach((_, joint) => {
        if (saysTurns[joint] > 0) {
            const own = new Float32Array(4 * times.length);
            for (let at = 0; at < own.length; at++) {
                own[at] = turns[4 * FaceJointNames.length * (at >> 2) + 4 * joint + (at & 3)];
            }
            animate(1 + joint, "rotation", file.add(own, "VEC4", Float));
        }
    });
    // The root, then the joints: chest, head on it, jaw and eyes on the head; then the mesh, on the head too.
    const children: Record<string, number[]> = { torso: [2], neck: [3, 4, 5, mesh] };
    return file.write({
        asset: { version: "2.0", generator: "babylon-flexavatar" },
        scene: 0,
        scenes: [{ nodes: [0] }],
        nodes: [
            { name: data.name, children: [1] },
            ...FaceJointNames.map((joint) => ({
                name: NodeNames[joint],
                translation: Places[joint],
                ...(children[joint] ? { children: children[joint] } : {}),
            })),
            { name: "Face", mesh: 0 },
        ],
        meshes: [
            {
                name: "Face",
                primitives: [
                    {
                        attributes: { POSITION: place },
                        indices: faces,
                        targets: ArkitNames.map(() => ({ POSITION: still })),
                    },
                ],
                weights: ArkitNames.map(() => 0),
                extras: { targetNames: ArkitNames },
            },
        ],
        animations: [{ name: data.name, samplers, channels }],
    });
}

/** The two chunks of a glTF binary. */
class GlbFile {
    private readonly _accessors: object[] = [];
    private readonly _views: object[] = [];
    private readonly _parts: Uint8Array[] = [];
    private _length = 0;

    /** @returns the index of the accessor */
    public add(
        array: Float32Array | Uint16Array,
        type: "SCALAR" | "VEC3" | "VEC4",
        componentType: number,
        target?: number,
        min?: number[],
        max?: number[],
    ): number {
        const byteLength = array.byteLength;
        this._views.push({ buffer: 0, byteOffset: this._length, byteLength, ...(target ? { target } : {}) });
        const bytes = new Uint8Array(4 * Math.ceil(byteLength / 4));
        bytes.set(new Uint8Array(array.buffer, array.byteOffset, byteLength));
        this._parts.push(bytes);
        this._length += bytes.length;
        const count = array.length / { SCALAR: 1, VEC3: 3, VEC4: 4 }[type];
        const bounds = min ? { min, max } : {};
        this._accessors.push({ bufferView: this._views.length - 1, componentType, count, type, ...bounds });
        return this._accessors.length - 1;
    }

    public write(gltf: object): Uint8Array<ArrayBuffer> {
        const json = new TextEncoder().encode(
            JSON.stringify({
                ...gltf,
                accessors: this._accessors,
                bufferViews: this._views,
                buffers: [{ byteLength: this._length }],
            }),
        );
        const jsonLength = 4 * Math.ceil(json.length / 4);
        const bytes = new Uint8Array(12 + 8 + jsonLength + 8 + this._length);
        const view = new DataView(bytes.buffer);
        [0x46546c67, 2, bytes.length, jsonLength, 0x4e4f534a].forEach((word, at) => view.setUint32(4 * at, word, true));
        bytes.fill(0x20, 20, 20 + jsonLength);
        bytes.set(json, 20);
        let at = 20 + jsonLength;
        view.setUint32(at, this._length, true);
        view.setUint32(at + 4, 0x004e4942, true);
        at += 8;
        for (const part of this._parts) {
            bytes.set(part, at);
            at += part.length;
        }
        return bytes;
    }
}
