/**
 * The mesh of a LAM avatar (`skin.glb`): where its vertices are at rest, which bones move them, and what the face does
 * to them. Bones become the head model's five joints.
 */
import { ArkitNameOf } from "../../flame/expression.js";
import { JointCount } from "../../flame/headModel.js";
import { WrongGaussians } from "./gaussians.js";
import { GlbArrays, JsonList, JsonObject } from "./glbArrays.js";

/** Most nodes of a file, and bones of a skin. */
const MaxNodes = 4096;
/** A neck bone counts half: the head model has one joint for neck and head. */
const NeckShare = 0.5;

/** n vertices, m faces. */
export interface ILamSkin {
    /** [n,3] at rest, in the axes and units of the scene. */
    readonly places: Float32Array;
    /** [m,3] */
    readonly faces: Uint32Array;
    /** [n,5] shares of the head model's joints, summing to 1. */
    readonly weights: Float32Array;
    /** [3] where the neck bends, or null where no bone says so. */
    readonly neck: readonly number[] | null;
    /** [n,3] by ARKit's name: what an expression of weight 1 adds. */
    readonly expressions: ReadonlyMap<string, Float32Array>;
}

/** What a bone is to the head model. */
type Part = "torso" | "neck" | "head" | "jaw" | "eyeL" | "eyeR";

/** Shares of the five joints global, neck, jaw, eyeL, eyeR. */
const Shares: Readonly<Record<Part, readonly number[]>> = {
    torso: [1, 0, 0, 0, 0],
    neck: [1 - NeckShare, NeckShare, 0, 0, 0],
    head: [0, 1, 0, 0, 0],
    jaw: [0, 0, 1, 0, 0],
    eyeL: [0, 0, 0, 1, 0],
    eyeR: [0, 0, 0, 0, 1],
};

/** What a bone's own name says; undefined where it is what its parent is. */
function PartOf(name: string): Part | undefined {
    const plain = name.replace(/^.*:/, "").toLowerCase();
    if (/eye/.test(plain) && !/lid|brow|lash/.test(plain)) {
        return /(^|[^a-z])l([^a-z]|$)|left/.test(plain) ? "eyeL" : "eyeR";
    }
    return /jaw/.test(plain) ? "jaw" : /head/.test(plain) ? "head" : /neck/.test(plain) ? "neck" : undefined;
}

/** A node of the scene. */
interface INode {
    readonly name: string;
    /** 16 numbers, column-major. */
    readonly local: readonly number[];
    parent: number;
}

/** @throws FlexAvatarError `file-format` */
export function ReadLamSkin(file: Uint8Array): ILamSkin {
    const glb = new GlbArrays(file);
    const nodes = ReadNodes(glb);
    const raw = JsonList(glb.json.nodes, "nodes", MaxNodes).map((node) => JsonObject(node, "a node"));
    const skinned = raw.find(({ mesh, skin }) => mesh !== undefined && skin !== undefined);
    if (!skinned) {
        throw WrongGaussians("its glTF has no skinned mesh");
    }
    const mesh = JsonObject(JsonList(glb.json.meshes, "meshes")[skinned.mesh as number], "the mesh");
    const skin = JsonObject(JsonList(glb.json.skins, "skins")[skinned.skin as number], "the skin");
    const primitive = JsonObject(JsonList(mesh.primitives, "primitives")[0], "the primitive");
    const attributes = JsonObject(primitive.attributes, "attributes");
    const points = glb.read(attributes.POSITION, 3, "POSITION");
    const bones = glb.read(attributes.JOINTS_0, 4, "JOINTS_0");
    const shares = glb.read(attributes.WEIGHTS_0, 4, "WEIGHTS_0");
    const faces =
        primitive.indices === undefined
            ? new Uint32Array()
            : Uint32Array.from(glb.read(primitive.indices, 1, "indices"));
    const count = points.length / 3;
    const joints = JsonList(skin.joints, "joints", MaxNodes).map(Number);
    const binds = glb.read(skin.inverseBindMatrices, 16, "inverseBindMatrices");
    if (
        bones.length !== 4 * count ||
        shares.length !== 4 * count ||
        joints.some((joint) => !nodes[joint]) ||
        binds.length < 16 * joints.length ||
        bones.some((bone) => bone >= joints.length) ||
        faces.some((vertex) => vertex >= count)
    ) {
        throw WrongGaussians("its skin does not fit its mesh");
    }
    const worlds = nodes.map((_, i) => WorldOf(nodes, i));
    const moves = joints.map((joint, i) => Multiply(worlds[joint], binds.subarray(16 * i, 16 * i + 16)));
    const parts = joints.map((joint) => PartOfNode(nodes, joint));
    const skinning = SkinningOf(bones, shares, moves, parts, count);
    const neckBone = joints.find((joint, i) => parts[i] === "neck" && PartOf(nodes[joint].name) === "neck");
    const headBone = joints.find((joint, i) => parts[i] === "head" && PartOf(nodes[joint].name) === "head");
    const pivot = neckBone ?? headBone;
    return {
        places: Float32Array.from(Moved(points, skinning.blends, 1)),
        faces,
        weights: skinning.weights,
        neck: pivot === undefined ? null : worlds[pivot].slice(12, 15),
        expressions: ReadExpressions(glb, mesh, primitive, count, skinning.blends),
    };
}

function ReadNodes(glb: GlbArrays): INode[] {
    const nodes = JsonList(glb.json.nodes, "nodes", MaxNodes).map((value): INode => {
        const node = JsonObject(value, "a node");
        return { name: typeof node.name === "string" ? node.name : "", local: LocalOf(node), parent: -1 };
    });
    JsonList(glb.json.nodes, "nodes", MaxNodes).forEach((value, i) => {
        for (const child of JsonList(JsonObject(value, "a node").children, "children", MaxNodes)) {
            const at = nodes[child as number] as INode | undefined;
            if (!at || at.parent >= 0 || child === i) {
                throw WrongGaussians("the nodes of its glTF are no tree");
            }
            at.parent = i;
        }
    });
    return nodes;
}

function LocalOf({ matrix, translation, rotation, scale }: Readonly<Record<string, unknown>>): number[] {
    const numbers = (value: unknown, fallback: number[]): number[] => {
        if (value === undefined) {
            return fallback;
        }
        if (!Array.isArray(value) || value.length !== fallback.length || !value.every(Number.isFinite)) {
            throw WrongGaussians("a node of its glTF has no numbers for its place");
        }
        return value as number[];
    };
    if (matrix !== undefined) {
        return numbers(matrix, new Array<number>(16).fill(0));
    }
    const [tx, ty, tz] = numbers(translation, [0, 0, 0]);
    const [x, y, z, w] = numbers(rotation, [0, 0, 0, 1]);
    const [sx, sy, sz] = numbers(scale, [1, 1, 1]);
    return [
        ...[sx * (1 - 2 * (y * y + z * z)), sx * 2 * (x * y + z * w), sx * 2 * (x * z - y * w), 0],
        ...[sy * 2 * (x * y - z * w), sy * (1 - 2 * (x * x + z * z)), sy * 2 * (y * z + x * w), 0],
        ...[sz * 2 * (x * z + y * w), sz * 2 * (y * z - x * w), sz * (1 - 2 * (x * x + y * y)), 0],
        ...[tx, ty, tz, 1],
    ];
}

function WorldOf(nodes: readonly INode[], index: number): number[] {
    let world = [...nodes[index].local];
    let steps = 0;
    for (let at = nodes[index].parent; at >= 0; at = nodes[at].parent) {
        if (++steps > nodes.length) {
            throw WrongGaussians("the nodes of its glTF are no tree");
        }
        world = Multiply(nodes[at].local, world);
    }
    return world;
}

/** What a bone moves: what its name says, or that of the nearest bone above it. */
function PartOfNode(nodes: readonly INode[], index: number): Part {
    for (let at = index; at >= 0; at = nodes[at].parent) {
        const part = PartOf(nodes[at].name);
        if (part) {
            return part;
        }
    }
    return "torso";
}

/** Column-major 4×4. */
function Multiply(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
    const product = new Array<number>(16).fill(0);
    for (let column = 0; column < 4; column++) {
        for (let row = 0; row < 4; row++) {
            for (let k = 0; k < 4; k++) {
                product[4 * column + row] += a[4 * k + row] * b[4 * column + k];
            }
        }
    }
    return product;
}

/** Blended matrices [n,16] and shares of the five joints. */
function SkinningOf(
    bones: Float64Array,
    shares: Float64Array,
    moves: readonly number[][],
    parts: readonly Part[],
    count: number,
): { blends: Float64Array; weights: Float32Array } {
    const blends = new Float64Array(16 * count);
    const weights = new Float32Array(JointCount * count);
    for (let v = 0; v < count; v++) {
        const sum = shares[4 * v] + shares[4 * v + 1] + shares[4 * v + 2] + shares[4 * v + 3];
        for (let k = 4 * v; k < 4 * v + 4; k++) {
            const share = sum > 0 ? shares[k] / sum : Number(k % 4 === 0);
            moves[bones[k]].forEach((value, i) => (blends[16 * v + i] += share * value));
            Shares[parts[bones[k]]].forEach((value, joint) => (weights[JointCount * v + joint] += share * value));
        }
    }
    return { blends, weights };
}

/** @param w 1 for places, 0 for directions */
function Moved(points: ArrayLike<number>, blends: Float64Array, w: 0 | 1): Float64Array {
    const moved = new Float64Array(points.length);
    for (let i = 0; i < points.length; i += 3) {
        const m = (16 * i) / 3;
        for (let axis = 0; axis < 3; axis++) {
            moved[i + axis] =
                blends[m + axis] * points[i] +
                blends[m + 4 + axis] * points[i + 1] +
                blends[m + 8 + axis] * points[i + 2] +
                w * blends[m + 12 + axis];
        }
    }
    return moved;
}

/** Morph targets with ARKit's names, in whatever case. */
function ReadExpressions(
    glb: GlbArrays,
    mesh: Readonly<Record<string, unknown>>,
    primitive: Readonly<Record<string, unknown>>,
    count: number,
    blends: Float64Array,
): Map<string, Float32Array> {
    const extras = JsonObject(mesh.extras ?? {}, "extras");
    const names = JsonList(extras.targetNames, "targetNames", 1024);
    const expressions = new Map<string, Float32Array>();
    JsonList(primitive.targets, "targets", 1024).forEach((value, i) => {
        const name = ArkitNameOf(String(names[i]));
        const { POSITION: position } = JsonObject(value, "a target");
        if (name === undefined || position === undefined) {
            return;
        }
        const deltas = glb.read(position, 3, `target ${name}`);
        if (deltas.length !== 3 * count || deltas.some((delta) => !Number.isFinite(delta))) {
            throw WrongGaussians(`its target ${name} does not fit its mesh`);
        }
        expressions.set(name, Float32Array.from(Moved(deltas, blends, 0)));
    });
    return expressions;
}
