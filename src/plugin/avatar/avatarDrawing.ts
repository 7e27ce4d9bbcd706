/**
 * What draws one avatar, as the rest of it knows it. Two things do: splats on WebGPU (splatDrawing.ts), and a textured
 * mesh on other engines (../mesh/meshDrawing.ts). `AvatarFactory` makes what either needs, and avatarCore.ts takes the
 * one that it was given.
 */
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";
import type { ICloseUp } from "../../runtime/closeUp.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import type { FlexAvatarSplatMesh } from "../draw/splatMesh.js";
import type { ISplatMember } from "../draw/splatView.js";
import type { HiddenParts, PersonPage } from "../page/personPage.js";
import type { AvatarPose } from "./avatarPose.js";

/** How the user wants an avatar drawn. */
export interface IAvatarLook {
    /** 0..1 */
    readonly visibility: number;
    readonly levelOfDetail: LevelOfDetail;
    readonly cullBackFaces: "auto" | boolean;
    readonly cullHidden: "auto" | boolean;
    isEnabled(): boolean;
}

/** What draws hair beyond the scalp and bust of one avatar. */
export interface IDrawnPage {
    /** What is on the GPU device; null as a mesh, while all of it is hidden, and while the device is lost. */
    readonly splats: ISplatMember["splats"];
    /** Gaussians that are shown. */
    readonly gaussianCount: number;
    /** Bytes of GPU memory; what instances share is divided among them. */
    readonly byteLength: number;
    /** Shows the person's map of now, in the pose of now. @throws FlexAvatarError `too-many-avatars` */
    show(hidden: HiddenParts): void;
    /** Shows nothing for now: the device is lost. */
    hide(): void;
    /** Takes the pose over, which is another one than before. Allocates nothing. */
    showPose(): void;
    /** Frees what is drawn. */
    dispose(): void;
}

/** Textures of a map, which splats have no need of. */
export interface IPainted {
    /** @param staticMap [14,H,W], which differs from the one shown in its colors alone; read when there is time */
    setColors(staticMap: Float32Array): void;
    /** Shows detail for close-ups, 0..1 of it; none for null. */
    setCloseUp(closeUp: ICloseUp | null, strength: number): void;
}

/** Owned by an avatar. */
export interface IAvatarDrawing {
    /** Splats of the head; null as a mesh, and while the device is lost. */
    readonly splats: AvatarEvaluator | null;
    /** Whether there is something to pose: not while the device is lost. */
    readonly isThere: boolean;
    /** The mesh of all splats of a group and mask. @throws FlexAvatarError `webgpu-missing` where there are none */
    readonly splatMesh: FlexAvatarSplatMesh;
    /** What follows the person's colors; null where splats show the map itself. */
    readonly painted: IPainted | null;
    readonly renderingGroupId: number;
    readonly layerMask: number;
    /** Whether all can be drawn without delay. */
    isReady(): boolean;
    /** Goes over to another group or mask, with the page. */
    move(renderingGroupId: number, layerMask: number): void;
    /** Takes head and page out of the picture, or gives them back. */
    setShown(isShown: boolean): void;
    /** Takes over how it is to be seen, and the head's pose if that is another one. Every frame; allocates nothing. */
    show(pose: AvatarPose): void;
    /** A page of the person, not shown yet. */
    createPage(person: PersonPage, pose: AvatarPose): IDrawnPage;
    /** Frees what is drawn. */
    dispose(): void;
}
