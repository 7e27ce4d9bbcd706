/** What hangs on one avatar, what it hangs on, and where a ray has hit it. */
import type { Bone } from "@babylonjs/core/Bones/bone.js";
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { CharacterAttachment, type ICharacterSettings } from "../attach/characterAttachment.js";
import { RegionOfPick, type IPickedRegion } from "../attach/regions.js";
import { SurfaceNodes, type ISurfaceSettings } from "../attach/surfaceNodes.js";
import type { ISavedAttachments } from "../attach/savedAttachments.js";
import type { SurfaceTarget } from "../attach/surfacePlaces.js";
import type { FlexAvatarProxyMesh, IProxySource } from "../draw/proxyMesh.js";
import type { PersonPage } from "../page/personPage.js";
import type { AvatarMaps } from "./avatarMaps.js";
import type { AvatarPose } from "./avatarPose.js";
import type { HairAndBust } from "./hairAndBust.js";

/** What attachments use of an avatar; all of it borrowed. */
export interface IAttachedParts {
    readonly avatar: TransformNode;
    readonly surfaces: IProxySource;
    readonly pose: AvatarPose;
    readonly page: PersonPage;
    readonly proxyMesh: FlexAvatarProxyMesh;
    readonly maps: AvatarMaps;
    readonly hairAndBust: HairAndBust;
}

/** Owned by an avatar. */
export class AvatarAttachments {
    private _surfaceNodes: SurfaceNodes | null = null;
    private _character: CharacterAttachment | null = null;
    /** Brings the avatar to where its character is. */
    private _follow: (() => void) | null = null;

    public constructor(private readonly _parts: IAttachedParts) {}

    /** See {@link FlexAvatar.attachToSurface}. */
    public toSurface(target: SurfaceTarget, settings: ISurfaceSettings): TransformNode {
        const { avatar, surfaces, pose, page } = this._parts;
        const { torso } = pose.joints.joints;
        this._surfaceNodes ??= new SurfaceNodes(avatar, surfaces.surface, torso, () => page.surface);
        return this._surfaceNodes.add(target, settings, pose);
    }

    /** See {@link FlexAvatar.attachToCharacter}. */
    public toCharacter(
        mesh: AbstractMesh,
        boneOrNode: Bone | TransformNode | string,
        settings: ICharacterSettings,
    ): CharacterAttachment {
        const { avatar, surfaces, pose, maps, hairAndBust } = this._parts;
        this._character?.dispose();
        this._character = new CharacterAttachment(
            {
                node: avatar,
                surface: surfaces.surface,
                carried: pose.joints.carried,
                feather: (ring, length) => maps.feather(ring, length),
                hideBust: (isHidden) => (hairAndBust.isCarried = isHidden),
                everyFrame: (move) => (this._follow = move),
            },
            mesh,
            boneOrNode,
            settings,
        );
        return this._character;
    }

    /** See {@link FlexAvatar.regionOf}. */
    public regionOf(info: PickingInfo): IPickedRegion | null {
        const { surfaces, proxyMesh } = this._parts;
        return info.hit && info.pickedMesh === proxyMesh
            ? RegionOfPick(surfaces.surface.model, info, surfaces.page)
            : null;
    }

    /** Follows the character, before the pose is read: it moves the avatar and turns its neck. Allocates nothing. */
    public follow(): void {
        this._follow?.();
    }

    /** Moves what rides on the skin, after the pose was read. Allocates nothing. */
    public update(): void {
        this._surfaceNodes?.update(this._parts.pose);
    }

    /** What hangs on the skin and what the head hangs on, for scene files. */
    public save(): ISavedAttachments {
        const character = this._character?.isDisposed === false ? this._character.save() : null;
        return { surface: this._surfaceNodes?.save() ?? [], ...(character ? { character } : {}) };
    }

    /** Takes the head off its character, and disposes what rides on the skin. */
    public dispose(): void {
        this._character?.dispose();
        this._surfaceNodes?.dispose();
    }
}
