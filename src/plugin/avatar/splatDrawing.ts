/** An avatar as splats: which mesh draws it, and the avatar as that mesh knows it. Hair and bust go where the head goes. */
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import type { SplatCrowds } from "../draw/splatCrowds.js";
import type { FlexAvatarSplatMesh } from "../draw/splatMesh.js";
import type { ISplatMember } from "../draw/splatView.js";
import { AvatarPage } from "../page/avatarPage.js";
import type { PersonPage } from "../page/personPage.js";
import type { IAvatarDrawing, IAvatarLook, IDrawnPage } from "./avatarDrawing.js";
import type { AvatarPose } from "./avatarPose.js";
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";

/** Babylon's: seen by every camera that was not told otherwise. */
export const DefaultLayerMask = 0x0fffffff;

/** Owned by an avatar. */
export class SplatDrawing implements ISplatMember, IAvatarDrawing {
    public readonly painted = null;
    private _mesh: FlexAvatarSplatMesh;
    private _page: ISplatMember | null = null;
    /** Not while the avatar is in a container. */
    private _isShown = true;

    /**
     * @param _look the avatar; read in every frame
     * @param posedNode borrowed, as the next two
     * @param splats what is drawn; null while the device is lost
     */
    public constructor(
        private readonly _look: IAvatarLook,
        public readonly posedNode: TransformNode,
        public readonly proxyMesh: AbstractMesh,
        private readonly _crowds: SplatCrowds,
        public splats: AvatarEvaluator | null,
    ) {
        this._mesh = _crowds.join(this, 0, DefaultLayerMask);
    }

    /** The mesh that draws the avatar, and all others of its rendering group and layer mask. */
    public get splatMesh(): FlexAvatarSplatMesh {
        return this._mesh;
    }

    public get isThere(): boolean {
        return this.splats !== null;
    }

    public get renderingGroupId(): number {
        return this._mesh.renderingGroupId;
    }

    public get layerMask(): number {
        return this._mesh.layerMask;
    }

    public get visibility(): number {
        return this._look.visibility;
    }

    public get levelOfDetail(): LevelOfDetail {
        return this._look.levelOfDetail;
    }

    public get cullBackFaces(): "auto" | boolean {
        return this._look.cullBackFaces;
    }

    public get cullHidden(): "auto" | boolean {
        return this._look.cullHidden;
    }

    public isEnabled(): boolean {
        return this._look.isEnabled();
    }

    public isReady(): boolean {
        return this._mesh.isReady(true);
    }

    /** How it is seen is read view by view. */
    public show(pose: AvatarPose): void {
        if (pose.headMoved) {
            this.splats?.setExpression(pose.head);
        }
    }

    public createPage(person: PersonPage, pose: AvatarPose): IDrawnPage {
        return new AvatarPage(this, person, pose.page);
    }

    /** Goes over to the mesh of another group or mask, with the page. */
    public move(renderingGroupId: number, layerMask: number): void {
        const before = this._mesh;
        this._mesh = this._crowds.join(this, renderingGroupId, layerMask, before);
        if (this._page && this._isShown && this._mesh !== before) {
            this._crowds.add(this._page, this._mesh);
            this._crowds.leave(this._page, before);
        }
    }

    /** Draws a page beside the head, or none. */
    public setPage(page: ISplatMember | null): void {
        if (page === this._page) {
            return;
        }
        if (this._page && this._isShown) {
            this._crowds.leave(this._page, this._mesh);
        }
        this._page = page;
        if (page && this._isShown) {
            this._crowds.add(page, this._mesh);
        }
    }

    /** Takes head and page off their mesh, or gives them back. */
    public setShown(isShown: boolean): void {
        const { renderingGroupId, layerMask } = this._mesh;
        this._isShown = isShown;
        if (isShown) {
            this._mesh = this._crowds.join(this, renderingGroupId, layerMask);
            if (this._page) {
                this._crowds.add(this._page, this._mesh);
            }
        } else {
            if (this._page) {
                this._crowds.leave(this._page, this._mesh);
            }
            this._crowds.leave(this, this._mesh);
        }
    }

    /** The device is lost: nothing is drawn until there are splats again. */
    public lose(): void {
        this.splats?.dispose();
        this.splats = null;
        this._mesh.refreshMembers();
    }

    /** Leaves the mesh, and frees what is drawn. */
    public dispose(): void {
        this.setPage(null);
        this._crowds.leave(this, this._mesh);
        this.splats?.dispose();
    }
}
