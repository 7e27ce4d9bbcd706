/**
 * Avatars in `.babylon` files: what `SceneSerializer.Serialize` writes of them. avatarParser.ts brings them back.
 * A file holds each person once, as the bytes of a `.flexavatar` file in base64, however many instances the scene has.
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import { Camera } from "@babylonjs/core/Cameras/camera.js";
import { Light } from "@babylonjs/core/Lights/light.js";
import { Quaternion, type Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { EncodeArrayBufferToBase64 } from "@babylonjs/core/Misc/stringTools.js";
import type { Node } from "@babylonjs/core/node.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { NodeNames } from "../animation/avatarJoints.js";
import type { IFlexAvatarOptions } from "../componentOptions.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import type { BustOption, HairOption } from "../page/avatarPage.js";
import type { IHairSpringSettings } from "../page/hairSpring.js";
import { SerializedName } from "../names.js";
import type { ISavedAttachments } from "../attach/savedAttachments.js";
import { PlainSettings, type ISavedHandle } from "../live/savedSource.js";

/** One clip. */
export interface ISerializedClip {
    /** As Babylon writes it; a target's id is its name among `IAvatarInternals.clipTargets`. */
    group: { targetedAnimations: { targetId: string }[] };
    isPlaying: boolean;
}

/** One avatar of a file. */
export interface ISerializedAvatar {
    name: string;
    id: string;
    parentId?: string;
    /** Index into the people of the file. */
    person: number;
    position: number[];
    rotation: number[];
    scaling: number[];
    isEnabled: boolean;
    visibility: number;
    renderingGroupId: number;
    layerMask: number;
    /** Files written before levels of detail have none: the component's default applies. */
    levelOfDetail?: LevelOfDetail;
    /** Files written before culling have none. */
    cullBackFaces?: "auto" | boolean;
    /** Files written before depth culling have none. */
    cullHidden?: "auto" | boolean;
    /** Files written before second maps have none of the next three. */
    bust?: BustOption;
    hair?: HairOption;
    hairSpring?: IHairSpringSettings | null;
    /** Where the torso was moved. */
    torsoPosition?: number[];
    /** Influences that are not 0, by track. */
    expression: Record<string, number>;
    /** Quaternions in the avatar's axes, by joint. */
    joints: Record<string, number[]>;
    clips: ISerializedClip[];
    /** Files written before have none of the next three. */
    sources?: ISavedHandle[];
    attachments?: ISavedAttachments;
    /** Ids of nodes of the scene whose parent is a part of the avatar, by the part's number among its nodes. */
    children?: Record<string, string[]>;
}

/** All avatars of a file. */
export interface ISerializedAvatars {
    version: 2;
    options: { assetsUrl?: string; modelsUrl: string; model?: string };
    /** `.flexavatar` files, base64. */
    people: string[];
    avatars: ISerializedAvatar[];
}

/** A scene file in the making. */
export interface ISceneFile {
    animationGroups?: unknown[];
    meshes?: unknown[];
    morphTargetManagers?: { readonly id: number }[];
    transformNodes?: unknown[];
    cameras?: unknown[];
    lights?: unknown[];
    [SerializedName]?: unknown;
}

/** What is written of a `FlexAvatarComponent`. */
export interface IAvatarsOfScene {
    readonly scene: Scene;
    readonly options: Readonly<IFlexAvatarOptions>;
    readonly avatars: readonly FlexAvatar[];
}

/**
 * Adds the component's avatars to a scene file in the making, and takes their clips out of its animation groups, which
 * cannot name tracks, and their morph targets, where they are meshes.
 */
export function SerializeAvatars(component: IAvatarsOfScene, sceneFile: ISceneFile): void {
    component.avatars.forEach((avatar) => AddWhatHangsOn(avatar, sceneFile));
    const { animationGroups } = component.scene;
    const clips = new Set(component.avatars.flatMap((avatar) => avatar.clips));
    if (sceneFile.animationGroups?.length === animationGroups.length) {
        sceneFile.animationGroups = sceneFile.animationGroups.filter((_, index) => !clips.has(animationGroups[index]));
    }
    // Babylon also writes the morph targets of meshes that it does not write.
    const meshes = component.avatars.flatMap((avatar) => avatar.getChildMeshes());
    const own = new Set(meshes.map(({ morphTargetManager }) => morphTargetManager?.uniqueId));
    sceneFile.morphTargetManagers = sceneFile.morphTargetManagers?.filter(({ id }) => !own.has(id));
    sceneFile[SerializedName] = Describe(component);
}

function Describe(component: IAvatarsOfScene): ISerializedAvatars {
    const { assetsUrl, modelsUrl, model } = component.options;
    const people: string[] = [];
    const personOf = new Map<unknown, number>();
    const avatars = component.avatars.map((avatar) => {
        let person = personOf.get(avatar.description);
        if (person === undefined) {
            person = people.push(EncodeArrayBufferToBase64(avatar._internals.toFile())) - 1;
            personOf.set(avatar.description, person);
        }
        return SerializeAvatar(avatar, person);
    });
    return { version: 2, options: { assetsUrl, modelsUrl, ...(model ? { model } : {}) }, people, avatars };
}

function SerializeAvatar(avatar: FlexAvatar, person: number): ISerializedAvatar {
    const { expression } = avatar;
    const tracks = Array.from(expression.influences, (_, index) => expression.getTarget(index)).filter(
        ({ influence }) => influence !== 0,
    );
    return {
        name: avatar.name,
        id: avatar.id,
        ...(avatar.parent ? { parentId: avatar.parent.id } : {}),
        person,
        position: avatar.position.asArray(),
        rotation: RotationOf(avatar).asArray(),
        scaling: avatar.scaling.asArray(),
        isEnabled: avatar.isEnabled(false),
        visibility: avatar.visibility,
        renderingGroupId: avatar.renderingGroupId,
        layerMask: avatar.layerMask,
        levelOfDetail: avatar.levelOfDetail,
        cullBackFaces: avatar.cullBackFaces,
        cullHidden: avatar.cullHidden,
        bust: avatar.bust,
        hair: avatar.hair,
        hairSpring: avatar.hairSpring,
        torsoPosition: avatar.torso.position.asArray(),
        expression: Object.fromEntries(tracks.map(({ name, influence }) => [name, influence])),
        joints: Object.fromEntries(NodeNames.map((joint) => [joint, RotationOf(avatar[joint]).asArray()])),
        clips: avatar.clips.map((group) => SerializeClip(avatar, group)),
        sources: avatar.sources.flatMap(({ source, settings }) => {
            const saved = source.save?.();
            return saved ? [{ ...saved, handle: PlainSettings(settings) }] : [];
        }),
        attachments: avatar._internals.savedAttachments,
        children: ChildrenOf(avatar),
    };
}

/** What the page hung on the avatar's own nodes. */
function ChildrenOf(avatar: FlexAvatar): Record<string, string[]> {
    const parts = avatar._internals.nodes;
    return AsIfKept(avatar, () =>
        Object.fromEntries(
            parts.flatMap((part, index) => {
                const ids = part
                    .getChildren()
                    .filter((child) => !IsPart(avatar, child) && !child.doNotSerialize)
                    .map(({ id }) => id);
                return ids.length > 0 ? [[String(index), ids]] : [];
            }),
        ),
    );
}

/** Works while `doNotSerialize` of what hangs on an avatar's nodes tells of itself, not of them. */
function AsIfKept<T>(avatar: FlexAvatar, work: (made: ReadonlySet<Node>) => T): T {
    const made = new Set<Node>([avatar, ...avatar.getDescendants(false, (node) => IsPart(avatar, node))]);
    made.forEach((node) => (node.doNotSerialize = false));
    try {
        return work(made);
    } finally {
        made.forEach((node) => (node.doNotSerialize = true));
    }
}

/** Whether a node is made by the avatar itself. */
function IsPart(avatar: FlexAvatar, node: Node): boolean {
    const { nodes, savedAttachments } = avatar._internals;
    return (
        nodes.some((part) => part === node) ||
        node === avatar.proxyMesh ||
        savedAttachments.surface.some(({ id }) => id === node.id)
    );
}

/**
 * Babylon leaves out what hangs on nodes that it is told to leave out, as those of avatars. Geometries and materials
 * are in the file already.
 */
function AddWhatHangsOn(avatar: FlexAvatar, sceneFile: ISceneFile): void {
    AsIfKept(avatar, (made) => {
        for (const node of avatar.getDescendants()) {
            if (made.has(node) || node.doNotSerialize) {
                continue;
            }
            if (node instanceof AbstractMesh) {
                const mesh = {};
                node.serialize(mesh);
                sceneFile.meshes?.push(mesh);
            } else if (node instanceof TransformNode) {
                sceneFile.transformNodes?.push(node.serialize());
            } else if (node instanceof Light) {
                sceneFile.lights?.push(node.serialize());
            } else if (node instanceof Camera) {
                sceneFile.cameras?.push(node.serialize());
            }
        }
    });
}

function SerializeClip(avatar: FlexAvatar, group: AnimationGroup): ISerializedClip {
    const names = new Map<unknown, string>(
        [...avatar._internals.clipTargets()].map(([name, target]) => [target, name]),
    );
    const serialized = group.serialize() as ISerializedClip["group"];
    group.targetedAnimations.forEach(({ target }, index) => {
        serialized.targetedAnimations[index].targetId = names.get(target)!;
    });
    return { group: serialized, isPlaying: group.isPlaying };
}

function RotationOf({
    rotationQuaternion,
    rotation,
}: {
    rotationQuaternion: Quaternion | null;
    rotation: Vector3;
}): Quaternion {
    return rotationQuaternion?.clone() ?? Quaternion.FromEulerVector(rotation);
}
