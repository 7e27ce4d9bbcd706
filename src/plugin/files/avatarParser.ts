/** Brings back the avatars of `.babylon` files that avatarSerializer.ts wrote. */
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { AssetContainer } from "@babylonjs/core/assetContainer.js";
import { AddParser } from "@babylonjs/core/Loading/Plugins/babylonFileParser.function.js";
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { DecodeBase64ToBinary } from "@babylonjs/core/Misc/stringTools.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import { NodeNames } from "../animation/avatarJoints.js";
import type { ISavedCharacter } from "../attach/savedAttachments.js";
import { RestoreSource } from "./sourceParser.js";
import type { ISerializedAvatar, ISerializedAvatars } from "./avatarSerializer.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";
import { FindComponent, FlexAvatarComponent } from "../flexAvatarComponent.js";
import { SerializedName } from "../names.js";

/** Makes the parser known to Babylon. Called by the package; calling it again changes nothing. */
export function RegisterFlexAvatarParser(): void {
    AddParser(SerializedName, ParseAvatars);
}

/** The parser: brings back the avatars of a parsed `.babylon` file, if it has any. */
export function ParseAvatars(parsed: Record<string, unknown>, scene: Scene, container: AssetContainer): void {
    const found = parsed[SerializedName] as ISerializedAvatars | undefined;
    if (found) {
        // A parser cannot wait: the scene is not ready before the avatars are.
        scene.addPendingData(found);
        void RestoreAsync(found, scene, container).finally(() => scene.removePendingData(found));
    }
}

async function RestoreAsync(
    { version, options, people, avatars }: ISerializedAvatars,
    scene: Scene,
    container: AssetContainer,
): Promise<void> {
    // The file's addresses are for a scene that has none: those of the page win, and that is not worth a notice.
    const component = FindComponent(scene) ?? FlexAvatarComponent.GetOrCreate(scene, options);
    if (version !== 2) {
        component._internals.notify(
            "file-format",
            `The scene file's avatars have version ${String(version)} and this release reads version 2.`,
        );
        return;
    }
    const firsts = new Map<number, FlexAvatar>();
    const restored: [ISerializedAvatar, FlexAvatar][] = [];
    for (const serialized of avatars) {
        try {
            const first = firsts.get(serialized.person);
            const avatar = first
                ? first.createInstance(serialized.name)
                : await component.loadAsync(DecodeBase64ToBinary(people[serialized.person]), { name: serialized.name });
            firsts.set(serialized.person, first ?? avatar);
            Apply(serialized, avatar, scene);
            restored.push([serialized, avatar]);
            container.transformNodes.push(...avatar._internals.nodes);
            container.meshes.push(avatar.proxyMesh);
        } catch (error) {
            const code = error instanceof FlexAvatarError ? error.code : "file-format";
            component._internals.notify(
                code,
                `The avatar "${serialized.name}" of the scene file could not be brought back. ${String(error)}`,
            );
        }
    }
    for (const [serialized, avatar] of restored) {
        if (!avatar.isDisposed()) {
            Attach(serialized, avatar, scene, (code, message) => component._internals.notify(code, message));
        }
    }
}

/** Last, when all avatars are there: one may look at another, or hang on what hangs on it. */
function Attach(
    { sources = [], attachments, children = {} }: ISerializedAvatar,
    avatar: FlexAvatar,
    scene: Scene,
    notify: (code: string, message: string) => void,
): void {
    const hang = (parent: TransformNode, ids: readonly string[]): void =>
        ids.forEach((id) => {
            const child = scene.getNodeById(id);
            if (child) {
                child.parent = parent;
            }
        });
    const attempt = (what: string, work: () => void): void => {
        try {
            work();
        } catch (error) {
            const code = error instanceof FlexAvatarError ? error.code : "file-format";
            notify(code, `${what} of "${avatar.name}" in the scene file could not be brought back. ${String(error)}`);
        }
    };
    for (const [index, ids] of Object.entries(children)) {
        const part = avatar._internals.nodes[Number(index)];
        if (part) {
            hang(part, ids);
        }
    }
    for (const { id, name, target, axes, children: riders } of attachments?.surface ?? []) {
        attempt(`The node "${name}"`, () => {
            const node = avatar.attachToSurface(target, { name, axes });
            node.id = id;
            hang(node, riders);
        });
    }
    const character = attachments?.character;
    if (character) {
        attempt("The character", () => AttachToCharacter(character, avatar, scene));
    }
    for (const saved of sources) {
        attempt(`The source "${saved.kind}"`, () => RestoreSource(saved, avatar, notify));
    }
}

function AttachToCharacter(saved: ISavedCharacter, avatar: FlexAvatar, scene: Scene): void {
    const { target, bone, node, neckBone, offset, facing, ...settings } = saved;
    const mesh = scene.getMeshById(target);
    const followed = bone ?? scene.getTransformNodeById(node ?? "") ?? scene.getMeshById(node ?? "");
    if (!mesh || !followed) {
        throw new FlexAvatarError("invalid-argument", `The scene has no node "${mesh ? node : target}".`);
    }
    const bones = [mesh, ...mesh.getChildMeshes()].find(({ skeleton }) => skeleton)?.skeleton?.bones ?? [];
    const neck = bones.find(({ name }) => name === neckBone);
    avatar.attachToCharacter(mesh, followed, {
        ...settings,
        ...(neck ? { neckBone: neck } : {}),
        ...(offset ? { offset: Vector3.FromArray([...offset]) } : {}),
        ...(facing ? { facing: Vector3.FromArray([...facing]) } : {}),
    });
}

function Apply(serialized: ISerializedAvatar, avatar: FlexAvatar, scene: Scene): void {
    avatar.id = serialized.id;
    avatar.parent = serialized.parentId === undefined ? null : scene.getNodeById(serialized.parentId);
    avatar.position = Vector3.FromArray(serialized.position);
    avatar.rotationQuaternion = Quaternion.FromArray(serialized.rotation);
    avatar.scaling = Vector3.FromArray(serialized.scaling);
    avatar.setEnabled(serialized.isEnabled);
    avatar.visibility = serialized.visibility;
    avatar.renderingGroupId = serialized.renderingGroupId;
    avatar.layerMask = serialized.layerMask;
    avatar.levelOfDetail = serialized.levelOfDetail ?? avatar.levelOfDetail;
    avatar.cullBackFaces = serialized.cullBackFaces ?? avatar.cullBackFaces;
    avatar.cullHidden = serialized.cullHidden ?? avatar.cullHidden;
    for (const [name, influence] of Object.entries(serialized.expression)) {
        avatar.expression.getTrack(name).influence = influence;
    }
    avatar.bust = serialized.bust ?? avatar.bust;
    avatar.hair = serialized.hair ?? avatar.hair;
    avatar.hairSpring = serialized.hairSpring ?? avatar.hairSpring;
    for (const joint of NodeNames) {
        const turn = serialized.joints[joint];
        if (turn) {
            avatar[joint].rotationQuaternion = Quaternion.FromArray(turn);
        }
    }
    if (serialized.torsoPosition) {
        avatar.torso.position = Vector3.FromArray(serialized.torsoPosition);
    }
    const targets = avatar._internals.clipTargets();
    for (const { group: parsed, isPlaying } of serialized.clips) {
        const group = AnimationGroup.Parse(parsed, scene, ({ targetId }: { targetId: string }) =>
            targets.get(targetId),
        );
        avatar._internals.adoptClip(group);
        if (isPlaying) {
            group.start(group.loopAnimation, group.speedRatio, group.from, group.to);
        }
    }
}
