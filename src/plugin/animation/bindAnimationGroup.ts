/**
 * Turns a clip made for a mesh character into one for an avatar: a new AnimationGroup with the same timing whose
 * targets are the avatar's expression tracks and the nodes that clips turn. The source group is not touched.
 * docs/clips.md lists what is understood.
 */
import "@babylonjs/core/Animations/animatable.js"; // without it nothing plays
import type { Animation } from "@babylonjs/core/Animations/animation.js";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Node } from "@babylonjs/core/node.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { ExpressionTracks } from "./expressionTracks.js";
import { FindMorphMeaning } from "./expressionTables.js";
import { FindJoint, IsBodyBone, IsTorsoBone, type JointName, type NodeName } from "./jointNames.js";
import { ConvertRotationChannels, TurnsNode, type IRotationChannel } from "./rotationChannels.js";
import { MergeWeights, type IWeightChannel } from "./weightChannels.js";

/**
 * What a name of a clip means: an expression or joint (`neck`, `jaw`, `leftEye`, `rightEye`, `torso`), several
 * expressions with their weights, or nothing.
 */
export type ClipAlias = string | Readonly<Record<string, number>> | null;

/** Settings of `FlexAvatar.bindAnimationGroup`. A field left undefined keeps its default. */
export interface IBindAnimationSettings {
    /** Name of the new group. Default: the source's name followed by the avatar's. */
    name?: string;
    /**
     * What names in the clip mean, before the built-in tables; null drops one. As in `{ AA: { jawOpen: 0.6,
     * mouthFunnel: 0.2 }, Skull: "neck", ears: null }`.
     */
    aliases?: Readonly<Record<string, ClipAlias>>;
    /** Multiplies all morph weights. Default: 0.01 if they are percentages, else 1. */
    weightScale?: number;
    /** Where the clip's model looks, in the axes of its data. Default +Z, as in glTF files; VRM 0.x looks along −Z. */
    facing?: Vector3;
    /**
     * Whether turns of spine and chest turn the avatar's torso, and head and shoulders with it. Default: where the
     * avatar has a bust that is shown, see {@link FlexAvatar.bust}. Else they are left out with the rest of the body.
     */
    torso?: boolean;
    /**
     * Called once for each name that could not be used, instead of the component's notice. Bones of a body are not
     * among them.
     */
    onMissing?: (name: string) => void;
}

/** What a clip can drive. */
export interface IAnimationTargets {
    readonly name: string;
    readonly expression: ExpressionTracks;
    /** The nodes that clips turn. */
    readonly joints: Readonly<Record<JointName, TransformNode>> & { readonly torso?: TransformNode };
}

/** What should be known about a clip that was bound. */
export interface IClipReport {
    /**
     * Names of morphs and nodes that move and that nothing of the avatar answers to; a node's other property after a
     * full stop (`Head.position`).
     */
    missing: string[];
    /** Number of moving bones of the body, which an avatar has not. */
    bodyBones: number;
    /** Names that several meshes or nodes animate differently; what moves most was taken. */
    doubles: string[];
    /** What the weights were multiplied with. */
    weightScale: number;
}

const MostNames = 20;

/**
 * Maps morph weights by name and rotations of nodes called head, neck, jaw or eye (in their usual spellings) to the
 * joints.
 * @param source clip of any mesh, for example from a glTF file; stays as it is
 * @param targets what the new group drives
 * @param scene scene of the new group
 * @param settings names and callbacks
 * @param onReport told once what was left out or changed
 * @returns the new group, owned by the caller
 * @throws FlexAvatarError `clip-empty` if nothing of the clip fits, `invalid-argument` for what is no clip
 */
export function BindAnimationGroup(
    source: AnimationGroup,
    targets: IAnimationTargets,
    scene: Scene,
    settings: IBindAnimationSettings = {},
    onReport?: (report: IClipReport) => void,
): AnimationGroup {
    if (!Array.isArray((source as AnimationGroup | undefined)?.targetedAnimations)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `bindAnimationGroup takes an AnimationGroup, and got ${String(source)}.`,
            { advice: "See whether the file has a clip: of one without, animationGroups is empty." },
        );
    }
    const { weights, rotations, report } = Sort(source, targets, settings);
    report.missing.forEach((name) => settings.onMissing?.(name));
    if (weights.every((channel) => Object.keys(channel.weights).length === 0) && rotations.size === 0) {
        throw new FlexAvatarError(
            "clip-empty",
            `The clip "${source.name}" has ${source.targetedAnimations.length} tracks and none fits the avatar "${targets.name}"` +
                (report.missing.length > 0 ? `; unknown names: ${ListNames(report.missing)}.` : "."),
        );
    }

    const group = new AnimationGroup(
        settings.name ?? `${source.name} ${targets.name}`,
        scene,
        source.weight,
        source.playOrder,
    );
    const merged = MergeWeights(weights, settings.weightScale);
    for (const [name, animation] of merged.animations) {
        group.addTargetedAnimation(animation, targets.expression.getTrack(name));
    }
    report.doubles.push(...merged.doubles);
    report.weightScale = merged.scale;
    const { facing = new Vector3(0, 0, 1) } = settings;
    for (const [joint, channels] of rotations) {
        const { animation, doubles } = ConvertRotationChannels(channels, `${group.name} ${joint}`, {
            sceneIsRightHanded: scene.useRightHandedSystem,
            facing,
        });
        group.addTargetedAnimation(animation, targets.joints[joint]!);
        report.doubles.push(...doubles);
    }
    group.normalize(source.from, source.to);
    group.speedRatio = source.speedRatio;
    group.loopAnimation = source.loopAnimation;
    group.isAdditive = source.isAdditive;
    if (source.enableBlending !== null) {
        group.enableBlending = source.enableBlending;
    }
    if (source.blendingSpeed !== null) {
        group.blendingSpeed = source.blendingSpeed;
    }
    onReport?.(report);
    return group;
}

/** Names for a message, the first of many. */
export function ListNames(names: readonly string[]): string {
    const more = names.length - MostNames;
    return names.slice(0, MostNames).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** Who drives what. */
function Sort(
    source: AnimationGroup,
    { expression, joints }: IAnimationTargets,
    { aliases, torso = false }: IBindAnimationSettings,
): { weights: IWeightChannel[]; rotations: Map<NodeName, IRotationChannel[]>; report: IClipReport } {
    const weights: IWeightChannel[] = [];
    const rotations = new Map<NodeName, IRotationChannel[]>();
    const missing = new Set<string>();
    const bodyBones = new Set<string>();
    for (const { animation, target } of source.targetedAnimations) {
        const name: string = target?.name ?? "";
        const alias = aliases && Object.hasOwn(aliases, name) ? aliases[name] : undefined;
        if (alias === null) {
            continue;
        }
        const { targetProperty } = animation;
        if (targetProperty === "influence") {
            const meaning = MeaningOf(name, alias, expression);
            if (meaning) {
                weights.push({ ...meaning, name, animation });
            } else {
                missing.add(name);
            }
            continue;
        }
        const wanted = typeof alias === "string" ? alias : name;
        const isTorso = joints.torso && (torso || wanted === alias) && IsTorsoBone(wanted);
        const joint = FindJoint(wanted, AncestorsOf(target as Node)) ?? (isTorso ? "torso" : null);
        if (joint && TurnsNode(targetProperty)) {
            rotations.set(joint, [...(rotations.get(joint) ?? []), { animation, node: target as TransformNode }]);
        } else if (Moves(animation)) {
            if (IsBodyBone(name)) {
                bodyBones.add(name);
            } else {
                missing.add(TurnsNode(targetProperty) ? name : `${name}.${targetProperty}`);
            }
        }
    }
    return {
        weights,
        rotations,
        report: { missing: [...missing], bodyBones: bodyBones.size, doubles: [], weightScale: 1 },
    };
}

/** What a morph feeds: by alias, by a track of its name, by the tables. Null if nothing that the head has. */
function MeaningOf(
    name: string,
    alias: ClipAlias | undefined,
    expression: ExpressionTracks,
): Pick<IWeightChannel, "key" | "weights"> | null {
    if (alias && typeof alias === "object") {
        const entries = Object.entries(alias).map(
            ([track, weight]) => [expression.getTrack(track).name, weight] as const,
        );
        return { key: `alias ${name}`, weights: Object.fromEntries(entries) };
    }
    const wanted = alias ?? name;
    const exact = expression.getTargetByName(wanted);
    if (exact?.name === wanted) {
        return { key: exact.name.toLowerCase(), weights: { [exact.name]: 1 } };
    }
    const meaning = FindMorphMeaning(wanted);
    if (meaning) {
        const entries = Object.entries(meaning.weights);
        const known = entries.filter(([track]) => expression.getTargetByName(track));
        return known.length > 0 || entries.length === 0
            ? { key: meaning.key, weights: Object.fromEntries(known) }
            : null;
    }
    return exact ? { key: exact.name.toLowerCase(), weights: { [exact.name]: 1 } } : null;
}

function AncestorsOf(node: Node | null): string[] {
    const names: string[] = [];
    for (let ancestor = node?.parent; ancestor; ancestor = ancestor.parent) {
        names.push(ancestor.name);
    }
    return names;
}

/** Exporters bake tracks that stand still; nobody misses those. */
function Moves(animation: Animation): boolean {
    const keys = animation.getKeys();
    const first = Numbers(keys[0]?.value);
    return keys.some(({ value }) => Numbers(value).some((number, index) => Math.abs(number - first[index]) > 1e-4));
}

function Numbers(value: unknown): number[] {
    if (typeof value === "number") {
        return [value];
    }
    return (value as { asArray?(): number[] } | undefined)?.asArray?.() ?? [];
}
