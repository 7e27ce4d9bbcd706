/**
 * VRM animation files (`.vrma`): glTF binaries whose extension VRMC_vrm_animation says which node is which bone of a
 * person, which node's x is which expression, and which node's rotation is the gaze. Babylon's glTF loader loads the
 * nodes and ignores the meaning, so the few parts needed are read here.
 */
import { Animation } from "@babylonjs/core/Animations/animation.js";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import { AnimationKeyInterpolation, type IAnimationKey } from "@babylonjs/core/Animations/animationKey.js";
import { Quaternion } from "@babylonjs/core/Maths/math.vector.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import { FetchFileAsync } from "../../runtime/models/fetchFile.js";

/** Bones that turn something of a head, or of the torso that carries it. */
const HeadBones = ["spine", "chest", "upperChest", "neck", "head", "jaw", "leftEye", "rightEye"] as const;
/** Frames per second of the group, as the glTF loader has it. */
const FrameRate = 60;
const ExtensionName = "VRMC_vrm_animation";

interface INodeRef {
    node: number;
}
interface IGltf {
    nodes?: { name?: string; children?: number[]; rotation?: number[] }[];
    buffers?: { uri?: string; byteLength: number }[];
    bufferViews?: { buffer: number; byteOffset?: number; byteLength: number; byteStride?: number }[];
    accessors?: {
        bufferView?: number;
        byteOffset?: number;
        componentType: number;
        normalized?: boolean;
        count: number;
        type: string;
        sparse?: unknown;
    }[];
    animations?: {
        name?: string;
        channels: { sampler: number; target: { node?: number; path: string } }[];
        samplers: { input: number; output: number; interpolation?: "LINEAR" | "STEP" | "CUBICSPLINE" }[];
    }[];
    extensions?: {
        [ExtensionName]?: {
            humanoid?: { humanBones?: Record<string, INodeRef> };
            expressions?: { preset?: Record<string, INodeRef>; custom?: Record<string, INodeRef> };
            lookAt?: INodeRef;
        };
    };
}

/** Times and values of one channel, the values in steps of `size`; with tangents before and behind for a cubic one. */
interface ISamples {
    times: number[];
    values: number[];
    interpolation: "LINEAR" | "STEP" | "CUBICSPLINE";
}

/**
 * Reads a VRM animation for `FlexAvatar.bindAnimationGroup`: the turns of neck, head, jaw and eyes, the gaze, and all
 * expressions. Nothing is added to the scene but the group; bones of the body are left out. Dispose the group when it
 * is bound.
 * @param source address of a `.vrma` file, or its bytes
 * @param scene scene of the group
 * @returns the clip; it is also in `scene.animationGroups`
 * @throws FlexAvatarError `file-missing` if the file does not come, `file-format` if it is none, `clip-empty` if it
 * animates nothing of a head
 * @example
 * const clip = await LoadVrmAnimationAsync("hello.vrma", scene);
 * avatar.bindAnimationGroup(clip).start();
 */
export async function LoadVrmAnimationAsync(
    source: string | ArrayBuffer | ArrayBufferView | Blob,
    scene: Scene,
): Promise<AnimationGroup> {
    const { gltf, binary } = ParseGlb(await BytesAsync(source));
    const meaning = gltf.extensions?.[ExtensionName];
    const animation = gltf.animations?.[0];
    if (!meaning || !animation) {
        throw NotVrma(`it has no ${meaning ? "animation" : `extension ${ExtensionName}`}`);
    }
    const group = new AnimationGroup(animation.name ?? (typeof source === "string" ? source : "vrma"), scene);
    try {
        const bones = new Map<number, string>();
        for (const bone of HeadBones) {
            const node = meaning.humanoid?.humanBones?.[bone]?.node;
            if (node !== undefined) {
                bones.set(node, bone);
            }
        }
        const expressions = new Map(
            [
                ...Object.entries(meaning.expressions?.preset ?? {}),
                ...Object.entries(meaning.expressions?.custom ?? {}),
            ].map(([name, { node }]) => [node, name]),
        );
        const nodes = new NodeTree(gltf, bones, scene);
        const animatesEyes = animation.channels.some(({ target }) => /Eye$/.test(bones.get(target.node ?? -1) ?? ""));
        for (const { sampler, target } of animation.channels) {
            const { input, output, interpolation = "LINEAR" } = animation.samplers[sampler];
            const node = target.node ?? -1;
            const read = (): ISamples => ({
                times: ReadAccessor(gltf, binary, input, 1),
                values: ReadAccessor(gltf, binary, output, target.path === "rotation" ? 4 : 3),
                interpolation,
            });
            if (target.path === "rotation" && bones.has(node)) {
                group.addTargetedAnimation(RotationAnimation(bones.get(node)!, read()), nodes.get(node));
            } else if (target.path === "rotation" && node === meaning.lookAt?.node && !animatesEyes) {
                for (const eye of ["leftEye", "rightEye"]) {
                    group.addTargetedAnimation(RotationAnimation(eye, read()), nodes.loose(eye));
                }
            } else if (target.path === "translation" && expressions.has(node)) {
                const name = expressions.get(node)!;
                group.addTargetedAnimation(WeightAnimation(name, read()), { name, id: name, influence: 0 });
            }
        }
        if (group.targetedAnimations.length === 0) {
            throw new FlexAvatarError(
                "clip-empty",
                `The VRM animation "${group.name}" moves neither head nor eyes nor an expression.`,
            );
        }
    } catch (error) {
        group.dispose();
        throw error instanceof FlexAvatarError ? error : NotVrma(String(error), error);
    }
    return group;
}

function NotVrma(why: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is no VRM animation that can be read: ${why}.`, { cause });
}

async function BytesAsync(source: string | ArrayBuffer | ArrayBufferView | Blob): Promise<DataView> {
    if (typeof source === "string") {
        return new DataView((await FetchFileAsync(source, "the VRM animation")).buffer);
    }
    if (source instanceof Blob) {
        return new DataView(await source.arrayBuffer());
    }
    return source instanceof ArrayBuffer
        ? new DataView(source)
        : new DataView(source.buffer, source.byteOffset, source.byteLength);
}

/** The two chunks of a glTF binary. */
function ParseGlb(file: DataView): { gltf: IGltf; binary: DataView | null } {
    if (file.byteLength < 20 || file.getUint32(0, true) !== 0x46546c67 || file.getUint32(4, true) !== 2) {
        throw NotVrma("it is no glTF 2 binary");
    }
    let gltf: IGltf | null = null;
    let binary: DataView | null = null;
    for (let at = 12; at + 8 <= file.byteLength;) {
        const length = file.getUint32(at, true);
        const kind = file.getUint32(at + 4, true);
        if (at + 8 + length > file.byteLength) {
            throw NotVrma("it is cut off");
        }
        const chunk = new DataView(file.buffer, file.byteOffset + at + 8, length);
        if (kind === 0x4e4f534a && !gltf) {
            try {
                gltf = JSON.parse(new TextDecoder().decode(chunk)) as IGltf;
            } catch (cause) {
                throw NotVrma("its description is damaged", cause);
            }
        } else if (kind === 0x004e4942 && !binary) {
            binary = chunk;
        }
        at += 8 + 4 * Math.ceil(length / 4);
    }
    if (!gltf) {
        throw NotVrma("it has no description");
    }
    return { gltf, binary };
}

/** Bytes per number, how to read one, and what a normalized one is divided by. */
const ComponentTypes: Readonly<
    Record<number, { bytes: number; read(view: DataView, at: number): number; most: number }>
> = {
    5120: { bytes: 1, read: (view, at) => view.getInt8(at), most: 127 },
    5121: { bytes: 1, read: (view, at) => view.getUint8(at), most: 255 },
    5122: { bytes: 2, read: (view, at) => view.getInt16(at, true), most: 32767 },
    5123: { bytes: 2, read: (view, at) => view.getUint16(at, true), most: 65535 },
    5126: { bytes: 4, read: (view, at) => view.getFloat32(at, true), most: 1 },
};

function ReadAccessor(
    { accessors, bufferViews, buffers }: IGltf,
    binary: DataView | null,
    index: number,
    size: number,
): number[] {
    const accessor = accessors?.[index];
    const view = bufferViews?.[accessor?.bufferView ?? -1];
    const type = ComponentTypes[accessor?.componentType ?? -1];
    if (!accessor || !view || !type || accessor.sparse || !binary || view.buffer !== 0 || buffers?.[0]?.uri) {
        throw NotVrma(`its accessor ${index} is missing, sparse or outside the file`);
    }
    if (accessor.type !== ({ 1: "SCALAR", 3: "VEC3", 4: "VEC4" } as Record<number, string>)[size]) {
        throw NotVrma(`its accessor ${index} holds ${accessor.type}`);
    }
    const stride = view.byteStride ?? size * type.bytes;
    const start = (view.byteOffset ?? 0) + (accessor.byteOffset ?? 0);
    const numbers: number[] = [];
    for (let element = 0; element < accessor.count; element++) {
        for (let component = 0; component < size; component++) {
            const value = type.read(binary, start + element * stride + component * type.bytes);
            numbers.push(accessor.normalized ? Math.max(-1, value / type.most) : value);
        }
    }
    return numbers;
}

function RotationAnimation(name: string, samples: ISamples): Animation {
    const animation = new Animation(name, "rotationQuaternion", FrameRate, Animation.ANIMATIONTYPE_QUATERNION);
    animation.setKeys(Keys(samples, 4, (at, scale) => Quaternion.FromArray(samples.values, at).scaleInPlace(scale)));
    return animation;
}

function WeightAnimation(name: string, samples: ISamples): Animation {
    const animation = new Animation(name, "influence", FrameRate, Animation.ANIMATIONTYPE_FLOAT);
    animation.setKeys(Keys(samples, 3, (at, scale) => samples.values[at] * scale));
    return animation;
}

/** Keys as Babylon wants them: tangents per frame, not per second. */
function Keys(
    { times, values, interpolation }: ISamples,
    size: number,
    valueAt: (at: number, scale: number) => unknown,
): IAnimationKey[] {
    const cubic = interpolation === "CUBICSPLINE";
    if (times.length === 0 || values.length !== times.length * size * (cubic ? 3 : 1)) {
        throw NotVrma(`a track has ${times.length} times and ${values.length} numbers`);
    }
    return times.map((time, index) => {
        const frame = time * FrameRate;
        if (cubic) {
            const at = 3 * size * index;
            return {
                frame,
                inTangent: valueAt(at, 1 / FrameRate),
                value: valueAt(at + size, 1),
                outTangent: valueAt(at + 2 * size, 1 / FrameRate),
            };
        }
        const step = interpolation === "STEP" ? { interpolation: AnimationKeyInterpolation.STEP } : {};
        return { frame, value: valueAt(size * index, 1), ...step };
    });
}

/** The nodes whose rest pose matters, outside the scene's lists: bones of the head and what is above them. */
class NodeTree {
    private readonly _nodes = new Map<number, TransformNode>();
    private readonly _parents = new Map<number, number>();
    private readonly _root: TransformNode;

    public constructor(
        private readonly _gltf: IGltf,
        private readonly _bones: ReadonlyMap<number, string>,
        private readonly _scene: Scene,
    ) {
        _gltf.nodes?.forEach(({ children }, parent) => children?.forEach((child) => this._parents.set(child, parent)));
        // Below it the axes are glTF's.
        this._root = this.loose("__root__");
        this._root.scaling.z = _scene.useRightHandedSystem ? 1 : -1;
    }

    /** A node at rest without a place in the tree. */
    public loose(name: string): TransformNode {
        const node = new TransformNode(name, this._scene, false);
        node.parent = this._root ?? null;
        node.rotationQuaternion = Quaternion.Identity();
        return node;
    }

    public get(index: number, depth = 0): TransformNode {
        const description = this._gltf.nodes?.[index];
        if (!description || depth > 1000) {
            throw NotVrma(`it has no node ${index}, or nodes in a circle`);
        }
        let node = this._nodes.get(index);
        if (!node) {
            node = this.loose(this._bones.get(index) ?? description.name ?? `node ${index}`);
            this._nodes.set(index, node);
            node.rotationQuaternion = description.rotation
                ? Quaternion.FromArray(description.rotation)
                : Quaternion.Identity();
            const parent = this._parents.get(index);
            node.parent = parent === undefined ? this._root : this.get(parent, depth + 1);
        }
        return node;
    }
}
