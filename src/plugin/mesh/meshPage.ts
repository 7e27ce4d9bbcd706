/** Hair beyond the scalp and bust of one avatar as meshes. */
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { ExpressionPose } from "../../flame/expression.js";
import type { IDrawnPage } from "../avatar/avatarDrawing.js";
import type { MeshPartName } from "../../runtime/mesh/personMesh.js";
import type { HiddenParts } from "../../runtime/person/pageShape.js";
import type { PersonPage } from "../page/personPage.js";
import type { IBakedPage, PersonBody } from "./personBody.js";
import { SkinnedPart } from "./skinnedPart.js";

/** Owned by an avatar that has a second page. */
export class MeshPage implements IDrawnPage {
    public readonly splats = null;
    public readonly gaussianCount = 0;
    public readonly byteLength = 0;
    private _parts: readonly { readonly name: string; readonly skin: SkinnedPart }[] = [];
    private _baked: IBakedPage | null = null;
    private _hidden: HiddenParts = { hair: true, bust: true };
    private _isShown = true;
    /** Whether the map of now is not shown yet. */
    private _isBaking = false;

    /**
     * @param _name of the avatar
     * @param _posedNode borrowed, as all others: its axes are posed space
     * @param _pose the page's own joints, the same object always
     * @param _copyOf finds the mesh of a part in the latest copy of the avatar
     * @param _onNew told when there are other meshes
     */
    public constructor(
        private readonly _name: string,
        private readonly _posedNode: TransformNode,
        private readonly _body: PersonBody,
        private readonly _person: PersonPage,
        private readonly _pose: ExpressionPose,
        private readonly _copyOf: (part: MeshPartName) => Mesh | null,
        private readonly _onNew: () => void,
    ) {}

    /** What is drawn. */
    public get parts(): readonly SkinnedPart[] {
        return this._parts.map(({ skin }) => skin);
    }

    /** The mesh of a part, if it is there. */
    public meshOf(name: MeshPartName): Mesh | null {
        return this._parts.find((part) => part.name === name)?.skin.mesh ?? null;
    }

    /** Whether there is a bust below the neck, more of it than nothing. */
    public get showsBust(): boolean {
        return !this._hidden.bust && this._person.opacity > 0.5 && this._parts.some(({ name }) => name === "bust");
    }

    /** Whether all of it is there, as the person has it. */
    public get isReady(): boolean {
        return !this._isBaking;
    }

    /** A map that is not baked yet comes when it is. */
    public show(hidden: HiddenParts): void {
        this._hidden = { ...hidden };
        const { pageModel, map } = this._person;
        if (this._body.page && this._body.page.map === map) {
            this._take(this._body.page);
        } else if (pageModel) {
            this._isBaking = true;
            void this._body.bakePageAsync(pageModel, map).then((baked) => {
                if (this._isBaking && this._person.pageModel && baked.map === this._person.map) {
                    this._take(baked);
                }
            });
        }
    }

    public hide(): void {
        this._isBaking = false;
        this._baked = null;
        this._parts.forEach(({ skin }) => skin.dispose());
        this._parts = [];
    }

    public dispose(): void {
        this.hide();
    }

    public showPose(): void {
        for (const { skin } of this._parts) {
            skin.pose(this._pose.pose, this._pose.expression);
        }
    }

    /** @param visibility 0..1, of the avatar */
    public fade(visibility: number): void {
        for (const { skin } of this._parts) {
            skin.mesh.visibility = visibility * this._person.opacity;
        }
    }

    /** Takes the page out of the picture, or gives it back. */
    public setShown(isShown: boolean): void {
        this._isShown = isShown;
        for (const { name, skin } of this._parts) {
            skin.mesh.isVisible = isShown && !this._hidden[name === "hair" ? "hair" : "bust"];
        }
    }

    private _take(baked: IBakedPage): void {
        this._isBaking = false;
        if (baked === this._baked) {
            this.setShown(this._isShown);
            return;
        }
        this.hide();
        this._baked = baked;
        this._parts = baked.parts.map((part) => ({
            name: part.name,
            skin: new SkinnedPart(`${this._name}.${part.name}`, part, this._posedNode, this._copyOf),
        }));
        this.showPose();
        this._onNew();
    }
}
