/**
 * A person as a textured mesh: the head with its own shape and expressions, and the parts of the second page that show
 * something. Plain numbers, for files and for engines without WebGPU.
 */
import { CorrectVertices, ExpressVertices } from "../../flame/blendshapes.js";
import { CreateExpressionPose, EffectivePose } from "../../flame/expression.js";
import { ModelJointNames, PoseLength, type HeadModel } from "../../flame/headModel.js";
import { VertexNormals } from "../../flame/normals.js";
import { PartOfRegion, type PagePart } from "../../flame/pageModel.js";
import { PersonalVertices, TexelTableOf } from "../../flame/personalHead.js";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../../flame/skinning.js";
import { OpenRegion } from "../../flame/texelTable.js";
import { SplitSeams, ToSplitVertices, type ISeamlessMesh } from "../../flame/splitSeams.js";
import type { ICloseUp } from "../closeUp.js";
import { Within, type Work } from "../slices.js";
import { CloseEnds } from "./atlasEnds.js";
import { BakeTexture, type IBakedTexture } from "./bakeTexture.js";
import { ShutLips } from "./shutLips.js";

/** Names of the parts. */
export type MeshPartName = "face" | PagePart;

/** Something with a material of its own. */
export interface IMeshPart {
    readonly name: MeshPartName;
    /** Skin weights, and of the face expressions. */
    readonly model: HeadModel;
    /** [V,3] of the model, before it is split: the person at rest, canonical, meters. */
    readonly vertices: Float32Array;
    /** Split at the seams of the atlas; positions and normals are those of the person at rest. */
    readonly mesh: ISeamlessMesh;
    /** Hair and bust share one. */
    readonly texture: IBakedTexture;
}

/** A map, and the atlas that it is of. */
export interface IMappedModel {
    readonly model: HeadModel;
    /** H = W. */
    readonly mapSize: number;
    /** [14,H,W], before activation, with all detail. */
    readonly map: ArrayLike<number>;
    readonly closeUp?: ICloseUp | null;
}

/** Texels of a texture per texel of a map, as detail for close-ups has them. */
export const TexelsPerTexel = 4;
/** Faces whose texels are all fainter are left out. */
const LeastAlpha = 8;
/** Faces whose texels are all stronger hide what is behind them. */
const SolidAlpha = 230;
/** Alpha below which hair is cut out. */
const HairAlpha = 128;
/** Meters: faces of hair with a longer edge are left out, as nothing says where their corners are. Ours. */
const LongestEdge = 0.05;
/** The same where a corner is cut out. */
const LongestEndEdge = 0.03;
/**
 * The skirt goes inwards, by a share of the way to the neck's middle, and some meters down, and from there straight down:
 * at its sides the bust is as much as 4 cm inside of the neck's rim, which a wall below the rim would hide, and in front
 * it is outside, where a ledge alone leaves a slit. Ours.
 */
const Skirt = [
    { inwards: 0.5, down: 0.006 },
    { inwards: 0.5, down: 0.036 },
] as const;
/** Share of the atlas' edge by which the rim keeps off the end of its island, or as far as its faces go. Ours. */
const RimMargin = 12 / 1024;
const NeckJoint = ModelJointNames.indexOf("neck");
/** Meters: smaller moves of a vertex are left out of a target. */
const LeastMove = 1e-6;

/**
 * The head's part.
 * @param edge texels per side of its texture
 * @param hasSkirt whether its neck goes on below its open end, for a bust; these faces come last
 */
export function* FacePart(head: IMappedModel, edge: number, hasSkirt: boolean): Work<IMeshPart> {
    const { vertices, texture } = yield* Skin(head, edge, ShutLips);
    const { model } = head;
    const mesh = Split(model, vertices);
    const rim = RimOf(model, mesh);
    KeepOffEdge(mesh, rim);
    return { name: "face", model, vertices, mesh: hasSkirt ? WithSkirt(model, mesh, rim) : mesh, texture };
}

/**
 * The parts of a second page that show something.
 * @param hides tells which parts are left out
 */
export function* PageParts(page: IMappedModel, edge: number, hides: (part: PagePart) => boolean): Work<IMeshPart[]> {
    const { vertices, texture } = yield* Skin(page, edge, CloseEnds);
    const { model } = page;
    const { regions, faceRegion, faceCount } = model;
    const isSeen = SeenFaces(model, vertices, texture);
    return (["hair", "bust"] as const).flatMap((name) => {
        const faces = Uint32Array.from({ length: faceCount }, (_, face) => face).filter(
            (face) => isSeen[face] > 0 && PartOfRegion(regions[faceRegion[face]]) === name,
        );
        return faces.length > 0 && !hides(name)
            ? [{ name, model, vertices, mesh: Split(model, vertices, faces), texture }]
            : [];
    });
}

/** What an expression does to a part, for those vertices that it moves. */
export interface IMorphTarget {
    /** Vertices of the split mesh, ascending. */
    readonly indices: Uint16Array;
    /** [n,3] meters. */
    readonly offsets: Float32Array;
}

/**
 * One expression at full strength.
 * @param turnsJoints whether it includes what the expression does to joints (jawOpen turns the jaw), for those who only
 * know targets
 */
export function MorphTargetOf(
    { model, vertices, mesh }: IMeshPart,
    expression: number,
    turnsJoints: boolean,
): IMorphTarget {
    const pose = CreateExpressionPose(model);
    pose.expression[expression] = 1;
    const moved = ExpressVertices(model, pose.expression, new Float32Array(vertices.length), vertices);
    if (turnsJoints) {
        const turns = EffectivePose(model, pose, new Float32Array(PoseLength));
        CorrectVertices(model, turns, moved);
        SkinVertices(model, moved, JointMatrices(turns, model.joints, new Float32Array(JointMatricesLength)), moved);
    }
    const indices: number[] = [];
    const offsets: number[] = [];
    mesh.source.forEach((vertex, i) => {
        const offset = [0, 1, 2].map((axis) => moved[3 * vertex + axis] - vertices[3 * vertex + axis]);
        if (offset.some((value) => Math.abs(value) > LeastMove)) {
            indices.push(i);
            offsets.push(...offset);
        }
    });
    return { indices: Uint16Array.from(indices), offsets: Float32Array.from(offsets) };
}

function* Skin(
    { model, mapSize, map, closeUp }: IMappedModel,
    edge: number,
    shape: (model: HeadModel, vertices: Float32Array) => Float32Array,
): Work<{ vertices: Float32Array; texture: IBakedTexture }> {
    const table = TexelTableOf(model, mapSize);
    yield 0.1;
    const vertices = shape(model, PersonalVertices(model, table, map));
    yield 0.2;
    const texture = yield* Within(BakeTexture({ model, table, map, vertices, closeUp }, edge), 0.2, 1);
    return { vertices, texture };
}

function Split(model: HeadModel, vertices: Float32Array, faces?: Uint32Array): ISeamlessMesh {
    const mesh = SplitSeams(model, faces);
    ToSplitVertices(mesh, vertices, mesh.positions);
    ToSplitVertices(mesh, VertexNormals(model, vertices), mesh.normals);
    return mesh;
}

/** The open end of a head's neck. */
interface IRim {
    /** Vertices of the split mesh. */
    readonly vertices: readonly number[];
    /** Its edges, by places in {@link vertices}; each runs as its face does. */
    readonly edges: readonly (readonly [number, number])[];
}

function RimOf({ faces, faceRegion, regions, vertexCount }: HeadModel, { source, indices }: ISeamlessMesh): IRim {
    const neck = regions.indexOf(OpenRegion);
    const users = new Map<number, number>();
    const keyOf = (a: number, b: number): number => Math.min(a, b) * vertexCount + Math.max(a, b);
    for (let i = 0; i < faces.length; i++) {
        const key = keyOf(faces[i], faces[i % 3 === 2 ? i - 2 : i + 1]);
        users.set(key, (users.get(key) ?? 0) + 1);
    }
    const vertices: number[] = [];
    const places = new Map<number, number>();
    const placeOf = (vertex: number): number => {
        if (!places.has(vertex)) {
            places.set(vertex, vertices.length);
            vertices.push(vertex);
        }
        return places.get(vertex)!;
    };
    const edges: (readonly [number, number])[] = [];
    for (let i = 0; i < indices.length; i++) {
        const [a, b] = [indices[i], indices[i % 3 === 2 ? i - 2 : i + 1]];
        if (faceRegion[Math.floor(i / 3)] === neck && users.get(keyOf(source[a], source[b])) === 1) {
            edges.push([placeOf(a), placeOf(b)]);
        }
    }
    return { vertices, edges };
}

/**
 * Moves a rim inwards on the atlas: beside its island the mouth's begins, which would be a brown line around the neck
 * and the color of all that hangs on it.
 */
function KeepOffEdge({ indices, uvs }: ISeamlessMesh, { vertices }: IRim): void {
    const isRim = new Set(vertices);
    const inside = new Map<number, [u: number, v: number, count: number]>();
    for (let i = 0; i < indices.length; i++) {
        for (const other of [indices[i - (i % 3) + ((i + 1) % 3)], indices[i - (i % 3) + ((i + 2) % 3)]]) {
            if (isRim.has(indices[i]) && !isRim.has(other)) {
                const [u, v, count] = inside.get(indices[i]) ?? [0, 0, 0];
                inside.set(indices[i], [u + uvs[2 * other], v + uvs[2 * other + 1], count + 1]);
            }
        }
    }
    for (const [vertex, [u, v, count]] of inside) {
        const [alongU, alongV] = [u / count - uvs[2 * vertex], v / count - uvs[2 * vertex + 1]];
        const share = Math.min(1, RimMargin / Math.hypot(alongU, alongV));
        uvs[2 * vertex] += share * alongU;
        uvs[2 * vertex + 1] += share * alongV;
    }
}

/**
 * The head with a skirt below the open end of its neck: splats are thick and close the gap to the bust, triangles are
 * not.
 */
function WithSkirt({ joints }: HeadModel, mesh: ISeamlessMesh, { vertices: rim, edges }: IRim): ISeamlessMesh {
    const { source, indices, positions, normals, uvs } = mesh;
    const at = (step: number, k: number): number => (step < 0 ? rim[k] : source.length + step * rim.length + k);
    const added = Skirt.flatMap((_, step) =>
        edges.flatMap(([a, b]) => [
            [at(step - 1, b), at(step - 1, a), at(step, a)],
            [at(step - 1, b), at(step, a), at(step, b)],
        ]),
    ).flat();
    const above = Skirt.flatMap(() => rim);
    const place = Skirt.flatMap(({ inwards, down }) =>
        rim.flatMap((vertex) => [
            positions[3 * vertex] * (1 - inwards),
            positions[3 * vertex + 1] - down,
            positions[3 * vertex + 2] + inwards * (joints[3 * NeckJoint + 2] - positions[3 * vertex + 2]),
        ]),
    );
    const take = (values: ArrayLike<number>, width: number): number[] =>
        above.flatMap((vertex) => Array.from({ length: width }, (_, k) => values[width * vertex + k]));
    return {
        source: Uint16Array.from([...source, ...take(source, 1)]),
        indices: Uint32Array.from([...indices, ...added]),
        uvs: Float32Array.from([...uvs, ...take(uvs, 2)]),
        positions: Float32Array.from([...positions, ...place]),
        normals: Float32Array.from([...normals, ...take(normals, 3)]),
    };
}

/** [F] 1 where a corner or the middle of a face shows something. */
function SeenFaces(model: HeadModel, vertices: Float32Array, texture: IBakedTexture): Uint8Array {
    const { uv, uvFaces, faces, faceCount, faceRegion, regions } = model;
    return Uint8Array.from({ length: faceCount }, (_, face) => {
        const { middle, corners } = FaceAlpha(texture, uv, uvFaces, face);
        const isHair = PartOfRegion(regions[faceRegion[face]]) === "hair";
        const longest = Math.min(...corners) < HairAlpha ? LongestEndEdge : LongestEdge;
        const isSeen = Math.max(middle, ...corners) >= LeastAlpha;
        return Number(isSeen && !(isHair && EdgeOf(faces, vertices, face) > longest));
    });
}

/** [n] faces of a part that hide all that is behind them. */
export function SolidFaces({ mesh, texture }: IMeshPart): Uint32Array {
    return Uint32Array.from({ length: mesh.indices.length / 3 }, (_, face) => face).filter((face) => {
        const { middle, corners } = FaceAlpha(texture, mesh.uvs, mesh.indices, face);
        return Math.min(middle, ...corners) >= SolidAlpha;
    });
}

/** 0..255 in the middle and at the corners of a face. */
function FaceAlpha(
    { edge, rgba }: IBakedTexture,
    uv: ArrayLike<number>,
    faces: ArrayLike<number>,
    face: number,
): { middle: number; corners: number[] } {
    const at = (u: number, v: number): number => {
        const column = Math.min(edge - 1, Math.max(0, Math.floor(u * edge)));
        const row = Math.min(edge - 1, Math.max(0, Math.floor((1 - v) * edge)));
        return rgba[4 * (row * edge + column) + 3];
    };
    const [a, b, c] = [0, 1, 2].map((k) => 2 * faces[3 * face + k]);
    return {
        middle: at((uv[a] + uv[b] + uv[c]) / 3, (uv[a + 1] + uv[b + 1] + uv[c + 1]) / 3),
        corners: [a, b, c].map((corner) => at(uv[corner], uv[corner + 1])),
    };
}

/** Meters of a face's longest edge. */
function EdgeOf(faces: Uint16Array, vertices: Float32Array, face: number): number {
    const lengths = [0, 1, 2].map((k) => {
        const [a, b] = [3 * faces[3 * face + k], 3 * faces[3 * face + ((k + 1) % 3)]];
        return Math.hypot(
            vertices[a] - vertices[b],
            vertices[a + 1] - vertices[b + 1],
            vertices[a + 2] - vertices[b + 2],
        );
    });
    return Math.max(...lengths);
}
