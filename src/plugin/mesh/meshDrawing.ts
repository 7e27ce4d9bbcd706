/** An avatar as textured meshes, for engines without WebGPU. It shows what splats show, but for the driver's detail. */
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { FlexAvatarError } from "../../flame/error.js";
import { EffectivePose } from "../../flame/expression.js";
import { PoseLength } from "../../flame/headModel.js";
import type { ICloseUp } from "../../runtime/closeUp.js";
import type { MeshPartName } from "../../runtime/mesh/personMesh.js";
import type { IAvatarDrawing, IAvatarLook, IDrawnPage, IPainted } from "../avatar/avatarDrawing.js";
import type { AvatarPose } from "../avatar/avatarPose.js";
import { DefaultLayerMask } from "../avatar/splatDrawing.js";
import type { FlexAvatarSplatMesh } from "../draw/splatMesh.js";
import type { PersonPage } from "../page/personPage.js";
import { MeshPage } from "./meshPage.js";
import { SameColors, type IFaceColors, type PersonBody } from "./personBody.js";
import { SkinnedPart } from "./skinnedPart.js";

/** Owned by an avatar. */
export class MeshDrawing implements IAvatarDrawing, IPainted {
    public readonly splats = null;
    public readonly isThere = true;
    private readonly _face: SkinnedPart;
    private readonly _turns = new Float32Array(PoseLength);
    private _page: MeshPage | null = null;
    private _renderingGroupId = 0;
    private _layerMask = DefaultLayerMask;
    private _isShown = true;
    private _isDisposed = false;
    /** What is to be painted, as it was asked for last. */
    private _colors: IFaceColors;
    private _isPainting = false;
    private _painted: IFaceColors;

    /**
     * @param _look the avatar; read in every frame
     * @param _posedNode borrowed: its axes are posed space
     * @param _body borrowed
     * @param _latestCopy what draws the latest copy of the avatar
     */
    public constructor(
        private readonly _look: IAvatarLook & { readonly name: string },
        private readonly _posedNode: TransformNode,
        private readonly _body: PersonBody,
        private readonly _latestCopy: () => IAvatarDrawing | null,
    ) {
        this._face = new SkinnedPart(`${_look.name}.face`, _body.face, _posedNode, this._copyOf);
        this._colors = this._painted = _body.painted;
    }

    public get painted(): IPainted {
        return this;
    }

    public get splatMesh(): FlexAvatarSplatMesh {
        throw new FlexAvatarError(
            "webgpu-missing",
            `"${this._look.name}" is drawn as a mesh, because the engine has no WebGPU: it has no splatMesh.`,
            { advice: "Ask avatar.isMesh before; renderingGroupId, layerMask and visibility are the avatar's own." },
        );
    }

    public get renderingGroupId(): number {
        return this._renderingGroupId;
    }

    public get layerMask(): number {
        return this._layerMask;
    }

    public isReady(): boolean {
        return (
            !this._isPainting && this._parts.every(({ mesh }) => mesh.isReady(true)) && this._page?.isReady !== false
        );
    }

    public move(renderingGroupId: number, layerMask: number): void {
        this._renderingGroupId = renderingGroupId;
        this._layerMask = layerMask;
        this._showParts();
    }

    public setShown(isShown: boolean): void {
        this._isShown = isShown;
        this._showParts();
    }

    public show(pose: AvatarPose): void {
        if (pose.headMoved) {
            EffectivePose(this._body.face.model, pose.head, this._turns);
            this._face.pose(this._turns, pose.head.expression);
        }
        this._face.mesh.visibility = this._look.visibility;
        this._face.showSkirt(this._page?.showsBust ?? false);
        this._page?.fade(this._look.visibility);
    }

    public createPage(person: PersonPage, pose: AvatarPose): IDrawnPage {
        const onNew = (): void => this._showParts();
        this._page = new MeshPage(this._look.name, this._posedNode, this._body, person, pose.page, this._copyOf, onNew);
        return this._page;
    }

    public setColors(map: Float32Array): void {
        this._paint({ ...this._colors, map });
    }

    public setCloseUp(closeUp: ICloseUp | null, strength: number): void {
        this._paint({ ...this._colors, closeUp, strength });
    }

    public dispose(): void {
        this._isDisposed = true;
        this._page?.dispose();
        this._face.dispose();
    }

    /** The mesh of a part, if it is there. */
    public meshOf(name: MeshPartName): Mesh | null {
        return name === "face" ? this._face.mesh : (this._page?.meshOf(name) ?? null);
    }

    private readonly _copyOf = (name: MeshPartName): Mesh | null => {
        const copy = this._latestCopy();
        return copy instanceof MeshDrawing ? copy.meshOf(name) : null;
    };

    private get _parts(): readonly SkinnedPart[] {
        return [this._face, ...(this._page?.parts ?? [])];
    }

    private _showParts(): void {
        for (const { mesh } of this._parts) {
            mesh.renderingGroupId = this._renderingGroupId;
            mesh.layerMask = this._layerMask;
        }
        this._face.mesh.isVisible = this._isShown;
        this._page?.setShown(this._isShown);
    }

    /** Paints when there is time; what is asked for meanwhile comes next. */
    private _paint(colors: IFaceColors): void {
        this._colors = colors;
        if (!this._isPainting && !SameColors(colors, this._painted)) {
            this._isPainting = true;
            void this._paintAsync();
        }
    }

    private async _paintAsync(): Promise<void> {
        do {
            const colors = { ...this._colors, map: Float32Array.from(this._colors.map) };
            const texture = await this._body.paintAsync(colors);
            if (this._isDisposed) {
                return;
            }
            this._face.repaint(texture);
            this._painted = colors;
        } while (!SameColors(this._colors, this._painted));
        this._isPainting = false;
    }
}
