/**
 * The second page of one avatar as the mesh that draws it knows it: a member beside the head, at the same place, posed
 * by the same joints.
 */
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { ExpressionPose } from "../../flame/expression.js";
import type { AvatarBuffers, SplatPipeline } from "../../runtime/passes/index.js";
import type { IDrawnPage } from "../avatar/avatarDrawing.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import type { FlexAvatarSplatMesh } from "../draw/splatMesh.js";
import { HasClipPlane, type ISplatMember } from "../draw/splatView.js";
import type { HiddenParts, IPageLease, PersonPage } from "./personPage.js";

/** `"auto"` shows the bust where the avatar has one and no character carries the head; `"none"` never. */
export type BustOption = "auto" | "none";
/** `"auto"` shows hair beyond the scalp where the avatar has it; `"scalp"` what the head itself carries. */
export type HairOption = "auto" | "scalp";

/** The head that a page goes with. */
export interface IPageOwner extends ISplatMember {
    readonly splatMesh: FlexAvatarSplatMesh;
    /** Draws a page beside the head, or none. */
    setPage(page: ISplatMember | null): void;
}

/** Owned by an avatar that has a second page. */
export class AvatarPage implements ISplatMember, IDrawnPage {
    private _lease: IPageLease | null = null;
    private _splats: { pipeline: SplatPipeline; buffers: AvatarBuffers; revision: number } | null = null;

    /**
     * @param _avatar borrowed: where it stands and how it is seen
     * @param _person borrowed: buffers, and how far the page has faded in
     * @param _pose borrowed: the page's own joints, the same object always
     */
    public constructor(
        private readonly _avatar: IPageOwner,
        private readonly _person: PersonPage,
        private readonly _pose: ExpressionPose,
    ) {}

    /** What is drawn, or null while all of it is hidden or the device is lost. */
    public get splats(): Readonly<{ pipeline: SplatPipeline; buffers: AvatarBuffers; revision: number }> | null {
        return this._splats;
    }

    public get posedNode(): TransformNode {
        return this._avatar.posedNode;
    }

    public get visibility(): number {
        return this._avatar.visibility * this._person.opacity;
    }

    public get levelOfDetail(): LevelOfDetail {
        return this._avatar.levelOfDetail;
    }

    /**
     * Where the head is closed and wholly seen, what looks away of one-sided regions is left out: the bust's back. Hair
     * has two sides.
     */
    public get cullBackFaces(): boolean {
        const { cullBackFaces, splats, visibility, posedNode } = this._avatar;
        return cullBackFaces === "auto"
            ? splats?.buffers.isOpaque === true && visibility === 1 && !HasClipPlane(posedNode.getScene())
            : cullBackFaces;
    }

    /** Hair hides nothing for certain. What the head hides is left out all the same. */
    public get cullHidden(): boolean {
        return false;
    }

    public get proxyMesh(): AbstractMesh {
        return this._avatar.proxyMesh;
    }

    public isEnabled(): boolean {
        return this._avatar.isEnabled();
    }

    /** Number of Gaussians that are shown. */
    public get gaussianCount(): number {
        return this._splats?.buffers.gaussianCount ?? 0;
    }

    /** Bytes of GPU memory; what instances share is divided among them. */
    public get byteLength(): number {
        const buffers = this._splats?.buffers;
        return buffers ? buffers.byteLength + buffers.head.ownByteLength / buffers.head.avatars.usedCount : 0;
    }

    public show(hidden: HiddenParts): void {
        const pipeline = this._avatar.splats?.pipeline ?? null;
        let lease: IPageLease | null = null;
        try {
            lease = pipeline && this._person.acquire(pipeline.device, hidden);
        } finally {
            this._take(pipeline, lease);
            this._avatar.setPage(lease ? this : null);
            if (lease) {
                this._avatar.splatMesh.refreshMembers();
            }
        }
    }

    public hide(): void {
        this._take(null, null);
    }

    public dispose(): void {
        this._avatar.setPage(null);
        this._take(null, null);
    }

    /** Takes the pose over, which is another one than before. Allocates nothing. */
    public showPose(): void {
        if (this._splats) {
            this._splats.buffers.setExpression(this._pose);
            this._splats.revision++;
        }
    }

    /** Goes over to other buffers, owned from now on, or to none. */
    private _take(pipeline: SplatPipeline | null, lease: IPageLease | null): void {
        this._lease?.release();
        this._lease = lease;
        this._splats = lease && pipeline ? { pipeline, buffers: lease.buffers, revision: 1 } : null;
        lease?.buffers.setExpression(this._pose);
    }
}
