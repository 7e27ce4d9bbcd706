/**
 * A person as binary glTF that any engine shows: a skinned mesh of the head with ARKit's 52 morph targets by name, hair
 * and bust beside it, their textures, and the head model's joints as nodes. Colors are lit already, so materials are
 * unlit (KHR_materials_unlit).
 */
import { JointCount, JointParents, type HeadModel } from "../../flame/headModel.js";
import type { ISeamlessMesh } from "../../flame/splitSeams.js";
import { GlbParts, IndexTarget, VertexTarget } from "../format/glbParts.js";
import type { IBakedTexture } from "./bakeTexture.js";
import { MorphTargetOf, SolidFaces, type IMeshPart, type MeshPartName } from "./personMesh.js";
import { WritePngAsync } from "./pngFile.js";

/** Nodes of the joints, as other rigs and the recorder's files call them. */
const NodeNames = ["Chest", "Head", "Jaw", "LeftEye", "RightEye"];
const Unlit = "KHR_materials_unlit";
/** Filters of a sampler, and its edges: linear with mip levels, clamped. */
const Sampler = { magFilter: 9729, minFilter: 9987, wrapS: 33071, wrapT: 33071 };
/**
 * How parts are seen: hair cuts out what is fainter than half, the bust fades out at its end. Viewers draw what is
 * blended in the order of its faces, whichever is nearer, so that only the end may be.
 */
const Looks: Readonly<Record<MeshPartName | "bust's end", object>> = {
    face: { alphaMode: "OPAQUE", doubleSided: true },
    hair: { alphaMode: "MASK", alphaCutoff: 0.5, doubleSided: true },
    bust: { alphaMode: "OPAQUE", doubleSided: false },
    "bust's end": { alphaMode: "BLEND", doubleSided: false },
};

/**
 * @param parts the face first
 * @param about name of the person, and what may be done with the file
 */
export async function WriteMeshGlbAsync(
    parts: readonly IMeshPart[],
    { name, license }: { readonly name: string; readonly license: string },
): Promise<Uint8Array<ArrayBuffer>> {
    const [face] = parts;
    const file = new GlbParts();
    const textures: IBakedTexture[] = [];
    for (const { name: part, texture } of parts) {
        if (!textures.includes(texture)) {
            textures.push(texture);
            file.addPng(await WritePngAsync(texture.rgba, texture.edge, part !== "face"));
        }
    }
    const looks: { readonly name: keyof typeof Looks; readonly part: IMeshPart }[] = [];
    const meshes = parts.map((part) => ({
        name: part.name,
        primitives: WritePrimitives(file, part).map(({ name: look, primitive }) => {
            looks.push({ name: look, part });
            return { ...primitive, material: looks.length - 1 };
        }),
        ...(part.model.expressionCount > 0
            ? {
                  weights: part.model.expressions.map(() => 0),
                  extras: { targetNames: part.model.expressions },
              }
            : {}),
    }));
    const { joints } = face.model;
    const place = (joint: number): number[] =>
        [0, 1, 2].map((k) => joints[3 * joint + k] - (joint > 0 ? joints[3 * JointParents[joint] + k] : 0));
    const children = (joint: number): number[] => [...JointParents.keys()].filter((k) => JointParents[k] === joint);
    return file.write({
        asset: { version: "2.0", generator: "babylon-flexavatar", copyright: license },
        extensionsUsed: [Unlit],
        scene: 0,
        scenes: [{ name, nodes: [0, ...parts.map((_, i) => JointCount + i)] }],
        nodes: [
            ...NodeNames.map((nodeName, joint) => ({
                name: nodeName,
                translation: place(joint),
                ...(children(joint).length > 0 ? { children: children(joint) } : {}),
            })),
            ...parts.map((part, i) => ({ name: `${name} ${part.name}`, mesh: i, skin: 0 })),
        ],
        skins: [
            {
                joints: NodeNames.map((_, joint) => joint),
                skeleton: 0,
                inverseBindMatrices: file.add(InverseBindMatrices(face.model), "MAT4"),
            },
        ],
        meshes,
        materials: looks.map(({ name: look, part }) => ({
            name: look,
            ...Looks[look],
            pbrMetallicRoughness: {
                baseColorTexture: { index: textures.indexOf(part.texture) },
                metallicFactor: 0,
                roughnessFactor: 0.9,
            },
            extensions: { [Unlit]: {} },
        })),
        textures: textures.map((_, source) => ({ source, sampler: 0 })),
        samplers: [Sampler],
    });
}

/** All have the same vertices. */
function WritePrimitives(
    file: GlbParts,
    part: IMeshPart,
): { readonly name: keyof typeof Looks; readonly primitive: object }[] {
    const { mesh, model, name } = part;
    const vertices = { target: VertexTarget };
    const { joints, weights } = SkinOf(model, mesh);
    const attributes = {
        POSITION: file.add(mesh.positions, "VEC3", { ...vertices, bounded: true }),
        NORMAL: file.add(mesh.normals, "VEC3", vertices),
        // glTF counts v from the top.
        TEXCOORD_0: file.add(
            mesh.uvs.map((value, i) => (i % 2 === 0 ? value : 1 - value)),
            "VEC2",
            vertices,
        ),
        JOINTS_0: file.add(joints, "VEC4", vertices),
        WEIGHTS_0: file.add(weights, "VEC4", { ...vertices, normalized: true }),
    };
    const targets = model.expressions.map((_, expression) => {
        const { indices, offsets } = MorphTargetOf(part, expression, true);
        const isEmpty = indices.length === 0; // a sparse accessor has one value at least
        return {
            POSITION: isEmpty
                ? file.addSparse(mesh.source.length, new Uint16Array(1), new Float32Array(3))
                : file.addSparse(mesh.source.length, indices, offsets),
        };
    });
    const { indices } = mesh;
    const solid = new Set(name === "bust" ? SolidFaces(part) : []);
    const pieces: [keyof typeof Looks, Uint32Array][] =
        name === "bust"
            ? [
                  ["bust", indices.filter((_, i) => solid.has(Math.floor(i / 3)))],
                  ["bust's end", indices.filter((_, i) => !solid.has(Math.floor(i / 3)))],
              ]
            : [[name, indices]];
    return pieces
        .filter(([, own]) => own.length > 0)
        .map(([look, own]) => ({
            name: look,
            primitive: {
                attributes,
                indices: file.add(Uint16Array.from(own), "SCALAR", { target: IndexTarget }),
                ...(targets.length > 0 ? { targets } : {}),
            },
        }));
}

/** The four joints of most weight per vertex, and their weights, which sum to 255. */
export function SkinOf({ weights }: HeadModel, { source }: ISeamlessMesh): { joints: Uint8Array; weights: Uint8Array } {
    const joints = new Uint8Array(4 * source.length);
    const shares = new Uint8Array(4 * source.length);
    source.forEach((vertex, i) => {
        const own = weights.subarray(JointCount * vertex, JointCount * (vertex + 1));
        const order = [0, 1, 2, 3, 4].sort((a, b) => own[b] - own[a]).slice(0, 4);
        const sum = order.reduce((total, joint) => total + own[joint], 0);
        order.forEach((joint, k) => {
            joints[4 * i + k] = own[joint] > 0 ? joint : 0;
            shares[4 * i + k] = own[joint] + (k === 0 ? 255 - sum : 0);
        });
    });
    return { joints, weights: shares };
}

/** [5,16] column-major: where nothing turns, joints only have places. */
function InverseBindMatrices({ joints }: HeadModel): Float32Array {
    const matrices = new Float32Array(16 * JointCount);
    for (let joint = 0; joint < JointCount; joint++) {
        for (let k = 0; k < 4; k++) {
            matrices[16 * joint + 5 * k] = 1;
        }
        for (let axis = 0; axis < 3; axis++) {
            matrices[16 * joint + 12 + axis] = -joints[3 * joint + axis];
        }
    }
    return matrices;
}
